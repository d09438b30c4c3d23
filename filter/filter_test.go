package filter

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
)

var day = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// bounce is a report with its original below it: who handed the original over, its subject, and one more line.
func bounce(subject, from, more string) []byte {
	return []byte("Return-Path: <>\nReceived: from mx.site.test by mx.example.com; Mon, 23 Nov 2026 08:00:00 +0000\nFrom: MAILER-DAEMON@mx.site.test\n" +
		"To: joe@example.com\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n<x@site.test>:\nno such user\n\n" +
		"--- Below this line is a copy of the message.\n\nReceived: from " + from + " by mx.site.test with SMTP; Mon, 23 Nov 2026 07:59:00 +0000\n" +
		more + "From: joe@example.com\nSubject: " + subject + "\n\ntext\n")
}

func message(n int, class classify.Class, ip, campaign string, raw []byte) Message {
	at := day.Add(time.Duration(n) * time.Minute)
	f := classify.Finding{Schema: classify.FindingSchema, Source: "box", ID: fmt.Sprint(n), Kind: "bounce", Received: &at, Account: "joe@example.com",
		Class: class, Campaign: campaign, Origin: &classify.Origin{IP: ip, HELO: "friend", Own: class == classify.Genuine || class == classify.Compromised}}
	return Message{f, raw}
}

