package proof

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"ndrscan/internal/header"
)

// keys answers for DNS: TXT strings by name. A name with no strings fails.
type keys map[string][]string

func (k keys) LookupTXT(_ context.Context, name string) ([]string, error) {
	records, ok := k[name]
	if ok && records == nil {
		return nil, errors.New("timeout")
	}
	return records, nil
}

// testKeys are made once: RSA generation is slow.
var testKeys = sync.OnceValue(func() (k struct {
	rsa     *rsa.PrivateKey
	ed25519 ed25519.PrivateKey
	dns     keys
}) {
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
		panic(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	k.ed25519 = private
	der, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	if err != nil {
		panic(err)
	}
	p := base64.StdEncoding.EncodeToString(der)
	bare := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey))
	k.dns = keys{
		"rsa._domainkey.brand.example":     {"v=DKIM1; k=rsa; p=" + p},
		"bare._domainkey.brand.example":    {"p=" + bare},
		"ed._domainkey.brand.example":      {"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)},
		"revoked._domainkey.brand.example": {"v=DKIM1; p="},
		"broken._domainkey.brand.example":  {"v=DKIM1; p=!!!"},
		"down._domainkey.brand.example":    nil,
		"wild._domainkey.brand.example":    {"v=spf1 -all"},
		"two._domainkey.brand.example":     {"v=spf1 -all", "v=DKIM1; k=ed25519; p=AAAA", "v=DKIM1; p=" + p},
		"sha1._domainkey.brand.example":    {"v=DKIM1; h=sha1; p=" + p},
		"other._domainkey.brand.example":   {"v=DKIM1; s=xmpp; p=" + p},
		"strict._domainkey.brand.example":  {"v=DKIM1; t=y:s; p=" + p},
	}
	return k
})

const plainMail = "From: Owner <owner@brand.example>\r\n" +
	"To: someone@else.example\r\n" +
	"Subject:  Offer  for\r\n\tyou\r\n" +
	"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
	"Message-ID: <1@brand.example>\r\n" +
	"\r\n" +
	"Hello  there \r\n\r\n second\tline\r\n\r\n\r\n"

