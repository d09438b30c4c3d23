package filter

import (
	"bytes"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// The tests that every format writes in its own words. All compare without regard to case.
var (
	// A report calls itself one, names the failed recipients in a field (Exim, Gmail, chasquid), or comes from a mail
	// system: RFC 5321 section 4.5.5 and RFC 3464 section 2 leave only the empty reverse-path, which a script that runs on
	// a stored mailbox can't see.
	reportType    = "delivery-status" // in Content-Type
	reportField   = "X-Failed-Recipients"
	reportSenders = []string{"mailer-daemon", "postmaster", "mail delivery s", "microsoftexchange", "mdaemon@"} // in From

	// What is no bounce of a failure (RFC 3464 section 2.3.3), by its report or its words.
	notFailed       = []string{"action: delayed", "action: delivered", "action: relayed", "action: expanded"}
	notFailedTitles = []string{"delay", "warning:", "still being retried", "successful"} // in Subject

	toFields = []string{"To", "Delivered-To", "X-Original-To", "Envelope-To"}

	// returnedMarks: the original's trace is there, so that a mark of ours would be seen.
	returnedMarks = []string{"received: from ", "received: by ", "received: ("}
)

// view is one message as the tests see it: everything in lower case, the body as it was sent, undecoded (RFC 5173 section
// 5.1, ":raw").
type view struct {
	header header.Section
	body   []byte
}

func look(raw []byte) view {
	section, body := header.Split(raw)
	return view{section, bytes.ToLower(body)}
}

func (v view) field(name string) string { return strings.ToLower(v.header.Get(name)) }

// report tells a report of a failure, addressed to one of these.
func (v view) report() bool {
	from, subject := v.field("From"), v.field("Subject")
	is := strings.Contains(v.field("Content-Type"), reportType) || v.header.Count(reportField) > 0 || containsAny(from, reportSenders)
	return is && !containsAny(subject, notFailedTitles) && !v.has(notFailed)
}

// to tells whether any field that names the addressee holds one of these.
func (v view) to(names []string) bool {
	for _, name := range toFields {
		for _, f := range v.header.All(name) {
			if containsAny(strings.ToLower(f.Value()), names) {
				return true
			}
		}
	}
	return false
}

// has tells whether one of the marks, in lower case, stands in the body.
func (v view) has(marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return bytes.Contains(v.body, []byte(mark)) })
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// Match tells whether the filter takes the message.
func (f *Filter) Match(raw []byte) bool {
	v := look(raw)
	if !v.report() || !v.to(lowered(f.To)) {
		return false
	}
	return len(f.Ours) > 0 && v.has(returnedMarks) && !v.has(lowered(f.Ours)) || v.has(lowered(f.Spam))
}

func lowered(list []string) []string {
	low := make([]string, len(list))
	for i, text := range list {
		low[i] = strings.ToLower(text)
	}
	return low
}
