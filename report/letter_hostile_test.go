package report

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/dsn"
)

// headerOfLetters are all fields that a letter's own header may have.
var headerOfLetters = []string{"Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

// checkLetter holds that a letter is one message with the parts we wrote, whatever mail put into it.
func checkLetter(t *testing.T, l Letter) {
	t.Helper()
	h, parts := readMail(t, l.Mail)
	names := map[string]bool{}
	for f := h.Fields(); f.Next(); {
		names[f.Key()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Contains(headerOfLetters, name) {
			t.Errorf("%s: a field %s came in", l.Name, name)
		}
	}
	if len(parts.kinds) != 1 && len(parts.kinds) != 3 {
		t.Errorf("%s: parts %q", l.Name, parts.kinds)
	}
	for line := range bytes.Lines(l.Mail) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 1000 {
			t.Errorf("%s: line %q", l.Name, line[:min(len(line), 100)])
		}
		if bytes.ContainsFunc(line[:len(line)-2], func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s: raw bytes in %q", l.Name, line)
		}
	}
	if len(parts.kinds) == 3 {
		if b := dsn.Parse(l.Mail); b.Kind != dsn.KindFeedback || b.Feedback.Type != "abuse" || b.Feedback.SourceIP.String() != "203.0.113.71" {
			t.Errorf("%s: read as %s %+v", l.Name, b.Kind, b.Feedback)
		}
		for _, line := range strings.Split(strings.TrimRight(parts.bodies[1], "\r\n"), "\r\n") {
			if name, _, ok := strings.Cut(line, ": "); !ok || !slices.Contains(feedbackFields, name) {
				t.Errorf("%s: %q in the feedback report", l.Name, line)
			}
		}
	}
	for r := range strings.SplitSeq(parts.bodies[0], "\n") {
		if Clean(strings.TrimSuffix(r, "\r")) != strings.TrimSuffix(r, "\r") {
			t.Errorf("%s: unclean text %q", l.Name, r)
		}
	}
	if strings.ContainsFunc(l.Name, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_", r)
	}) || strings.Contains(l.Name, "..") {
		t.Errorf("file name %q", l.Name)
	}
}

var feedbackFields = []string{"Feedback-Type", "User-Agent", "Version", "Source-IP", "Source-Port", "Incidents", "Arrival-Date",
	"Original-Mail-From", "Original-Rcpt-To", "Authentication-Results", "Reported-Domain"}

// poison puts a text into everything that mail decides.
func poison(text string) func(*classify.Finding) {
	return func(f *classify.Finding) {
		withPort(f)
		f.Reporter.MTA, f.Reporter.Software = text, text
		f.Recipients[0].Address, f.Recipients[0].Diagnostic, f.Recipients[0].Status = text+"@"+text, text, text
		o := f.Original
		o.MailFrom, o.From, o.To, o.Subject, o.MessageID, o.UserAgent = text+"@"+text, text+"@"+text, []string{text + "@" + text}, text, text, text
		f.Origin.HELO, f.Origin.RDNS, f.Origin.By, f.Origin.QueueID = text, text, text, text
		f.SPF.Domain, f.SPF.Mechanism, f.SPF.Result = text, text, "fail"
	}
}

func TestHostileLetters(t *testing.T) {
	for name, text := range map[string]string{
		"header fields":  "x\r\nBcc: everybody@example.net\r\nX-Evil: yes\r\n\r\nbody",
		"bare LF":        "x\nBcc: everybody@example.net",
		"bare CR":        "x\rBcc: everybody@example.net",
		"a boundary":     "--ndrscan-0000\r\nContent-Type: text/html\r\n\r\n<script>",
		"10 KB":          strings.Repeat("A", 10<<10),
		"10 KB of words": strings.Repeat("buy now ", 1280),
		"other scripts":  "Срочно: 您的发票 عاجل ünïcödé 🎉",
		"right to left":  "\u202egnp.exe\u202c",
		"escapes":        "\x1b[2J\x1b]0;title\x07",
		"no UTF-8":       "\xff\xfe\x80",
		"a path":         "../../etc/cron.d/x",
		"a template":     "{{.Agent}} {{call .}}",
		"an encoded one": "=?utf-8?q?=0d=0aBcc:_x@example.net?=",
		"empty":          "",
		"NUL":            "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			opts := letterOptions()
			opts.Org = "Example" // the organisation is ours
			letters, _ := writeLetters(t, opts, floodFrom(6, "203.0.113.71", poison(text))...)
			if len(letters) != 2 {
				t.Fatalf("%d letters", len(letters))
			}
			for _, l := range letters {
				checkLetter(t, l)
			}
		})
	}
}

// A site's name is text until DNS confirms it, and even then it may be no name.
func TestHostileSiteNames(t *testing.T) {
	for _, name := range []string{"../../x.example", "a b.example", "x.example\r\nBcc: y@z.example", "-oQ.example/x", "", "198.51.100.0/24", strings.Repeat("a.", 200) + "example"} {
		letters, _ := writeLetters(t, letterOptions(), floodFrom(6, "203.0.113.71", func(f *classify.Finding) { f.Reporter.Witness = name })...)
		for _, l := range letters {
			checkLetter(t, l)
			if l.Site && (l.About != "198.51.100.106" || l.To != nil) {
				t.Errorf("%q: a letter about %q to %q", name, l.About, l.To)
			}
		}
	}
}

// The organisation's name comes from a flag, but is text all the same.
func TestOrganisationNames(t *testing.T) {
	for _, org := range []string{`Example "the" Ltd, <x@example.net>`, "Beispiel Gemüse GmbH", "x\r\nBcc: y@example.net", strings.Repeat("long ", 200)} {
		opts := letterOptions()
		opts.Org = org
		letters, _ := writeLetters(t, opts, floodFrom(6, "203.0.113.71", withPort)...)
		for _, l := range letters {
			checkLetter(t, l)
		}
	}
}

func FuzzLetters(f *testing.F) {
	f.Add("x\r\nBcc: everybody@example.net", "a@b.example")
	f.Add("--ndrscan-0000\r\n", "\xff@\u202e")
	f.Fuzz(func(t *testing.T, text, address string) {
		letters, _ := writeLetters(t, letterOptions(), floodFrom(5, "203.0.113.71", func(f *classify.Finding) {
			poison(text)(f)
			f.Original.MailFrom, f.Recipients[0].Address = address, address
		})...)
		for _, l := range letters {
			checkLetter(t, l)
		}
	})
}