var mailDate = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// sign signs with go-msgauth, an implementation that is not ours.
func sign(t testing.TB, mail string, change func(*dkim.SignOptions)) string {
	t.Helper()
	opts := &dkim.SignOptions{
		Domain: "brand.example", Selector: "rsa", Signer: testKeys().rsa, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID"},
	}
	if change != nil {
		change(opts)
	}
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(mail), opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// signRaw signs with what go-msgauth refuses to sign with: sigTags is everything before bh= and b=, relaxed/relaxed.
func signRaw(t testing.TB, mail, sigTags string) string {
	t.Helper()
	section, body := header.Split([]byte(mail))
	var canonical bytes.Buffer
	if err := writeBody(&canonical, body, true); err != nil {
		t.Fatal(err)
	}
	if tags, err := parseTags(sigTags); err == nil {
		if length, err := parseNumber(tags.value("l")); err == nil && length <= int64(canonical.Len()) {
			canonical.Truncate(int(length))
		}
	}
	bodyHash := sha256.Sum256(canonical.Bytes())
	unsigned := "DKIM-Signature: " + sigTags + "; bh=" + base64.StdEncoding.EncodeToString(bodyHash[:]) + "; b="
	tags, _ := parseTags(sigTags)
	var signed []string
	for _, name := range tags.list("h") {
		signed = append(signed, strings.ToLower(name))
	}
	digest := sha256.New()
	for _, i := range newSignedFields(section).pick(signed) {
		digest.Write(relaxedHeader(section[i].Raw))
		digest.Write(crlf)
	}
	digest.Write(relaxedHeader([]byte(unsigned)))
	b, err := rsa.SignPKCS1v15(rand.Reader, testKeys().rsa, crypto.SHA256, digest.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return unsigned + base64.StdEncoding.EncodeToString(b) + "\r\n" + mail
}

// verify judges a whole message at a date.
func verify(mail string, complete bool, at time.Time) []Signature {
	section, body := header.Split([]byte(mail))
	v := Verifier{Resolver: testKeys().dns}
	return v.Verify(context.Background(), section, body, complete, at)
}

func TestVerify(t *testing.T) {
	const tags = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=brand.example; s=rsa; "
	signed := sign(t, plainMail, nil)
	replace := func(mail, from, to string) string {
		if !strings.Contains(mail, from) {
			t.Fatalf("%q is not in the message", from)
		}
		return strings.Replace(mail, from, to, 1)
	}
	withSelector := func(s string) string {
		return sign(t, plainMail, func(o *dkim.SignOptions) { o.Selector = s })
	}
	expiring := sign(t, plainMail, func(o *dkim.SignOptions) { o.Expiration = mailDate.Add(1e6 * time.Hour) })
	tests := []struct {
		name       string
		mail       string
		headers    bool // the body did not come back
		at         time.Time
		want       DKIMResult
		fromSigned bool
		problem    string // part of it
	}{
		{name: "relaxed", mail: signed, want: DKIMPass, fromSigned: true},
		{name: "simple", mail: sign(t, plainMail, func(o *dkim.SignOptions) {
			o.HeaderCanonicalization, o.BodyCanonicalization = "simple", "simple"
		}), want: DKIMPass, fromSigned: true},
		{name: "simple, LF copy", mail: strings.ReplaceAll(sign(t, plainMail, func(o *dkim.SignOptions) {
			o.HeaderCanonicalization, o.BodyCanonicalization = "simple", "simple"
		}), "\r\n", "\n"), want: DKIMPass, fromSigned: true},
		{name: "ed25519", mail: sign(t, plainMail, func(o *dkim.SignOptions) {
			o.Selector, o.Signer = "ed", testKeys().ed25519
		}), want: DKIMPass, fromSigned: true},
		{name: "bare RSA key", mail: withSelector("bare"), want: DKIMPass, fromSigned: true},
		{name: "several records", mail: withSelector("two"), want: DKIMPass, fromSigned: true},
		{name: "headers only", mail: signed, headers: true, want: DKIMHeadersPass, fromSigned: true},
		{name: "body changed", mail: replace(signed, "Hello", "Hullo"), want: DKIMFail, fromSigned: true, problem: "body was changed"},
		{name: "body changed, not returned", mail: replace(signed, "Hello", "Hullo"), headers: true, want: DKIMHeadersPass, fromSigned: true},
		{name: "trailing blank lines", mail: signed + "\r\n\r\n", want: DKIMPass, fromSigned: true},
		{name: "last line end lost", mail: strings.TrimRight(signed, "\r\n"), want: DKIMPass, fromSigned: true},
		{name: "header changed", mail: replace(signed, "someone@", "other@"), headers: true, want: DKIMFail, fromSigned: true, problem: "does not fit the header"},
		{name: "refolded", mail: replace(signed, "Offer  for\r\n\tyou", "Offer\r\n for you"), want: DKIMPass, fromSigned: true},
		{name: "unsigned field added", mail: "Received: from x by y; z\r\n" + signed, want: DKIMPass, fromSigned: true},
		{name: "second From above", mail: "From: thief@brand.example\r\n" + signed, want: DKIMPass},
		{name: "second From below", mail: replace(signed, "To: someone", "From: thief@brand.example\r\nTo: someone"), want: DKIMFail, problem: "does not fit"},
		{name: "oversigned", mail: signRaw(t, plainMail, tags+"h=From:From:To"), want: DKIMPass, fromSigned: true},
		{name: "oversigned, From added", mail: "From: x@y.example\r\n" + signRaw(t, plainMail, tags+"h=From:From:To"), want: DKIMFail, problem: "does not fit"},
		{name: "From not in h=", mail: signRaw(t, plainMail, tags+"h=To:Subject"), want: DKIMError, problem: "does not sign From"},
		{name: "l= of the whole body", mail: signRaw(t, plainMail, tags+"h=From; l=29"), want: DKIMHeadersPass, fromSigned: true, problem: "l=29"},
		{name: "l=, text added", mail: signRaw(t, plainMail, tags+"h=From; l=10") + "buy pills\r\n", want: DKIMHeadersPass, fromSigned: true, problem: "open"},
		{name: "l= beyond the body", mail: signRaw(t, plainMail, tags+"h=From; l=9999999999"), want: DKIMFail, fromSigned: true, problem: "more than the"},
		{name: "l= changed inside", mail: replace(signRaw(t, plainMail, tags+"h=From; l=10"), "Hello", "Hullo"), want: DKIMFail, fromSigned: true, problem: "body was changed"},
		{name: "before expiry", mail: expiring, at: mailDate, want: DKIMPass, fromSigned: true},
		{name: "after expiry", mail: expiring, at: mailDate.Add(2e6 * time.Hour), want: DKIMFail, fromSigned: true, problem: "expired"},
		{name: "expired long ago, sent in time", mail: signRaw(t, plainMail, tags+"h=From; t=1000000000; x=1000086400"), at: time.Unix(1000000100, 0), want: DKIMPass, fromSigned: true},
		{name: "no date to judge expiry", mail: signRaw(t, plainMail, tags+"h=From; x=1000086400"), want: DKIMPass, fromSigned: true},
		{name: "x= before t=", mail: signRaw(t, plainMail, tags+"h=From; t=1000000000; x=1000000000"), want: DKIMError, problem: "x="},
		{name: "key gone", mail: withSelector("gone"), want: DKIMNoKey, fromSigned: true, problem: "no key"},
		{name: "only another record", mail: withSelector("wild"), want: DKIMNoKey, fromSigned: true},
		{name: "key revoked", mail: withSelector("revoked"), want: DKIMNoKey, fromSigned: true, problem: "revoked"},
		{name: "key broken", mail: withSelector("broken"), want: DKIMError, fromSigned: true, problem: "base64"},
		{name: "key of another kind", mail: withSelector("ed"), want: DKIMError, fromSigned: true, problem: "kind"},
		{name: "key not for sha256", mail: withSelector("sha1"), want: DKIMError, fromSigned: true, problem: "sha256"},
		{name: "key not for email", mail: withSelector("other"), want: DKIMError, fromSigned: true, problem: "email"},
		{name: "DNS down", mail: withSelector("down"), want: DKIMError, fromSigned: true, problem: "timeout"},
		{name: "rsa-sha1", mail: replace(signed, "rsa-sha256", "rsa-sha1"), want: DKIMError, problem: "weak"},
		{name: "i= in a subdomain", mail: signRaw(t, plainMail, tags+"h=From; i=x@mail.brand.example"), want: DKIMPass, fromSigned: true},
		{name: "i= elsewhere", mail: signRaw(t, plainMail, tags+"h=From; i=x@notbrand.example"), want: DKIMError, problem: "i="},
		{name: "i= in a subdomain, t=s", mail: signRaw(t, plainMail, strings.Replace(tags, "s=rsa", "s=strict", 1)+"h=From; i=x@mail.brand.example"), want: DKIMError, fromSigned: true, problem: "t=s"},
		{name: "version 2", mail: signRaw(t, plainMail, strings.Replace(tags, "v=1", "v=2", 1)+"h=From"), want: DKIMError, problem: "version"},
		{name: "no tags", mail: "DKIM-Signature: junk\r\n" + plainMail, want: DKIMError, problem: "NAME=VALUE"},
		{name: "name not for DNS", mail: signRaw(t, plainMail, "v=1; a=rsa-sha256; d=brand..example; s=rsa; h=From"), want: DKIMError, problem: "domain name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := verify(tt.mail, !tt.headers, tt.at)
			if len(got) != 1 {
				t.Fatalf("%d signatures, want 1", len(got))
			}
			s := got[0]
			if s.Result != tt.want || s.FromSigned != tt.fromSigned || !strings.Contains(s.Problem, tt.problem) {
				t.Errorf("%s, From signed %v, %q; want %s, %v, %q", s.Result, s.FromSigned, s.Problem, tt.want, tt.fromSigned, tt.problem)
			}
			if s.Whole() != (tt.want == DKIMPass && tt.fromSigned) {
				t.Errorf("Whole() = %v", s.Whole())
			}
		})
	}
}

// TestShortKey holds RFC 8301 section 3.2. The key was made with openssl: crypto/rsa refuses to.
func TestShortKey(t *testing.T) {
	const p = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOWPLqif/qkoOu3qA8/fTTlk1v4PgKj0+L1P422zKDIRm6OiK7w+trhlzqgz/JScuDyhwyzK9Vk2rzyxyEDol0kCAwEAAQ=="
	tags, err := parseTags("v=DKIM1; p=" + p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseKey(tags, "rsa"); err == nil || !strings.Contains(err.Error(), "512 bits") {
		t.Errorf("512-bit key: %v", err)
	}
}

func TestVerifyMany(t *testing.T) {
	mail := sign(t, plainMail, nil)
	for i := range 20 {
		mail = fmt.Sprintf("DKIM-Signature: v=1; d=junk%d.example\r\n", i) + mail
	}
	if got := verify(mail, true, mailDate); len(got) != maxSignatures || got[0].Domain != "junk19.example" {
		t.Errorf("%d signatures, first %+v", len(got), got[0])
	}
	section, body := header.Split([]byte(mail))
	v := Verifier{Resolver: testKeys().dns, Want: func(d string) bool { return d == "brand.example" }}
	got := v.Verify(context.Background(), section, body, true, mailDate)
	if len(got) != 1 || !got[0].Whole() {
		t.Errorf("signatures of brand.example among junk: %+v", got)
	}
}

// TestHash holds that b= names a signature however it was folded.
func TestHash(t *testing.T) {
	one := sign(t, plainMail, nil)
	refolded := strings.Replace(one, " b=", " b=\r\n\t ", 1)
	other := sign(t, strings.Replace(plainMail, "Offer", "Other", 1), nil)
	a, b, c := verify(one, true, mailDate)[0], verify(refolded, true, mailDate)[0], verify(other, true, mailDate)[0]
	if a.Hash == "" || a.Hash != b.Hash || a.Hash == c.Hash || b.Result != DKIMPass {
		t.Errorf("hashes %q, refolded %q (%s), other %q", a.Hash, b.Hash, b.Result, c.Hash)
	}
}

// TestAgainstGoMsgauth compares our judgement of whole messages with go-msgauth's: where it passes we pass, where it
// does not we don't.
func TestAgainstGoMsgauth(t *testing.T) {
	bodies := []string{
		"", "\r\n", "\r\n\r\n", "x", "x\r\n", " \r\n", "\t\r\n\r\n", "\r\nx\r\n", "a  b\t c \r\n\r\n \r\nd", "ends in blanks  ", ".\r\n..\r\n",
		strings.Repeat("long line ", 700) + "\r\n" + strings.Repeat("\r\n", 3000) + "end\r\n",
	}
	heads := []string{
		"From: a@brand.example\r\nSubject: x\r\n",
		"from:a@brand.example\r\nSUBJECT:   \r\n",
		"From: a@brand.example\r\nSubject: a\r\n\tb  c\r\n   d  \r\nSubject: second\r\nX-Empty:\r\n",
	}
	modes := []dkim.Canonicalization{"simple", "relaxed"}
	changes := []func(string) string{
		func(m string) string { return m },
		func(m string) string { return strings.Replace(m, "x", "y", 1) },
		func(m string) string { return m + "\r\n" },
		func(m string) string { return m + " \r\n" },
		func(m string) string { return strings.Replace(m, "Subject: ", "Subject:  ", 1) },
		func(m string) string { return strings.Replace(m, "  ", " ", 1) },
		func(m string) string { return strings.Replace(m, "\r\nb=", "\r\n b=", 1) },
		func(m string) string { return "Subject: added\r\n" + m },
	}
	n, passed := 0, 0
	for _, body := range bodies {
		for _, head := range heads {
			for _, hc := range modes {
				for _, bc := range modes {
					signed := sign(t, head+"\r\n"+body, func(o *dkim.SignOptions) {
						o.HeaderCanonicalization, o.BodyCanonicalization = hc, bc
						o.HeaderKeys = []string{"From", "Subject", "Subject", "X-Empty", "Subject"}
					})
					for i, change := range changes {
						mail := change(signed)
						theirs, err := dkim.VerifyWithOptions(strings.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
							return testKeys().dns.LookupTXT(context.Background(), name)
						}})
						if err != nil {
							t.Fatal(err)
						}
						ours := verify(mail, true, mailDate)
						if (theirs[0].Err == nil) != (ours[0].Result == DKIMPass) {
							t.Errorf("%s/%s, change %d: theirs %v, ours %s %q\n%q", hc, bc, i, theirs[0].Err, ours[0].Result, ours[0].Problem, mail[:min(len(mail), 900)])
						}
						n++
						if ours[0].Result == DKIMPass {
							passed++
						}
					}
				}
			}
		}
	}
	if passed < n/4 || passed > n*3/4 {
		t.Errorf("%d of %d pass: the comparison is one-sided", passed, n)
	}
}

