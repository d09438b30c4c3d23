package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ndrscan/classify"
)

var redactionKey = []byte("a key of thirty-two bytes, secret")

// TestNextAddress holds what is taken for an address in a text.
func TestNextAddress(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"550 5.1.1 <nobody@site.test>: no such user", []string{"nobody@site.test"}},
		{"smtp;550 a+b=c.test@site.test. Sorry", []string{"a+b=c.test@site.test"}},
		{`for <"john doe"@site.test> and x@[192.0.2.1]`, []string{`"john doe"@site.test`, "x@[192.0.2.1]"}},
		{"imaps://nora@mail.site.test:993/INBOX", []string{"nora@mail.site.test"}},
		{"imaps://nora%40site.test@mail.test/INBOX", []string{"nora%40site.test@mail.test"}},
		{"jörg@münchen.test, 用户@例子.test", []string{"jörg@münchen.test", "用户@例子.test"}},
		{"@ alone, and a@b", []string{"a@b"}},
		{"<20261124.17@mail.test>", []string{"20261124.17@mail.test"}},
		{"nothing here", nil},
	}
	for _, tt := range tests {
		var got []string
		for rest := tt.text; ; {
			start, end := nextAddress(rest)
			if start < 0 {
				break
			}
			got = append(got, rest[start:end])
			rest = rest[end:]
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func redactable() classify.Finding {
	return classify.Finding{
		Schema: classify.FindingSchema, Source: "imaps://nora@mail.example.com/INBOX", ID: "17", Kind: "bounce", Account: "nora@example.com",
		Recipients: []classify.Recipient{{Address: "Victim@Site.test", Diagnostic: "550 <victim@site.test> \"Win big now\" refused; mail nora@example.com"}},
		Reporter:   &classify.Reporter{MTA: "mx.site.test"},
		Original: &classify.Original{From: "nora@example.com", MailFrom: "nora@example.com", To: []string{"victim@site.test"},
			Subject: "Win big now", MessageID: "17@mail.example.com"},
		Origin:  &classify.Origin{IP: "192.0.2.1", AuthUser: "mail", EntryHost: "mail.example.com"},
		Class:   "compromised",
		Reasons: []classify.Reason{{Code: "login-named", Text: "our server took it from 203.0.113.7 with the login mail"}},
	}
}

func TestRedactFinding(t *testing.T) {
	f := redactable()
	none := NewRedactor(RedactNone, redactionKey).Finding(f)
	if string(line(t, none)) != string(line(t, f)) {
		t.Error("level none changes something")
	}
	some := string(line(t, NewRedactor(RedactRecipients, redactionKey).Finding(f)))
	for _, gone := range []string{"victim", "Victim"} {
		if strings.Contains(some, gone) {
			t.Errorf("recipients: %s is left in %s", gone, some)
		}
	}
	for _, stays := range []string{"nora@example.com", "Win big now", "17@mail.example.com", "@site.test", "nora@mail.example.com/INBOX"} {
		if !strings.Contains(some, stays) {
			t.Errorf("recipients: %s is gone from %s", stays, some)
		}
	}
	all := NewRedactor(RedactAll, redactionKey).Finding(f)
	text := string(line(t, all))
	for _, gone := range []string{"victim", "Victim", "nora", "Win big now", "17@", "login mail"} {
		if strings.Contains(text, gone) {
			t.Errorf("all: %s is left in %s", gone, text)
		}
	}
	for _, stays := range []string{"192.0.2.1", `"entry_host":"mail.example.com"`, "mx.site.test", "203.0.113.7", `"code":"login-named"`} {
		if !strings.Contains(text, stays) {
			t.Errorf("all: %s is gone from %s", stays, text)
		}
	}
	if all.Recipients[0].Address != all.Original.To[0] && !strings.EqualFold(all.Recipients[0].Address, all.Original.To[0]) {
		t.Errorf("one person, two pseudonyms: %s and %s", all.Recipients[0].Address, all.Original.To[0])
	}
	if other := NewRedactor(RedactAll, []byte("another key")).Finding(f); other.Account == all.Account {
		t.Error("the key makes no difference")
	}
}

// TestRedactNames holds that people are hidden where no @ gives them away: a local part in a site's answer, a login that is no
// address, an encoded @, a message id without a domain.
func TestRedactNames(t *testing.T) {
	f := redactable()
	f.Source = "/srv/mail/nora%40example.com/cur"
	f.Recipients[0].Diagnostic = "550 5.1.1 victim... User unknown; <Victim"
	f.Original.MessageID = "<0815.secret>"
	f.SPF = &classify.SPF{Result: "permerror", Domain: "example.com", Path: []string{"example.com", "nora._spf.example.com"}, Mechanism: "exists:x.nora._spf.example.com",
		Problem: "example.com includes nora._spf.example.com: no record"}
	f.Reasons = append(f.Reasons, classify.Reason{Code: "spf-permerror", Text: "the SPF record is broken: nora._spf.example.com"})
	f.Origin.AuthUser = `CORP\nora smith@example.com`
	f.Reasons[0].Text = `our server took it with the login CORP\nora smith@example.com`
	text := string(line(t, NewRedactor(RedactAll, redactionKey).Finding(f)))
	for _, gone := range []string{"victim", "Victim", "nora", "CORP", "smith", "secret"} {
		if strings.Contains(text, gone) {
			t.Errorf("all: %s is left in %s", gone, text)
		}
	}
	text = string(line(t, NewRedactor(RedactRecipients, redactionKey).Finding(f)))
	for _, gone := range []string{"victim", "Victim"} {
		if strings.Contains(text, gone) {
			t.Errorf("recipients: %s is left in %s", gone, text)
		}
	}
	for _, stays := range []string{"nora%40example.com/cur", "0815.secret"} {
		if !strings.Contains(text, stays) {
			t.Errorf("recipients: %s is gone from %s", stays, text)
		}
	}
	h := NewRedactor(RedactAll, redactionKey).hiding()
	if got, want := h.text("nora%40site.test.mbox"), h.pseudonym("nora@site.test.mbox")+"%40site.test.mbox"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	address := "nora@example.com"
	if got := h.text("the login " + address); got != "the login "+h.login(address) {
		t.Errorf("%s: an address in a sentence has another pseudonym than as a login", got)
	}
}

func line(t *testing.T, f classify.Finding) []byte {
	t.Helper()
	text, err := json.Marshal(tidy(f))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FuzzRedact holds that no address survives in any text, whatever stands around it.
func FuzzRedact(f *testing.F) {
	f.Add("550 <", "> no such user")
	f.Add(`"`, `" said`)
	f.Add("x-aaaaaaaaaa@b ", "@@")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "secret.person@private.test"
		if strings.Contains(before+after, "secret.person") {
			return
		}
		h := NewRedactor(RedactAll, redactionKey).hiding()
		if out := h.text(before + secret + after); strings.Contains(out, "secret.person") {
			t.Errorf("%q", out)
		}
	})
}

// TestReplaceWord holds that a name is replaced where it stands by itself, and nowhere else.
func TestReplaceWord(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"no user bob here", "no user * here"},
		{"bob: no such user bob.", "*: no such user *."},
		{"bobbob, bob.example, bob@x and kebob", "bobbob, bob.example, bob@x and kebob"},
		{"<bob> (bob)", "<*> (*)"},
	} {
		if got := replaceWord(tt.text, "bob", func(string) string { return "*" }); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestRedactManyCampaigns holds that a report of many campaigns is redacted in time that grows with them, not with their
// square: a hundred thousand of them would not end.
func TestRedactManyCampaigns(t *testing.T) {
	r := &classify.Report{}
	for i := range 100_000 {
		r.Campaigns = append(r.Campaigns, classify.CampaignRow{Campaign: fmt.Sprint(i), Subject: fmt.Sprintf("offer %d of many", i)})
	}
	out := NewRedactor(RedactAll, redactionKey).Report(r)
	if last := out.Campaigns[len(out.Campaigns)-1].Subject; !strings.HasPrefix(last, "x-") {
		t.Errorf("subject %q", last)
	}
}
