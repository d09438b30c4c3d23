package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ndrscan/classify"
	"ndrscan/dsn"
)

// floodFrom makes findings of n forgeries from one address, each with all that XARF wants, but a source port only on request.
func floodFrom(n int, ip string, change func(*classify.Finding)) (list []classify.Finding) {
	for i := range n {
		at := time.Date(2026, 11, 23, 21, 30, i, 0, time.UTC)
		back := at.Add(time.Minute)
		f := classify.Finding{
			Schema: classify.FindingSchema, Source: "imaps://alice@mail.example.com", ID: fmt.Sprint(i), Kind: "bounce", Class: classify.Forged,
			Account: "alice@example.com", Received: &back,
			Reporter:   &classify.Reporter{MTA: "mx.maplewood.example", Software: "postfix", IP: "198.51.100.106", Witness: "maplewood.example", Verified: true},
			Recipients: []classify.Recipient{{Address: "karen.rossi@maplewood.example", Action: "failed", Status: "5.1.1", Diagnostic: "550 5.1.1 <karen.rossi@maplewood.example>: no such user"}},
			Original: &classify.Original{Returned: "full", MailFrom: "alice@example.com", MailFromSource: "return-path", From: "alice@example.com", To: []string{"karen.rossi@maplewood.example"},
				Subject: "Alice, your invoice 17 is overdue", MessageID: fmt.Sprintf("<970af%d.js@example.com>", i), Date: &at, UserAgent: "Mailer 1.0"},
			Origin: &classify.Origin{IP: ip, HELO: "PC-165", RDNS: "dyn-71.pool.isp.example", RDNSConfirmed: true, By: "mx.maplewood.example", Via: "received", Trust: "direct", QueueID: "4F1C7A2", Time: &at},
			SPF:    &classify.SPF{Result: "fail", Domain: "example.com", Mechanism: "-all"},
		}
		if change != nil {
			change(&f)
		}
		list = append(list, f)
	}
	return list
}

func withPort(f *classify.Finding) { f.Origin.Port = 41822 }

func letterOptions() LetterOptions {
	return LetterOptions{
		From: "abuse@example.com", Org: "Example Ltd", Agent: "ndrscan/v0.0.0", Now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Least: 5,
		Redact: NewRedactor(RedactAll, []byte("key of the test")), Random: rand.New(rand.NewSource(1)),
		Records: map[string]string{"example.com": "v=spf1 ip4:192.0.2.0/28 -all"},
		Facts: map[netip.Addr]*classify.Enrichment{netip.MustParseAddr("203.0.113.71"): {
			ASN: 64500, ASName: "ISP-EXAMPLE, NL", Abuse: []string{"abuse@isp.example"}}},
	}
}

func writeLetters(t testing.TB, opts LetterOptions, findings ...classify.Finding) ([]Letter, []LeftOut) {
	t.Helper()
	c := NewComplaints()
	for i := range findings {
		c.Add(&findings[i])
	}
	letters, left, err := c.Letters(opts)
	if err != nil {
		t.Fatal(err)
	}
	return letters, left
}

func letterAbout(t testing.TB, letters []Letter, about string) Letter {
	t.Helper()
	i := slices.IndexFunc(letters, func(l Letter) bool { return l.About == about })
	if i < 0 {
		t.Fatalf("no letter about %s among %d", about, len(letters))
	}
	return letters[i]
}

// The letters as they are written, to be read by eye.
func TestLettersAreAsTheyWere(t *testing.T) {
	findings := append(floodFrom(7, "203.0.113.71", nil), floodFrom(2, "203.0.113.72", withPort)...)
	letters, _ := writeLetters(t, letterOptions(), findings...)
	for name, about := range map[string]string{"abuse": "203.0.113.0/24", "backscatter": "maplewood.example"} {
		file := filepath.Join("testdata", "letters", name+".eml")
		got := bytes.ReplaceAll(letterAbout(t, letters, about).Mail, []byte("\r\n"), []byte("\n"))
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s:\n%s", name, file, got)
		}
	}
}