func walk(list []Message) Mail {
	return func() iter.Seq2[Message, error] {
		return func(yield func(Message, error) bool) {
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

func report(own string, domains ...classify.Domain) *classify.Report {
	return &classify.Report{Run: classify.Run{Flags: map[string]string{"own": own}}, Domains: domains, Sources: []string{"box"}}
}

const (
	bot    = "friend (unknown [203.0.113.7])"
	ours   = "mail.example.com ([192.0.2.2])"
	submit = "Received: from pc ([198.51.100.9]) (Authenticated sender: joe) by mail.example.com with ESMTPSA; Mon, 23 Nov 2026 07:58:00 +0000\n"
)

// flood is thirty forgeries and ten genuine bounces.
func flood() (list []Message) {
	for i := range 40 {
		if i%4 == 3 {
			list = append(list, message(i, classify.Genuine, "192.0.2.2", "", bounce(fmt.Sprintf("Order %d", i), ours, submit)))
			continue
		}
		list = append(list, message(i, classify.Forged, "203.0.113.7", "pills", bounce(fmt.Sprintf("Cheap pills %d", i), bot, "")))
	}
	return list
}

func TestBuild(t *testing.T) {
	f, err := Build(report("192.0.2.2"), walk(flood()))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Replay{Caught: 30, Forged: 30, Kept: 10, ByOurs: 30}); f.Replay != want {
		t.Errorf("replay %+v, want %+v", f.Replay, want)
	}
	if f.Forward == nil || f.Forward.Caught != 15 || f.Forward.Forged != 15 || f.Forward.Lost != 0 {
		t.Errorf("forward %+v", f.Forward)
	}
	if !slices.Contains(f.Ours, "192.0.2.2") || len(f.Spam) > 0 || !slices.Equal(f.To, []string{"joe@example.com"}) {
		t.Errorf("filter %+v", f)
	}
	for _, m := range flood() {
		if took := f.Match(m.Raw); took != (m.Finding.Class == classify.Forged) {
			t.Errorf("message %s (%s): taken %v", m.Finding.ID, m.Finding.Class, took)
		}
	}
}

// What a filter must never take, whatever else is in the mailbox.
func TestNothingElseIsTaken(t *testing.T) {
	delayed := bytes.Replace(bounce("Cheap pills 7", bot, ""), []byte("no such user"), []byte("Action: delayed"), 1)
	for name, m := range map[string]Message{
		"genuine, with the flood's subject":   message(50, classify.Genuine, "192.0.2.2", "", bounce("Cheap pills 8", ours, submit)),
		"compromised, with the bot's name":    message(50, classify.Compromised, "192.0.2.2", "", bounce("Cheap pills", ours, submit+"Received: from "+bot+" by x; Mon, 23 Nov 2026 07:00:00 +0000\n")),
		"misconfigured, from a host of ours":  message(50, classify.Misconfigured, "198.51.100.20", "", bounce("Your form", "www ([198.51.100.20])", "")),
		"forwarded":                           message(50, classify.Forwarded, "198.51.100.30", "", bounce("Hello", "fwd ([198.51.100.30])", submit)),
		"a delay of a forgery":                {classify.Finding{Kind: "delay", ID: "50", Received: &day, Account: "joe@example.com"}, delayed},
		"ordinary mail that quotes a bounce":  {classify.Finding{Kind: "other", ID: "50", Received: &day}, bytes.Replace(bounce("Cheap pills 9", bot, ""), []byte("MAILER-DAEMON@mx"), []byte("ann@mx"), 1)},
		"a bounce that nobody can tell apart": message(50, classify.Undetermined, "198.51.100.77", "other", bounce("Hotel", "hotel ([198.51.100.77])", "")),
	} {
		t.Run(name, func(t *testing.T) {
			if m.Finding.Class == classify.Undetermined {
				m.Finding.CouldBe = []classify.Class{classify.Forged, classify.Misconfigured}
			}
			f, err := Build(report("192.0.2.2"), walk(append(flood(), m)))
			if err != nil {
				t.Fatal(err)
			}
			if f.Match(m.Raw) || f.Replay.Lost > 0 || f.LineReplay.Lost > 0 {
				t.Errorf("it is taken by %+v", f)
			}
			if f.Replay.Share() < 90 {
				t.Errorf("%d %% caught", f.Replay.Share())
			}
		})
	}
}

// Where forgeries look like our own mail there is no filter, and the messages in the way are named.
func TestRefusal(t *testing.T) {
	var list []Message
	for i := range 20 {
		class, ip := classify.Forged, "203.0.113.7"
		if i == 5 {
			class, ip = classify.Genuine, "192.0.2.2"
		}
		list = append(list, message(i, class, ip, "pills", bounce("Cheap pills", bot, "")))
	}
	_, err := Build(report("192.0.2.2"), walk(list))
	refusal := new(Refusal)
	if !errors.As(err, &refusal) || refusal.Forged != 19 || len(refusal.Rules) == 0 || !slices.Equal(refusal.Rules[0].IDs, []string{"5"}) {
		t.Fatalf("%v", err)
	}
	if _, err := Build(report(""), walk(list[5:6])); !errors.Is(err, ErrNoFlood) {
		t.Errorf("without a forgery: %v", err)
	}
}

// The rule of our own marks stands only where nothing of ours can leave without one.
func TestOursKnown(t *testing.T) {
	for _, c := range []struct {
		own    string
		domain classify.Domain
		known  bool
		want   []string
	}{
		{own: "", domain: classify.Domain{}, known: false},
		{own: "192.0.2.2", domain: classify.Domain{}, known: true, want: []string{"192.0.2.2", ".example.com", "by example.com"}},
		{own: "192.0.2.0/28, 2001:db8:1::/64", known: true, want: []string{"192.0.2.", "2001:db8:1:"}},
		{own: "10.0.0.0/7", known: false}, // no text that all its addresses begin with
		{own: "tenant:contoso.onmicrosoft.com, 192.0.2.2", known: false},
		{own: "example.com", known: true, want: []string{".example.com"}},
		{domain: classify.Domain{Domain: "example.com", Record: "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8:1::/48 -all"}, known: true, want: []string{"192.0.2.", "2001:db8:1:"}},
		{domain: classify.Domain{Domain: "example.com", Record: "v=spf1 mx -all"}, known: false},
		{own: "192.0.2.2", domain: classify.Domain{Domain: "example.com", Record: "v=spf1 mx -all"}, known: true},
		{own: "192.0.2.2", domain: classify.Domain{Domain: "example.com", Record: "v=spf1 exists:%{i}.spf.example.com -all"}, known: false},
		{own: "192.0.2.2", domain: classify.Domain{Domain: "example.com", Record: "v=spf1 include:spf.provider.test -all"}, known: false},
		{own: "192.0.2.2", domain: classify.Domain{Domain: "example.com", Record: "v=spf1 include:spf.provider.test -all",
			Policy: []classify.PolicyTerm{{Term: "include:spf.provider.test"}, {Depth: 1, Term: "ip4:198.18.0.0/16"}, {Depth: 1, Term: "-all"}, {Term: "-all"}}}, known: true, want: []string{"198.18."}},
		{own: "192.0.2.2", domain: classify.Domain{Domain: "example.com", Record: "v=spf1 +all"}, known: false},
	} {
		r := report(c.own)
		if c.domain.Domain != "" {
			r.Domains = []classify.Domain{c.domain}
		}
		candidates := newCandidates()
		marks, known := candidates.ourMarks(r, []string{"example.com"})
		if known != c.known {
			t.Errorf("--own %q, %q: known %v", c.own, c.domain.Record, known)
		}
		for _, want := range c.want {
			if !slices.Contains(marks, want) {
				t.Errorf("--own %q, %q: no mark %q in %q", c.own, c.domain.Record, want, marks)
			}
		}
		if slices.ContainsFunc(marks, func(m string) bool { return strings.Contains("joe@example.com", m) }) {
			t.Errorf("--own %q: a mark of %q is in every address of ours", c.own, marks)
		}
	}
}

// hostile are subjects that want out of the string they stand in, in one language or another.
var hostile = []string{
	`a"; discard; stop; #`, `"]) { discard; }`, `\"; keep; "`, `\\\`, `*/ redirect "x@y.test";`, `/ REJECT /`, `/i DISCARD`,
	`${run{/bin/sh}}`, `$(reboot) $env:x`, "`reboot`", `'; Remove-Mailbox joe; '`, `\N}} accept \N`, `${if eq{a}{a}}`, `(.*)+$|^`, `[[:alpha:]]{9}`,
	`text: multi`, `%{i}%n`, `$$1 $& $0`, `{a}{b} \x24{x}`, `#comment;comment`, `endif finish`, `a /* b`, `.*?+[]{}()|^$\/`,
}

