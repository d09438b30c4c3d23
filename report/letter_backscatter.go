package report

import (
	"time"

	"ndrscan/classify"
)

// siteFacts is what the letter to a site that bounced says.
type siteFacts struct {
	Site        string
	Reporter    string
	Domains     []string
	Messages    int
	First, Last time.Time
	Records     []string // of our domains, where known
	SPF         []string
	Fail, Soft  int // messages that SPF would have given this result
	Example     example
	Fix         fix
	Signature   string
	Agent       string
}

// toSite writes to a site that accepted forged mail and bounced it later. RFC 5321 section 4.5.1 gives every domain with
// mail a postmaster.
func (w *writer) toSite(k *complaint) (Letter, error) {
	k.incidents = k.best()
	facts := siteFacts{
		Site: k.site, Reporter: k.reporter.String(), Domains: forgedDomains(k.incidents), Messages: k.messages, First: k.first, Last: k.last,
		SPF: results(k.spf), Fail: k.spf["fail"], Soft: k.spf["softfail"], Example: w.example(sampleOf(k)),
		Fix: fixFor(k.software), Signature: w.signature(), Agent: w.Agent,
	}
	for _, domain := range facts.Domains {
		if record := w.Records[domain]; record != "" {
			facts.Records = append(facts.Records, domain+": "+ascii(record))
		}
	}
	letter := Letter{Name: fileName("backscatter", k.site, k.first, k.last), Site: true, About: k.site, Messages: k.messages, To: w.postmaster(k)}
	human, err := w.render("backscatter", facts)
	if err != nil {
		return letter, err
	}
	subject := "Your mail server bounces forged mail to " + countOf(len(facts.Domains), "domain", "domains") + " that did not send it"
	if len(facts.Domains) == 1 {
		subject = "Your mail server bounces forged mail to " + facts.Domains[0]
	}
	letter.Mail, err = compose(w.envelope(subject, letter.To), part{kind: "text/plain", body: human})
	return letter, err
}

// postmaster is whom to write to: of a site that is only an address, whoever takes complaints about the address.
func (w *writer) postmaster(k *complaint) []string {
	if isHostName(k.site) {
		return []string{"postmaster@" + k.site}
	}
	if e := w.Facts[k.reporter]; e != nil {
		return e.Abuse
	}
	return nil
}

// sampleOf prefers a message that SPF would have stopped.
func sampleOf(k *complaint) *classify.Finding {
	for _, f := range k.incidents {
		if f.SPF != nil && f.SPF.Result == "fail" {
			return f
		}
	}
	return k.incidents[0]
}