func TestRelaxed(t *testing.T) {
	// The examples of RFC 6376 section 3.4.5.
	if got := string(relaxedHeader([]byte("A: X"))) + "|" + string(relaxedHeader([]byte("B : Y\t\r\n\tZ  "))); got != "a:X|b:Y Z" {
		t.Errorf("relaxed header %q", got)
	}
	if got := string(simpleHeader([]byte("B : Y\t\n\tZ  "))); got != "B : Y\t\r\n\tZ  " {
		t.Errorf("simple header %q", got)
	}
	for relaxed, want := range map[bool]string{true: " C\r\nD E\r\n", false: " C \r\nD \t E\r\n"} {
		var got bytes.Buffer
		if err := writeBody(&got, []byte(" C \r\nD \t E\r\n\r\n\r\n"), relaxed); err != nil || got.String() != want {
			t.Errorf("body, relaxed %v: %q, want %q (%v)", relaxed, got.String(), want, err)
		}
	}
}

func TestParseTags(t *testing.T) {
	good := map[string]string{ // list: value of a
		"a=1":                  "1",
		" a = 1 ; b=2;":        "1",
		"b=x=y; a=p\r\n\tq ; ": "pq",
		"a=":                   "",
		"A=no; a=yes":          "yes",
		"a_1=x; a=z":           "z",
	}
	for list, want := range good {
		tags, err := parseTags(list)
		if got := tags.value("a"); err != nil || got != want {
			t.Errorf("%q: a is %q, want %q (%v)", list, got, want, err)
		}
	}
	for _, list := range []string{"", " ", ";", "a", "a=1;;b=2", "=1", "a=1; a=2", "1a=2", "a b=1", "ä=1", strings.Repeat("x", 100), manyTags(maxTags + 1)} {
		if tags, err := parseTags(list); err == nil {
			t.Errorf("%q gives %v, want an error", list, tags)
		}
	}
	if _, err := parseTags(manyTags(maxTags)); err != nil {
		t.Error(err)
	}
}