func TestQuotesHold(t *testing.T) {
	for _, text := range hostile {
		re, err := regexp.Compile("^(?:" + pcre(text) + ")$")
		if err != nil || !re.MatchString(text) || re.MatchString(text+"x") || strings.ContainsAny(pcre(text), "/$#\n") {
			t.Errorf("pcre %q: %s, %v", text, pcre(text), err)
		}
		re, err = regexp.Compile("^(?:" + exchangePattern(text) + ")$")
		if err != nil || !re.MatchString(text) || re.MatchString("x"+text) {
			t.Errorf("exchange %q: %s, %v", text, exchangePattern(text), err)
		}
		if got := unquoteExim(t, eximString(text)); got != text {
			t.Errorf("exim %q: %s is %q", text, eximString(text), got)
		}
		if q := sieveString(text); unquoteSieve(t, q) != text {
			t.Errorf("sieve %q: %s", text, q)
		}
		if q := powerShell(text); strings.Count(q, "'")%2 != 0 || strings.ReplaceAll(q[1:len(q)-1], "''", "'") != text {
			t.Errorf("PowerShell %q: %s", text, q)
		}
	}
}

// unquoteSieve reads a quoted string after RFC 5228 section 8.1, to its end.
func unquoteSieve(t *testing.T, quoted string) string {
	t.Helper()
	var b strings.Builder
	for i := 1; i < len(quoted)-1; i++ {
		if quoted[i] == '"' {
			t.Fatalf("%s ends early", quoted)
		}
		if quoted[i] == '\\' {
			i++
		}
		b.WriteByte(quoted[i])
	}
	return b.String()
}

