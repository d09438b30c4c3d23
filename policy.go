package ndrscan

import (
	"context"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
	"ndrscan/spf"
)

// Bounds of what the report shows of a policy: terms, and the time that its look-ups may take.
const (
	maxPolicyTerms = 200
	policyTimeout  = 20 * time.Second
)

// policy looks at a domain's whole policy, as it is now: its terms, those of included records among them, each with what is
// wrong with it, and the errors that keep receivers from following it.
func (r *run) policy(ctx context.Context, domain string) (terms []classify.PolicyTerm, errors []string) {
	ctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	lint, err := spf.Lint(ctx, r.opts.Resolver, domain, spf.LintOptions{})
	if err != nil {
		return nil, nil
	}
	terms = policyTerms(spf.NewSurvey(ctx, r.opts.Resolver, domain).Explain(), 0, nil)
	for _, issue := range lint.Issues {
		if issue.Severity == spf.SeverityError {
			errors = append(errors, issue.ID+": "+issue.Problem)
		}
		at := slices.IndexFunc(terms, func(t classify.PolicyTerm) bool {
			return issue.Severity != spf.SeverityInfo && strings.EqualFold(t.Domain, issue.Domain) && t.Term == issue.Term
		})
		if at >= 0 && !slices.Contains(terms[at].Problems, issue.Problem) {
			terms[at].Problems = append(terms[at].Problems, issue.Problem)
		}
	}
	return terms, errors
}

// policyTerms writes the tree of a policy as a list in the order of evaluation.
func policyTerms(record *spf.Explanation, depth int, list []classify.PolicyTerm) []classify.PolicyTerm {
	for _, t := range record.Terms {
		if len(list) >= maxPolicyTerms {
			return list
		}
		term := classify.PolicyTerm{Depth: depth, Domain: record.Domain, Term: t.Term, Says: t.Text}
		for _, problem := range []string{t.Problem, t.Ignored, t.Shared} {
			if problem != "" {
				term.Problems = append(term.Problems, problem)
			}
		}
		list = append(list, term)
		if t.Below != nil {
			list = policyTerms(t.Below, depth+1, list)
		}
	}
	return list
}