func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d=x;", i)
	}
	return b.String()
}

// FuzzParseTags holds that each value is what its place in the list says, that places are in order, and that a list
// written from its tags parses to the same tags.
func FuzzParseTags(f *testing.F) {
	for _, seed := range []string{"v=1; a=rsa-sha256; b=x=\r\n\ty ; ", "a=1;a=2", ";;", "v=DKIM1; p=", "=", "a =\t1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		tags, err := parseTags(list)
		if err != nil {
			return
		}
		end := 0
		var again strings.Builder
		for _, tag := range tags {
			if tag.from < end || tag.to < tag.from || trimFWS(list[tag.from:tag.to]) != tag.value {
				t.Fatalf("tag %+v of %q", tag, list)
			}
			end = tag.to
			again.WriteString(tag.name + "=" + tag.value + ";")
		}
		second, err := parseTags(again.String())
		if err != nil || len(second) != len(tags) {
			t.Fatalf("%q printed as %q: %v", list, again.String(), err)
		}
		for i := range tags {
			if second[i].name != tags[i].name || second[i].value != tags[i].value {
				t.Fatalf("tag %+v became %+v", tags[i], second[i])
			}
		}
	})
}

// FuzzVerify holds that nothing a stranger writes passes without the key, and that LF and CRLF copies are judged alike.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(plainMail), true)
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=brand.example; s=rsa; h=from; bh=AAAA; b=AAAA\n"+plainMail), false)
	f.Add([]byte("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed; d=brand.example; s=ed; h=from:from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; l=0; x=1; b=AAAA\nFrom: x\n\n"), true)
	f.Fuzz(func(t *testing.T, msg []byte, complete bool) {
		msg = bytes.ReplaceAll(msg, []byte("\r"), nil)
		lf := verify(string(msg), complete, mailDate)
		crlf := verify(strings.ReplaceAll(string(msg), "\n", "\r\n"), complete, mailDate)
		if len(lf) != len(crlf) || len(lf) > maxSignatures {
			t.Fatalf("%d and %d signatures", len(lf), len(crlf))
		}
		for i := range lf {
			if lf[i].Result != crlf[i].Result || lf[i].FromSigned != crlf[i].FromSigned {
				t.Fatalf("LF %+v, CRLF %+v", lf[i], crlf[i])
			}
			if lf[i].Result == DKIMPass || lf[i].Result == DKIMHeadersPass {
				t.Fatalf("a made-up signature passes: %q", msg)
			}
		}
	})
}
