package store

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"ndrscan/classify"
)

// A finding is kept as two JSON texts that together are the whole, read one after the other into the same Finding. The first
// is enough to count a flood (classify.Flood.Recount), and decoding is what a walk over many findings spends its time on.
// Fields that a later version adds to the contract are in the first, unless they are listed here.

// detail are the long parts.
type detail struct {
	Recipients []classify.Recipient `json:"recipients,omitempty"` // again, with what was said to them
	Reporter   *detailReporter      `json:"reporter,omitempty"`
	Original   *detailOriginal      `json:"original,omitempty"`
	Origin     *detailOrigin        `json:"origin,omitempty"`
	SPF        *detailSPF           `json:"spf,omitempty"`
	Settle     string               `json:"settle,omitempty"`
	Reasons    []classify.Reason    `json:"reasons,omitempty"` // again, with their sentences
	Remedy     string               `json:"remedy,omitempty"`
	Problem    string               `json:"problem,omitempty"`
}

type detailReporter struct {
	MTA string `json:"mta,omitempty"`
}

type detailOriginal struct {
	To        []string   `json:"to,omitempty"`
	MessageID string     `json:"message_id,omitempty"`
	Date      *time.Time `json:"date,omitempty"`
	UserAgent string     `json:"user_agent,omitempty"`
}

type detailOrigin struct {
	HELO  string          `json:"helo,omitempty"`
	By    string          `json:"by,omitempty"`
	Steps []classify.Step `json:"steps,omitempty"`
}

type detailSPF struct {
	Mechanism string                `json:"mechanism,omitempty"`
	Path      []string              `json:"path,omitempty"`
	Problem   string                `json:"problem,omitempty"`
	Recorded  *classify.RecordedSPF `json:"recorded,omitempty"`
}

// encode writes both texts. The schema is the same for all, the source stands in its table.
func encode(f classify.Finding) (brief, long string, err error) {
	d := detail{Recipients: f.Recipients, Settle: f.Settle, Reasons: f.Reasons, Remedy: f.Remedy, Problem: f.Problem}
	f.Recipients, f.Reasons = plainRecipients(f.Recipients), plainReasons(f.Reasons)
	f.Schema, f.Source, f.Settle, f.Remedy, f.Problem = "", "", "", "", ""
	if f.Reporter != nil {
		reporter := *f.Reporter
		d.Reporter = &detailReporter{reporter.MTA}
		reporter.MTA = ""
		f.Reporter = &reporter
	}
	if f.Original != nil {
		o := *f.Original
		d.Original = &detailOriginal{To: o.To, MessageID: o.MessageID, Date: o.Date, UserAgent: o.UserAgent}
		o.To, o.MessageID, o.Date, o.UserAgent = nil, "", nil, ""
		f.Original = &o
	}
	if f.Origin != nil {
		o := *f.Origin
		d.Origin = &detailOrigin{HELO: o.HELO, By: o.By, Steps: o.Steps}
		o.HELO, o.By, o.Steps = "", "", nil
		f.Origin = &o
	}
	if f.SPF != nil {
		spf := *f.SPF
		d.SPF = &detailSPF{Mechanism: spf.Mechanism, Path: spf.Path, Problem: spf.Problem, Recorded: spf.Recorded}
		spf.Mechanism, spf.Path, spf.Problem, spf.Recorded = "", nil, "", nil
		f.SPF = &spf
	}
	if brief, err = encodeJSON(f); err != nil {
		return "", "", err
	}
	long, err = encodeJSON(d)
	return brief, long, err
}

// plainRecipients are recipients without what was said to them.
func plainRecipients(list []classify.Recipient) []classify.Recipient {
	var plain []classify.Recipient
	for _, r := range list {
		r.Diagnostic, r.RemoteMTA = "", ""
		plain = append(plain, r)
	}
	return plain
}

// plainReasons are reasons without their sentences.
func plainReasons(list []classify.Reason) []classify.Reason {
	var plain []classify.Reason
	for _, r := range list {
		plain = append(plain, classify.Reason{Code: r.Code})
	}
	return plain
}

// decode reads a finding; without its long parts where long is empty.
func decode(source string, brief, long []byte) (f classify.Finding, err error) {
	if err := json.Unmarshal(brief, &f); err != nil {
		return f, err
	}
	if len(long) > 0 {
		err = json.Unmarshal(long, &f)
	}
	f.Schema, f.Source = classify.FindingSchema, source
	return f, err
}

func encodeJSON(v any) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}
