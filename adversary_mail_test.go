package ndrscan_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/mailbox"
)

// The world of the adversaries. Ours is ours.example: mx 192.0.2.1, submit 192.0.2.2; its record lets in a provider's shared
// network, too. s1 to s9.example are honest sites, corp1 to corp4.example sit behind gateways of filterN.example,
// alumni.example forwards, bots are 203.0.113.0/24.
const adversaryZone = `
ours.example. IN MX 10 mx.ours.example.
ours.example. IN TXT "v=spf1 ip4:192.0.2.0/28 include:spf.shared.example include:spf.protection.outlook.com include:_spf.google.com -all"
spf.shared.example. IN TXT "v=spf1 ip4:198.19.0.0/16 -all"
mx.ours.example. IN A 192.0.2.1
1.2.0.192.in-addr.arpa. IN PTR mx.ours.example.
submit.ours.example. IN A 192.0.2.2
2.2.0.192.in-addr.arpa. IN PTR submit.ours.example.
99.113.0.203.in-addr.arpa. IN PTR submit.ours.example.
evil.example. IN MX 10 mx1.evil.example.
evil.example. IN TXT "v=spf1 ip4:203.0.1.9 ip4:203.0.2.9 ip4:203.0.3.9 ip4:203.0.4.9 ip4:203.0.5.9 -all"
alumni.example. IN MX 10 mail.alumni.example.
alumni.example. IN TXT "v=spf1 mx -all"
mail.alumni.example. IN A 198.18.70.1
1.70.18.198.in-addr.arpa. IN PTR mail.alumni.example.
spf.protection.outlook.com. IN TXT "v=spf1 ip4:198.18.200.0/24 -all"
_spf.google.com. IN TXT "v=spf1 ip4:198.18.201.0/24 -all"
mail-y.google.com. IN A 198.18.201.5
5.201.18.198.in-addr.arpa. IN PTR mail-y.google.com.
mail-x.outbound.protection.outlook.com. IN A 198.18.200.5
5.200.18.198.in-addr.arpa. IN PTR mail-x.outbound.protection.outlook.com.
`

var (
	adversaryNow  = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	adversaryMail = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	signingKey    = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes: ours"))
)

// zone writes the world's DNS to a file.
func zone(t *testing.T, more ...string) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("$ORIGIN .\n$TTL 3600\nexample. IN SOA ns.example. h.example. 1 3600 600 86400 60\n" + adversaryZone + strings.Join(more, ""))
	host := func(name, a, b, c, d string) {
		fmt.Fprintf(&out, "%s. IN A %s.%s.%s.%s\n%s.%s.%s.%s.in-addr.arpa. IN PTR %s.\n", name, a, b, c, d, d, c, b, a, name)
	}
	for n := 1; n <= 9; n++ {
		fmt.Fprintf(&out, "s%d.example. IN MX 10 m.s%d.example.\n", n, n)
		host(fmt.Sprintf("m.s%d.example", n), "198", "18", fmt.Sprint(n), "25")
	}
	for n := 1; n <= 4; n++ {
		fmt.Fprintf(&out, "corp%d.example. IN MX 10 gw.filter%d.example.\n", n, n)
		host(fmt.Sprintf("gw.filter%d.example", n), "198", "18", fmt.Sprint(50+n), "1")
		host(fmt.Sprintf("mail.corp%d.example", n), "198", "18", fmt.Sprint(60+n), "5")
	}
	for _, signer := range []string{"ours.example", "ours-example.20230601.gappssmtp.com", "alumni.example"} {
		fmt.Fprintf(&out, "k1._domainkey.%s. IN TXT \"v=DKIM1; k=ed25519; p=%s\"\n", signer,
			base64.StdEncoding.EncodeToString(signingKey.Public().(ed25519.PublicKey)))
	}
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// bounce is one report as it lies in our mailbox.
type bounce struct {
	n       int    // of the message: sets times and ids
	name    string // who handed it over: his HELO and reverse name
	ip      string
	mta     string // what it calls itself; "": name
	to      string // account it came to; "": alice@ours.example
	rcpts   []string
	diag    string // "": refused as spam
	top     string // lines that stand instead of our MX's
	orig    string // the returned original
	headers bool   // its header section only
}

// site gives a bounce by one of the honest sites.
func site(n, k int, rcpts ...string) bounce {
	for len(rcpts) == 0 {
		rcpts = append(rcpts, fmt.Sprintf("rcpt%d@s%d.example", n, k))
	}
	return bounce{n: n, name: fmt.Sprintf("m.s%d.example", k), ip: fmt.Sprintf("198.18.%d.25", k), rcpts: rcpts}
}

// ourOwn gives a bounce that our submission server wrote itself.
func ourOwn(n, k int) bounce {
	b := site(n, k)
	b.name, b.ip = "submit.ours.example", "192.0.2.2"
	return b
}

func at(n int) string {
	return adversaryMail.Add(time.Duration(n) * 10 * time.Second).Format("Mon, 2 Jan 2006 15:04:05 -0700")
}

const spamRefusal = "550 5.7.1 message refused as spam"