// Our own reader of feedback reports reads what we write.
func TestARF(t *testing.T) {
	letters, _ := writeLetters(t, letterOptions(), floodFrom(6, "203.0.113.71", withPort)...)
	l := letterAbout(t, letters, "203.0.113.0/24")
	b := dsn.Parse(l.Mail)
	if b.Kind != dsn.KindFeedback || b.Feedback == nil {
		t.Fatalf("read as %s", b.Kind)
	}
	fb := b.Feedback
	if fb.Type != "abuse" || fb.SourceIP.String() != "203.0.113.71" || fb.Incidents != "6" || !strings.HasPrefix(fb.Reporter, "ndrscan/") ||
		!fb.Arrival.Equal(time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)) || !strings.HasSuffix(fb.MailFrom, "@example.com") || len(fb.RcptTo) != 1 || len(fb.Derived) > 0 {
		t.Errorf("%+v", fb)
	}
	if b.Original.MessageID != "<970af0.js@example.com>" || b.Original.From != fb.MailFrom {
		t.Errorf("original: %+v", b.Original)
	}
	h, parts := readMail(t, l.Mail)
	if kinds := strings.Join(parts.kinds, " "); kinds != "text/plain message/feedback-report text/rfc822-headers" {
		t.Errorf("parts %s", kinds)
	}
	typ, params, err := h.ContentType()
	if err != nil || typ != "multipart/report" || params["report-type"] != "feedback-report" {
		t.Errorf("%s %v %v", typ, params, err)
	}
	if to := h.Get("To"); to != "abuse@isp.example" {
		t.Errorf("To: %q", to)
	}
	for _, want := range []string{"Source-Port: 41822\r\n", "Version: 1\r\n", "Reported-Domain: dyn-71.pool.isp.example\r\n", "Authentication-Results: example.com; spf=fail smtp.mailfrom=example.com\r\n"} {
		if !strings.Contains(parts.bodies[1], want) {
			t.Errorf("no %q in\n%s", want, parts.bodies[1])
		}
	}
}

type mailParts struct{ kinds, bodies []string }

func readMail(t testing.TB, raw []byte) (message.Header, mailParts) {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var parts mailParts
	mr := e.MultipartReader()
	if mr == nil {
		body, err := io.ReadAll(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		return e.Header, mailParts{[]string{"text/plain"}, []string{string(body)}}
	}
	for {
		p, err := mr.NextPart()
		if err == io.EOF {
			return e.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := p.Header.ContentType()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		parts.kinds, parts.bodies = append(parts.kinds, kind), append(parts.bodies, string(body))
	}
}

func xarfSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, name := range []string{"xarf-core.json", "types/messaging-spam.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "xarf", name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://xarf.org/schemas/v4/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://xarf.org/schemas/v4/types/messaging-spam.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestXARFIsValid(t *testing.T) {
	schema := xarfSchema(t)
	findings := floodFrom(6, "2001:db8:bad::21", withPort)
	findings[0].Original.Subject = strings.Repeat("ж", 10_000)
	findings[1].Original.UserAgent = strings.Repeat("x", 10_000)
	findings[2].Original.MailFrom = "алиса@почта.example"
	letters, _ := writeLetters(t, letterOptions(), findings...)
	l := letterAbout(t, letters, "2001:db8:bad::/48")
	if len(l.XARF) != 6 || len(l.Missing) != 0 {
		t.Fatalf("%d reports, missing %q", len(l.XARF), l.Missing)
	}
	for _, x := range l.XARF {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.JSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, x.JSON)
		}
		b := dsn.Parse(x.Mail)
		if b.Kind != dsn.KindFeedback || b.Feedback.Type != "xarf" {
			t.Errorf("its mail is read as %s", b.Kind)
		}
		_, parts := readMail(t, x.Mail)
		if len(parts.kinds) != 3 || parts.kinds[2] != "application/json" || parts.bodies[2] != string(x.JSON) {
			t.Errorf("the mail holds %q", parts.kinds)
		}
		var report xarfReport
		if err := json.Unmarshal(x.JSON, &report); err != nil {
			t.Fatal(err)
		}
		section, err := base64.StdEncoding.DecodeString(report.Evidence[0].Payload)
		if err != nil || len(section) != report.Evidence[0].Size || !bytes.Contains(section, []byte("not the original bytes")) && !bytes.Contains(section, []byte("not\n the original bytes")) {
			t.Errorf("evidence %v:\n%s", err, section)
		}
	}
	// The schema can say no: it is not that everything passes.
	doc, _ := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace(letterAbout(t, letters, "2001:db8:bad::/48").XARF[0].JSON, []byte(`"source_port": 41822,`), nil, 1)))
	if schema.Validate(doc) == nil {
		t.Error("a report without a port passes")
	}
}

