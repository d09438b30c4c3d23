package proof

import (
	"context"
	"os"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

// arcKeys are the public keys of testdata/arc.eml. That message was sealed twice with dkimpy 1.1.4, which is not ours, and
// verified there; the private keys are gone.
var arcKeys = keys{
	"arc1._domainkey.provider.example":  {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC20ErDNYRSJEh54PqTAnMP2L+VTL/62dqEGxb1Cg61vYL2YsbMn3qaq0jM1zK++1Dd5R5Bxh/hrJYEVGiDL41RuUMwkj/KWkbaHzERjbzTAibad+uAE4QkEbJuYXXdwOH5xZRublYU1/YQM21e3DokEH9wiNqp4a4gWF1yBcSgSwIDAQAB"},
	"arc2._domainkey.forwarder.example": {"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAjMJuEc29yJ05Hjdu+7xOaR+Hd2G+v8VHojufkkUiIxj7UzaV5ORMA+plOJa0WKsOzvs4L0e8SG400UDDYhoP86ff8foz5mGh/h58uLYbCx4WqsG2rDh7wJSyrMj75szG1S8zXCHtDMfa3fSDSXoRpbtNy/1KW2LLuulyE3A0L11Yryq075MjlxWpjWgWJ5tKiVJeO6CsDBqpbqgRzckywJgR8MJMIKUyIhhN7zO00nsk/kxGMjGi1So3WDuJMgWWUjFrzZPbPZ+H4RHRelLE6CjbvOEcsF3PFFz8TFxxXBCGlvyA34blTRkZbWMulGmpMx5EJOzujbNd1Zow42TdtwIDAQAB"},
}

func arcMail(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/arc.eml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func verifyARC(mail, sealer string, complete bool, dns Resolver) ARC {
	section, body := header.Split([]byte(mail))
	v := Verifier{Resolver: dns}
	return v.VerifyARC(context.Background(), section, body, complete, mailDate, func(d string) bool { return sealer == "" || d == sealer })
}

func TestVerifyARC(t *testing.T) {
	mail := arcMail(t)
	change := func(from, to string) string {
		if !strings.Contains(mail, from) {
			t.Fatalf("%q is not in the message", from)
		}
		return strings.Replace(mail, from, to, 1)
	}
	const first, second = "provider.example", "forwarder.example"
	firstSet := mail[strings.Index(mail, "ARC-Seal: i=1"):strings.Index(mail, "Authentication-Results: mx.provider")]
	tests := []struct {
		name, mail, sealer string
		headers            bool
		dns                keys
		instance           int
		want               DKIMResult
		problem            string
	}{
		{name: "newest", mail: mail, instance: 2, want: DKIMPass},
		{name: "first", mail: mail, sealer: first, instance: 1, want: DKIMPass},
		{name: "only the first set", mail: mail[strings.Index(mail, "ARC-Seal: i=1"):], instance: 1, want: DKIMPass},
		{name: "LF", mail: strings.ReplaceAll(mail, "\r\n", "\n"), instance: 2, want: DKIMPass},
		{name: "no body", mail: mail, headers: true, instance: 2, want: DKIMHeadersPass},
		{name: "nobody asked for", mail: mail, sealer: "other.example"},
		{name: "no ARC", mail: plainMail},
		{name: "body changed", mail: change("the minutes", "the money"), instance: 2, want: DKIMFail, problem: "body was changed"},
		{name: "body changed, not returned", mail: change("the minutes", "the money"), headers: true, instance: 2, want: DKIMHeadersPass},
		{name: "subject changed", mail: change("Minutes of", "Money of"), headers: true, instance: 2, want: DKIMFail, problem: "does not fit the header"},
		{name: "results of the first set changed", mail: change("header.from=example.com;\r\n  dkim", "header.from=example.org;\r\n  dkim"), sealer: first, instance: 1, want: DKIMFail, problem: "seal"},
		{name: "results of the first set changed, seen by the second", mail: change("header.from=example.com;\r\n  dkim", "header.from=example.org;\r\n  dkim"), instance: 2, want: DKIMFail, problem: "seal"},
		{name: "cv changed", mail: change("cv=pass", "cv=none"), instance: 2, want: DKIMFail, problem: "cv=none"},
		{name: "cv fail", mail: change("cv=pass", "cv=fail"), instance: 2, want: DKIMFail, problem: "cv=fail"},
		{name: "the first set taken out", mail: strings.Replace(mail, firstSet, "", 1)},
		{name: "a set twice", mail: firstSet + mail},
		{name: "an instance of 51", mail: "ARC-Seal: i=51; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + mail},
		{name: "no instance", mail: "ARC-Seal: a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + mail},
		{name: "key gone", mail: mail, dns: keys{}, instance: 2, want: DKIMNoKey, problem: "no key"},
		{name: "DNS down", mail: mail, dns: keys{"arc2._domainkey.forwarder.example": nil}, instance: 2, want: DKIMError, problem: "timeout"},
		{name: "another's key", mail: mail, dns: keys{"arc2._domainkey.forwarder.example": arcKeys["arc1._domainkey.provider.example"]}, instance: 2, want: DKIMFail, problem: "seal"},
		{name: "seal with h=", mail: change("i=2; cv=pass;", "i=2; h=from; cv=pass;"), sealer: second, instance: 2, want: DKIMError, problem: "h="},
	}
	for _, tt := range tests {
		dns := tt.dns
		if dns == nil {
			dns = arcKeys
		}
		got := verifyARC(tt.mail, tt.sealer, !tt.headers, dns)
		if got.Instance != tt.instance || got.Result != tt.want || !strings.Contains(got.Problem, tt.problem) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// TestARCPassed: only what a proved set says counts, and only its passes.
func TestARCPassed(t *testing.T) {
	mail := arcMail(t)
	first, second := verifyARC(mail, "provider.example", true, arcKeys), verifyARC(mail, "forwarder.example", true, arcKeys)
	if !first.Proved() || !first.Passed("example.com") || first.Passed("example.org") || first.Passed("") {
		t.Errorf("%+v", first)
	}
	if !second.Proved() || second.Passed("example.com") || second.CV != "pass" {
		t.Errorf("%+v: it names no DMARC and no DKIM", second)
	}
	unproved := verifyARC(mail, "provider.example", true, keys{})
	if unproved.Proved() || unproved.Passed("example.com") || (ARC{}).Passed("") {
		t.Errorf("%+v", unproved)
	}
	comment := ARC{Result: DKIMPass, results: `i=1; mx (dmarc=pass header.from=example.com); spf=pass smtp.mailfrom="x;dmarc=pass header.from=example.com"@y; dmarc=fail header.from=example.com`}
	if comment.Passed("example.com") {
		t.Error("a comment or a quoted address passed")
	}
}

// FuzzVerifyARC holds that no change to a sealed message passes unless header fields and body hold the same text, and that
// no header section makes trouble.
func FuzzVerifyARC(f *testing.F) {
	mail := arcMail(f)
	f.Add(mail)
	f.Add(mail[strings.Index(mail, "ARC-Seal: i=1"):])
	f.Fuzz(func(t *testing.T, text string) {
		got := verifyARC(text, "", true, arcKeys)
		if got.Result == DKIMPass && !strings.Contains(text, "minutes") {
			t.Fatalf("%+v for\n%s", got, text)
		}
		if got.Instance == 0 && got.Result != "" {
			t.Fatalf("%+v", got)
		}
	})
}
