package ndrscan_test

import (
	"fmt"
	"testing"

	"ndrscan/classify"
)

// TestSums holds that the numbers of the lab's reports add up, and that every id that a row shows opens a message of that row.
func TestSums(t *testing.T) {
	for _, flood := range labFloods {
		t.Run(flood.name, func(t *testing.T) {
			r, findings := scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
			byID := map[string]classify.Finding{}
			kinds, classes := map[string]int{}, map[classify.Class]int{}
			for _, f := range findings {
				byID[f.ID] = f
				kinds[f.Kind]++
				if f.Class != "" {
					classes[f.Class]++
				}
			}
			s := sums{t: t, findings: findings, byID: byID}
			s.same("read", r.Read, len(findings))
			s.same("kinds", r.Kinds, kinds)
			s.same("classes", r.Classes, classes)
			s.verdict(r)
			s.rows(r)
			hours, episodes := map[classify.Class]int{}, map[classify.Class]int{}
			for _, h := range r.Timeline {
				addClasses(hours, h.Classes)
			}
			for _, e := range r.Episodes {
				addClasses(episodes, e.Classes)
			}
			s.same("classes of the timeline", hours, classes)
			s.same("classes of the episodes", episodes, classes)
			for _, f := range r.Samples {
				s.same("sample "+f.ID, fmt.Sprint(f.Class, f.Reasons), fmt.Sprint(byID[f.ID].Class, byID[f.ID].Reasons))
			}
		})
	}
}

func addClasses(sum, more map[classify.Class]int) {
	for class, n := range more {
		sum[class] += n
	}
}

type sums struct {
	t        *testing.T
	findings []classify.Finding
	byID     map[string]classify.Finding
}

func (s sums) same(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// verdict checks the cells of the verdict and its share against a count by hand.
func (s sums) verdict(r *classify.Report) {
	leads := map[classify.Judgement][]classify.Class{classify.JoeJob: {classify.Forged}, classify.Compromise: {classify.Compromised},
		classify.Both: {classify.Forged, classify.Compromised}, classify.MisconfiguredSender: {classify.Misconfigured}}[r.Verdict.Verdict]
	cells, all := map[string]bool{}, map[string]bool{}
	for _, f := range s.findings {
		if f.Class == "" || f.Class == classify.Undetermined {
			continue
		}
		key := string(f.Class) + f.Cell
		all[key] = true
		for _, lead := range leads {
			if f.Class == lead {
				cells[key] = true
			}
		}
	}
	s.same("cells", r.Verdict.Witnesses.Cells, len(cells))
	s.same("share", fmt.Sprintf("%.3f", *r.Verdict.Share), fmt.Sprintf("%.3f", float64(len(cells))/float64(len(all))))
	for _, id := range r.Verdict.Evidence {
		if f, ok := s.byID[id]; !ok || f.Class == "" || f.Class == classify.Undetermined {
			s.t.Errorf("evidence %s: %+v", id, f)
		}
	}
}

// rows checks what each row counts and shows.
func (s sums) rows(r *classify.Report) {
	for _, o := range r.Origins {
		s.row("origin "+o.IP, o.Messages, o.Evidence, func(f classify.Finding) bool { return f.Origin != nil && f.Origin.IP == o.IP })
	}
	for _, c := range r.Campaigns {
		s.row("campaign "+c.Campaign, c.Messages, c.Evidence, func(f classify.Finding) bool { return f.Campaign == c.Campaign })
	}
	for _, w := range r.Witnesses {
		s.row("witness "+w.Witness, w.Messages, w.Evidence, func(f classify.Finding) bool { return f.Reporter != nil && f.Reporter.Witness == w.Witness })
	}
	for _, i := range r.Impersonated {
		s.row("impersonated "+i.Address, i.Messages, i.Evidence, func(f classify.Finding) bool { return f.Class == classify.Forged && f.Original.MailFrom == i.Address })
	}
	for _, a := range r.Accounts {
		what := fmt.Sprintf("account %q at %s, %s", a.Login, a.Host, a.Class)
		of := func(f classify.Finding) bool {
			return f.Class == a.Class && f.Origin != nil && f.Origin.Own && f.Origin.AuthUser == a.Login && f.Origin.EntryHost == a.Host
		}
		s.row(what, a.Messages, a.Evidence, of)
		failed, clients := map[string]bool{}, 0
		for _, f := range s.findings {
			for _, rcpt := range f.Recipients {
				if of(f) {
					failed[rcpt.Address] = true
				}
			}
		}
		s.same(what+": failed recipients", a.FailedRecipients, len(failed))
		for _, c := range a.Clients {
			clients += c.Messages
			s.row(what+" from "+c.IP, c.Messages, nil, func(f classify.Finding) bool { return of(f) && f.Origin.ClientIP == c.IP })
		}
		if len(a.Clients) > 0 {
			s.same(what+": messages of its clients", clients, a.Messages)
		}
	}
}

// row holds that a row counts the bounces that are of it, and that the ids it shows are of it.
func (s sums) row(what string, messages int, ids []string, of func(classify.Finding) bool) {
	s.t.Helper()
	n := 0
	for _, f := range s.findings {
		if f.Kind == "bounce" && of(f) {
			n++
		}
	}
	s.same(what, messages, n)
	for _, id := range ids {
		if f, ok := s.byID[id]; !ok || !of(f) {
			s.t.Errorf("%s: id %s is not of it", what, id)
		}
	}
}