// What isn't known is not made up: no report, and the letter says what is missing.
func TestXARFInventsNothing(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*classify.Finding)
		opts    func(*LetterOptions)
		missing string
	}{
		{"port", func(f *classify.Finding) { f.Origin.Port = 0 }, nil, "source port"},
		{"time", func(f *classify.Finding) { f.Origin.Time = nil }, nil, "the time"},
		{"envelope", func(f *classify.Finding) { f.Original.MailFromSource = "from" }, nil, "envelope sender"},
		{"null sender", func(f *classify.Finding) { f.Original.MailFrom = "<>" }, nil, "envelope sender"},
		{"who", nil, func(o *LetterOptions) { o.Org = "" }, "who reports"},
		{"where to answer", nil, func(o *LetterOptions) { o.From = "" }, "who reports"},
	} {
		opts := letterOptions()
		if tc.opts != nil {
			tc.opts(&opts)
		}
		letters, _ := writeLetters(t, opts, floodFrom(5, "203.0.113.71", func(f *classify.Finding) {
			withPort(f)
			if tc.change != nil {
				tc.change(f)
			}
		})...)
		l := letterAbout(t, letters, "203.0.113.0/24")
		_, parts := readMail(t, l.Mail)
		said := strings.Join(strings.Fields(parts.bodies[0]), " ")
		if len(l.XARF) != 0 || !strings.Contains(strings.Join(l.Missing, " "), tc.missing) || !strings.Contains(said, tc.missing) {
			t.Errorf("%s: %d reports, missing %q", tc.name, len(l.XARF), l.Missing)
		}
	}
}

// Who is written to, and who isn't.
func TestLettersAccuseNobodyWithoutProof(t *testing.T) {
	for _, tc := range []struct {
		name     string
		change   func(*classify.Finding)
		own      string
		networks int
		left     string
	}{
		{"forged", nil, "", 1, ""},
		{"ours by the finding", func(f *classify.Finding) { f.Origin.Own = true }, "", 0, leftOwn},
		{"ours by name", nil, "203.0.113.71", 0, leftOwn},
		{"weak", func(f *classify.Finding) { f.Origin.Trust = "weak" }, "", 0, leftWeak},
		{"not from a Received line", func(f *classify.Finding) { f.Origin.Via = "auth-results" }, "", 0, leftWeak},
		{"no origin", func(f *classify.Finding) { f.Origin.IP = "" }, "", 0, leftNoOrigin},
		{"unverified", func(f *classify.Finding) { f.Reporter.Verified = false }, "", 0, leftUnproved},
		{"the witness itself", func(f *classify.Finding) { f.Reporter.IP = f.Origin.IP }, "", 0, leftReporter},
		{"undetermined", func(f *classify.Finding) { f.Class = classify.Undetermined }, "", 0, ""},
		{"genuine", func(f *classify.Finding) { f.Class = classify.Genuine }, "", 0, ""},
		{"compromised", func(f *classify.Finding) { f.Class = classify.Compromised }, "", 0, ""},
		{"no bounce", func(f *classify.Finding) { f.Kind = "delay" }, "", 0, ""},
	} {
		var own []netip.Addr
		if tc.own != "" {
			own = append(own, netip.MustParseAddr(tc.own))
		}
		c := NewComplaints(own...)
		for _, f := range floodFrom(5, "203.0.113.71", tc.change) {
			c.Add(&f)
		}
		letters, left, err := c.Letters(letterOptions())
		if err != nil {
			t.Fatal(err)
		}
		networks := 0
		for _, l := range letters {
			if !l.Site {
				networks++
			}
		}
		if networks != tc.networks || tc.left != "" && !slices.ContainsFunc(left, func(l LeftOut) bool { return l.Why == tc.left && l.Messages == 5 }) {
			t.Errorf("%s: %d letters to networks, left %v", tc.name, networks, left)
		}
	}
}

func TestFewMessagesMakeNoLetter(t *testing.T) {
	letters, left := writeLetters(t, letterOptions(), floodFrom(4, "203.0.113.71", nil)...)
	if len(letters) != 0 || !slices.Contains(left, LeftOut{4, leftFew}) || !slices.Contains(left, LeftOut{4, leftSoFew}) {
		t.Errorf("%d letters, left %v", len(letters), left)
	}
}