func (b bounce) String() string {
	orElse := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	to := orElse(b.to, "alice@ours.example")
	top := b.top
	if top == "" {
		top = postfix(b.name, b.name, b.ip, "mx.ours.example", "ESMTPS", fmt.Sprintf("4Xy%05d", b.n), "", b.n+5, to)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "Return-Path: <>\n%sFrom: Mail Delivery System <MAILER-DAEMON@%s>\nTo: <%s>\nSubject: Undelivered Mail Returned to Sender\n", top, b.name, to)
	fmt.Fprintf(&out, "Date: %s\nMessage-ID: <dsn%d@%s>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n", at(b.n+4), b.n, b.name)
	fmt.Fprintf(&out, "Content-Type: multipart/report; report-type=delivery-status; boundary=\"BB\"\n\n--BB\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n")
	fmt.Fprintf(&out, "--BB\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; %s\nArrival-Date: %s\n", orElse(b.mta, b.name), at(b.n))
	for _, rcpt := range b.rcpts {
		fmt.Fprintf(&out, "\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; %s\n", rcpt, orElse(b.diag, spamRefusal))
	}
	typ := "message/rfc822"
	if b.headers {
		typ = "text/rfc822-headers"
	}
	fmt.Fprintf(&out, "\n--BB\nContent-Type: %s\n\n%s\n--BB--\n", typ, b.orig)
	return out.String()
}

// postfix writes a line as Postfix does. auth is a login, or "" for none.
func postfix(helo, rdns, ip, by, protocol, id, auth string, n int, rcpt string) string {
	if auth != "" {
		auth = "\n\t(Authenticated sender: " + auth + ")"
	}
	return fmt.Sprintf("Received: from %s (%s [%s])%s\n\tby %s (Postfix) with %s id %s\n\tfor <%s>; %s\n", helo, rdns, ip, auth, by, protocol, id, rcpt, at(n))
}

// taken is the line by which a site takes mail from somebody.
func taken(b bounce, helo, rdns, ip string) string {
	return postfix(helo, rdns, ip, b.name, "ESMTPS", fmt.Sprintf("8Ab%05d", b.n), "", b.n+2, b.rcpts[0])
}

// login is the line by which our submission server takes mail from a client.
func login(n int, user, client string) string {
	return postfix("pc", "unknown", client, "submit.ours.example", "ESMTPSA", fmt.Sprintf("6Cd%05d", n), user, n, "x@y.example")
}

// fromOurs are the lines of mail that our submission server handed to a site.
func fromOurs(b bounce, user, client string) string {
	return taken(b, "submit.ours.example", "submit.ours.example", "192.0.2.2") + login(b.n, user, client)
}

// spam is what a sender writes himself.
func spam(n int) string { return mail(n, "alice@ours.example", "someone@s1.example", "Cheap pills") }

func mail(n int, from, to, subject string) string {
	return fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <m%d@ours.example>\n\nBuy now: http://pills.example/%d\n", from, to, subject, at(n), n, n)
}

func bot(n int) string { return fmt.Sprintf("203.0.113.%d", 1+n%90) }

// sign puts a DKIM signature of ours on a message.
func sign(t *testing.T, message string) string {
	t.Helper()
	return signAs(t, "ours.example", message)
}

func signAs(t *testing.T, domain, message string) string {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(strings.ReplaceAll(message, "\n", "\r\n")), &dkim.SignOptions{Domain: domain, Selector: "k1", Signer: signingKey,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// sealedByAlumni is a mail of alice's as alumni.example passes it on: with an ARC set (RFC 8617) which says that it passed for
// ours.example when it came there.
func sealedByAlumni(n int) string {
	message := mail(n, "alice@ours.example", "buddy@alumni.example", "Class reunion")
	head, body, _ := strings.Cut(strings.ReplaceAll(message, "\n", "\r\n"), "\r\n\r\n")
	bodyHash := sha256.Sum256([]byte(body))
	signed := ""
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		signed += strings.ToLower(name) + ":" + value + "\r\n"
	}
	seal := func(text string) string {
		digest := sha256.Sum256([]byte(text))
		return base64.StdEncoding.EncodeToString(ed25519.Sign(signingKey, digest[:]))
	}
	results := "i=1; mail.alumni.example; dkim=pass header.d=ours.example; dmarc=pass header.from=ours.example"
	signature := "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=alumni.example; s=k1; h=from:to:subject:date:message-id; bh=" +
		base64.StdEncoding.EncodeToString(bodyHash[:]) + "; b="
	signature += seal(signed + "arc-message-signature:" + signature)
	sealed := "i=1; a=ed25519-sha256; cv=none; d=alumni.example; s=k1; b="
	sealed += seal("arc-authentication-results:" + results + "\r\narc-message-signature:" + signature + "\r\narc-seal:" + sealed)
	return "ARC-Seal: " + sealed + "\nARC-Message-Signature: " + signature + "\nARC-Authentication-Results: " + results + "\n" + message
}

// flood makes n bounces.
func flood(n int, one func(int) bounce) []string {
	var list []string
	for i := range n {
		list = append(list, one(i).String())
	}
	return list
}

// mbox makes a source of messages.
func mbox(t *testing.T, messages []string) mailbox.Source {
	t.Helper()
	var out strings.Builder
	for _, m := range messages {
		out.WriteString("From MAILER-DAEMON Mon Nov 23 10:00:00 2026\n")
		for line := range strings.Lines(m) {
			if strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") {
				out.WriteString(">")
			}
			out.WriteString(line)
		}
		out.WriteString("\n")
	}
	file := filepath.Join(t.TempDir(), "flood.mbox")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, file)
}

// attack is a flood to be scanned, and with what.
type attack struct {
	mails, sent []string
	noSent      bool
	zone        string // more records
	opts        ndrscan.Options
}

func (a attack) scan(t *testing.T) (*classify.Report, []classify.Finding) {
	t.Helper()
	dns := zoneFile(t, zone(t, a.zone))
	opts := a.opts
	opts.Own, opts.Resolver = append(opts.Own, "ours.example"), dns
	opts.Now = func() time.Time { return adversaryNow }
	if !a.noSent {
		opts.Sent = []mailbox.Source{mbox(t, append([]string{mail(100_000, "carol@ours.example", "dave@s9.example", "Minutes")}, a.sent...))}
	}
	return scanAll(t, mbox(t, a.mails), opts)
}
