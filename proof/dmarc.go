package proof

import (
	"context"
	"fmt"
	"strings"
)

// DMARC is the policy that receivers find for a domain (RFC 9989).
type DMARC struct {
	Domain  string // that was asked about
	Policy  string // none, quarantine or reject, as it counts for Domain; "": no policy is found
	Found   string // the domain whose record it is
	Record  string
	Org     string // the organisational domain that the walk finds: both need alignment to it
	Testing bool   // t=y: receivers are asked to act one step milder
	Reports bool   // rua= asks for reports
	Problem string // why a record doesn't count, or why the walk ended early
	Queries int    // at most maxWalk
}

const (
	maxWalk     = 8 // queries of a tree walk, RFC 9989 section 4.10
	walkLabels  = 7 // labels that are left after the first query for a longer name
	dmarcPrefix = "_dmarc."
)

// dmarcRecord is one record on the walk.
type dmarcRecord struct {
	domain, text string
	tags         tagList
}

// DiscoverDMARC finds the policy for a domain by the tree walk of RFC 9989 section 4.10: from the domain up to its
// top-level domain, no suffix list asked. The record at the domain itself counts; else that of the organisational domain,
// else that of the public suffix above it. An error means that DNS could not answer.
func DiscoverDMARC(ctx context.Context, dns Resolver, domain string) (DMARC, error) {
	d := DMARC{Domain: strings.ToLower(strings.TrimSuffix(domain, "."))}
	records, err := d.walk(ctx, dns)
	if err != nil {
		return d, err
	}
	org := orgRecord(records, d.Domain)
	d.Org = d.Domain
	if org.domain != "" {
		d.Org = org.domain
	}
	for _, r := range records {
		if r.domain == d.Domain {
			d.apply(r, "p")
			return d, nil
		}
	}
	for _, r := range records { // the walk goes up: the organisational domain comes before the suffix
		if r.domain == d.Org || r.tags.value("psd") == "y" {
			d.apply(r, "sp")
			return d, nil
		}
	}
	return d, nil
}

// walk collects the records from the domain upwards.
func (d *DMARC) walk(ctx context.Context, dns Resolver) (records []dmarcRecord, err error) {
	labels := strings.Split(d.Domain, ".")
	for len(labels) > 0 && d.Queries < maxWalk {
		name := strings.Join(labels, ".")
		d.Queries++
		txts, err := dns.LookupTXT(ctx, dmarcPrefix+name)
		if err != nil {
			return records, fmt.Errorf("looking up the DMARC policy of %s: %w", name, err)
		}
		if r, ok := d.pick(name, txts); ok {
			records = append(records, r)
			if psd := r.tags.value("psd"); psd == "n" || psd == "y" && d.Queries > 1 {
				break
			}
		}
		labels = labels[1:]
		if len(labels) > walkLabels {
			labels = labels[len(labels)-walkLabels:]
		}
	}
	return records, nil
}

// pick takes the one record of a name. More than one count as none (section 4.10).
func (d *DMARC) pick(name string, txts []string) (found dmarcRecord, ok bool) {
	n := 0
	for _, txt := range txts {
		tags, err := parseTags(txt)
		if err != nil || len(tags) == 0 || tags[0].name != "v" || tags[0].value != "DMARC1" {
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(txt)), "v=dmarc") {
				d.Problem = fmt.Sprintf("the record of %s is no DMARC record: %s", dmarcPrefix+name, dmarcFault(err))
			}
			continue
		}
		found = dmarcRecord{name, txt, tags}
		n++
	}
	if n > 1 {
		d.Problem = fmt.Sprintf("%s has %d DMARC records, so none counts", dmarcPrefix+name, n)
	}
	return found, n == 1
}

func dmarcFault(err error) string {
	if err != nil {
		return err.Error()
	}
	return "it has to begin with v=DMARC1"
}

// orgRecord picks the record that marks the organisational domain (section 4.10.2): one that says psd=n; the domain one
// label below one that says psd=y; else the highest record of the walk.
func orgRecord(records []dmarcRecord, start string) dmarcRecord {
	var highest dmarcRecord
	for _, r := range records {
		switch r.tags.value("psd") {
		case "n":
			return r
		case "y":
			if r.domain != start {
				return dmarcRecord{domain: below(start, r.domain)}
			}
		}
		highest = r
	}
	return highest
}

// below is the name on the way down to start that has one label more than above.
func below(start, above string) string {
	rest := strings.TrimSuffix(start, "."+above)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + above
}

// apply reads the policy of a record. For a subdomain sp= counts before p=; np=, for subdomains that don't exist, is not
// looked at: whoever asks has a domain that sends. A policy that can't be understood means none if the record asks for
// reports, else there is no DMARC at all (section 4.10.1).
func (d *DMARC) apply(r dmarcRecord, tag string) {
	d.Found, d.Record = r.domain, r.text
	d.Testing = strings.EqualFold(r.tags.value("t"), "y")
	d.Reports = r.tags.value("rua") != ""
	value := strings.ToLower(r.tags.value(tag))
	if value == "" {
		tag, value = "p", strings.ToLower(r.tags.value("p"))
	}
	switch value {
	case "none", "quarantine", "reject":
		d.Policy = value
	case "":
		d.Policy = "none"
	default:
		effect := "receivers ignore the record"
		if d.Reports {
			d.Policy, effect = "none", "it counts as none"
		}
		d.Problem = fmt.Sprintf("%s=%.20s in the record of %s is no policy: %s", tag, value, dmarcPrefix+d.Found, effect)
	}
}