// Our user's name and address, and the local parts of everybody else's, stand nowhere.
func TestLettersNameNobody(t *testing.T) {
	opts := letterOptions()
	opts.Records = map[string]string{"example.com": "v=spf1 -all"}
	letters, _ := writeLetters(t, opts, floodFrom(6, "203.0.113.71", func(f *classify.Finding) {
		withPort(f)
		f.Account, f.Original.MailFrom, f.Original.From = "alice.liddell@example.com", "Alice.Liddell@example.com", "alice.liddell@example.com"
		f.Original.Subject = "ALICE LIDDELL <alice.liddell@example.com>: pay karen.rossi@maplewood.example"
		f.Original.MessageID = "<1.alice@example.com>"
		f.Original.UserAgent = "Liddell's own"
		f.Recipients[0].Diagnostic = "550 alice.liddell@example.com may not write to karen.rossi@maplewood.example"
	})...)
	if len(letters) != 2 {
		t.Fatalf("%d letters", len(letters))
	}
	for _, l := range letters {
		all := [][]byte{l.Mail}
		for _, x := range l.XARF {
			all = append(all, x.JSON, x.Mail)
		}
		for _, text := range all {
			for _, b := range append([][]byte{text}, decoded(t, text)...) {
				for _, name := range []string{"alice", "liddell", "karen", "rossi", "imaps:"} {
					if i := strings.Index(strings.ToLower(string(b)), name); i >= 0 {
						t.Errorf("%s: %q in ...%s", l.Name, name, b[max(0, i-40):min(len(b), i+40)])
					}
				}
			}
		}
	}
}

// decoded are the parts of a mail without their transfer encodings, and the evidence inside XARF.
func decoded(t *testing.T, mail []byte) (list [][]byte) {
	var report xarfReport
	if json.Unmarshal(mail, &report) == nil {
		section, err := base64.StdEncoding.DecodeString(report.Evidence[0].Payload)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{section}
	}
	_, parts := readMail(t, mail)
	for _, b := range parts.bodies {
		list = append(list, []byte(b))
	}
	return list
}

func TestAddressesInLetters(t *testing.T) {
	tokens := func(key string) hidden { return hidden{Redactor: NewRedactor(RedactAll, []byte(key))} }
	one, other := tokens("one"), tokens("two")
	a := one.address("Alice@Example.com")
	if a != one.address("alice@example.com") || a == one.address("bob@example.com") || a == other.address("alice@example.com") || !strings.HasSuffix(a, "@example.com") {
		t.Errorf("%s", a)
	}
	for in, domain := range map[string]string{"a@bücher.example": "xn--bcher-kva.example", "a@x\r\nBcc: b": "redacted.invalid", "a@": "redacted.invalid", "a@[192.0.2.1]": "redacted.invalid"} {
		if got := one.address(in); !strings.HasSuffix(got, "@"+domain) || strings.ContainsAny(got, "\r\n ") {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestFixesHaveSources(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range fixes {
		if f.source == "" || f.Name == "" || len(f.Steps) == 0 || seen[f.software] {
			t.Errorf("%+v", f)
		}
		seen[f.software] = true
		if got := fixFor(f.software); got.Name != f.Name {
			t.Errorf("%s: %s", f.software, got.Name)
		}
	}
	if fixFor("nobody's").Name != "" || len(fixFor("").Steps) == 0 {
		t.Error("no fix for other servers")
	}
}

// What the letter says about SPF is what SPF would have said.
func TestBackscatterLetterIsHonestAboutSPF(t *testing.T) {
	for result, want := range map[string]string{
		"fail": "may not send for us", "softfail": "marks these hosts as suspect", "neutral": "would not have stopped them", "none": "would not have stopped them",
	} {
		letters, _ := writeLetters(t, letterOptions(), floodFrom(5, "203.0.113.71", func(f *classify.Finding) { f.SPF.Result = result })...)
		_, parts := readMail(t, letterAbout(t, letters, "maplewood.example").Mail)
		if said := strings.Join(strings.Fields(parts.bodies[0]), " "); !strings.Contains(said, want) {
			t.Errorf("%s: no %q in %s", result, want, said)
		}
	}
}