// unquoteExim undoes the quotes of a filter file, then what the expansion makes of \xHH; nothing else may be left that an
// expansion looks at.
func unquoteExim(t *testing.T, quoted string) string {
	t.Helper()
	inner := strings.ReplaceAll(quoted[1:len(quoted)-1], `\\`, `\`)
	if strings.ContainsAny(inner, `"$`) {
		t.Fatalf("%s holds a quote or an expansion", quoted)
	}
	return regexp.MustCompile(`\\x[0-9a-f]{2}`).ReplaceAllStringFunc(inner, func(code string) string {
		var c byte
		fmt.Sscanf(code, `\x%02x`, &c)
		return string(rune(c))
	})
}

// A mark is printable ASCII: no line ends, control bytes, or letters of other scripts get into a script.
func TestMarksAreASCII(t *testing.T) {
	for _, subject := range append(slices.Clone(hostile), "Cheap\x00pills\x1b[31m here", "Cheap pills \u202e here", "Cheap \r pills", strings.Repeat("Cheap pills ", 1000)) {
		list := flood()
		for i := range list {
			if list[i].Finding.Class == classify.Forged {
				list[i].Raw = bounce("Very cheap pills now "+subject+" end 1", ours, "")
				list[i].Finding.Origin.HELO = subject
			}
		}
		f, err := Build(report("192.0.2.2"), walk(list))
		if err != nil {
			t.Fatalf("%q: %v", subject, err)
		}
		for _, engine := range Engines {
			for _, action := range Actions {
				var out bytes.Buffer
				if err := f.Text(&out, engine, action); err != nil {
					t.Fatal(err)
				}
				for i, c := range out.Bytes() {
					if (c < ' ' && c != '\n') || c > '~' {
						t.Fatalf("%s for %q: byte %#x at %d", engine, subject, c, i)
					}
				}
			}
		}
	}
}

func TestPrefixText(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.0/24": "192.0.2.", "192.0.2.16/28": "192.0.2.", "192.0.2.7/32": "192.0.2.7", "198.18.0.0/15": "198.",
		"2001:db8:bad::/48": "2001:db8:bad:", "2001:db8::/32": "2001:db8:", "2001:db8:0:1::/64": "2001:db8:", "::/0": ""} {
		m := marksOfOurs{}
		m.addPermitted(text)
		got := strings.Join(m.list, "")
		if len(want) >= minMark && !strings.Contains(got, want) || len(want) < minMark && !m.open {
			t.Errorf("%s: %q, open %v; want %q", text, got, m.open, want)
		}
	}
}

func TestFinder(t *testing.T) {
	marks := []string{"203.0.113.", "203.0.113.7]", "from friend (", "aaaaaa"}
	f := newFinder(marks)
	for _, text := range []string{"", "aaa", "x 203.0.113.7] y", "aaaaaaa", "from friend (from", "203.0.113"} {
		set := f.find([]byte(text))
		for i, mark := range marks {
			got := set != nil && set[i/64]&(1<<(i%64)) != 0
			if want := strings.Contains(text, mark); got != want {
				t.Errorf("%q in %q: %v, want %v", mark, text, got, want)
			}
		}
	}
}

// In the afternoon somebody sends the flood's subject through our own server: a filter that trusts the subject would take
// those bounces, and the trial on later mail shows it. Here it must not be trusted at all.
func TestUnsteadyMarks(t *testing.T) {
	list := flood()
	for i := range list {
		f := &list[i].Finding
		if f.Class == classify.Forged {
			list[i].Raw = bounce("Cheap pills "+f.ID, bot, "X-Claim: 192.0.2.2\n") // its text names our server: only marks of the flood catch it
			f.Origin.IP = ""
		}
	}
	for i := 30; i < 40; i++ {
		list = append(list, message(i, classify.Genuine, "192.0.2.2", "", bounce("Cheap pills", ours, submit)))
	}
	if f, err := Build(report("192.0.2.2"), walk(list)); err == nil {
		t.Errorf("a filter was made: %+v", f)
	}
	steady := flood()
	if f, err := Build(report("192.0.2.2"), walk(append(steady, list[40:]...))); err != nil || f.Forward.Lost > 0 || len(f.Spam) > 0 {
		t.Errorf("%+v, %v", f, err)
	}
}
