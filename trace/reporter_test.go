package trace

import (
	"context"
	"strings"
	"testing"
)

const (
	lmtp     = "from mx.example.com by mx.example.com with LMTP id 1 (envelope-from <>) for <a@example.com>"
	fromSite = "from mx.site.example (mx.site.example [198.51.100.10]) by mx.example.com (Postfix) with ESMTPS id 2"
	proxied  = "from mx.site.example (unknown [172.18.0.1]) by mx.example.com (Postfix) with ESMTPS id 2"
	scanned  = "from localhost (localhost [127.0.0.1]) by mx.example.com (Postfix) with ESMTP id 2"
	amavis   = "from mx.example.com ([127.0.0.1]) by localhost (mx.example.com [127.0.0.1]) (amavisd-new, port 10024) with ESMTP id 3"
	siteDSN  = "by mx.site.example (Postfix) id 3"
	ourDSN   = "by mx.example.com (Postfix) id 3"
)

// reporterWant is what a test expects; marks are the flags that hold, by their first letters: Own, Stepped, Unstamped, Hidden.
type reporterWant struct{ ip, helo, org, marks string }

func reporterOf(r Reporter) reporterWant {
	w := reporterWant{helo: r.HELO, org: r.Organisation}
	if r.IP.IsValid() {
		w.ip = r.IP.String()
	}
	for _, mark := range []struct {
		holds  bool
		letter string
	}{{r.Own, "O"}, {r.Stepped, "S"}, {r.Unstamped, "U"}, {r.Hidden, "H"}} {
		if mark.holds {
			w.marks += mark.letter
		}
	}
	return w
}

func TestReporter(t *testing.T) {
	site := reporterWant{"198.51.100.10", "mx.site.example", "site.example", ""}
	steppedSite := site
	steppedSite.marks = "S"
	tests := []struct {
		name  string
		lines []string
		want  reporterWant
	}{
		{"usual", []string{lmtp, fromSite, siteDSN}, site},
		{"unconfirmed name", []string{"from x (unknown [203.0.113.66]) by mx.example.com (Postfix) with ESMTP id 2"}, reporterWant{"203.0.113.66", "x", "203.0.113.0/24", ""}},
		{"through two of ours", []string{"from submit.example.com (submit.example.com [192.0.2.2]) by mx.example.com (Postfix) with ESMTP id 2",
			"from mx.site.example (x [198.51.100.10]) by box17.corp.lan (Postfix) with ESMTP id 3"}, site},
		{"our other server bounced", []string{lmtp, "from www.example.com (www.example.com [192.0.2.3]) by mx.example.com (Postfix) with ESMTP id 2",
			"by www.example.com (Postfix) id 3"}, reporterWant{"192.0.2.3", "www.example.com", "example.com", "O"}},
		{"the mailbox host bounced", []string{lmtp, ourDSN}, reporterWant{marks: "O"}},
		{"a user of ours wrote it", []string{lmtp, "by mx.example.com (Postfix, from userid 33) id 3"}, reporterWant{marks: "U"}},
		{"a user's filter passed it on", []string{lmtp, "by mx.example.com (Postfix, from userid 33) id 3", fromSite}, site},
		{"Exim bounced", []string{lmtp, "from Debian-exim by mx.example.com with local (Exim 4.98) id 1xVbcY-0000BX-1V"}, reporterWant{marks: "O"}},
		{"a stranger's hand-over below ours", []string{lmtp, siteDSN}, reporterWant{marks: "UH"}},
		{"named like ours, but elsewhere", []string{"from mx.site.example (x [198.51.100.10]) by mail.example.com (Postfix) with ESMTP id 2"}, reporterWant{"198.51.100.10", "mx.site.example", "site.example", "U"}},
		{"no lines", nil, reporterWant{marks: "U"}},
		{"client without address", []string{"from somewhere by mx.example.com with SMTP id 1"}, reporterWant{marks: "UH"}},

		{"filter in between", []string{lmtp, scanned, amavis, fromSite}, site},
		{"bounced behind our filter", []string{scanned, amavis, ourDSN}, reporterWant{marks: "O"}},
		{"qmail behind a filter", []string{"(qmail 7 invoked by uid 89)", scanned, "(qmail 6 invoked from network)", fromSite}, site},
		{"proxy, and nothing below", []string{proxied}, reporterWant{marks: "SUH"}},
		{"proxy on the same host, and nothing below", []string{scanned}, reporterWant{marks: "SUH"}},
		{"proxy above the site's own line", []string{proxied, siteDSN}, reporterWant{marks: "SUH"}},
		{"proxy above a qmail's bounce", []string{proxied, "(qmail 6 invoked for bounce)"}, reporterWant{marks: "SUH"}},
		{"proxy above the site's border", []string{proxied, "from bot (unknown [203.0.113.9]) by mx.site.example (Postfix) with ESMTP id 3"}, reporterWant{marks: "SUH"}},
		{"proxy above a line without a writer", []string{proxied, "from bot (x [203.0.113.9])"}, reporterWant{marks: "SUH"}},
		{"proxy above a line in our name", []string{proxied, ourDSN}, reporterWant{marks: "OS"}},
		{"proxy above our server in our name", []string{proxied, "from submit.example.com (submit.example.com [192.0.2.2]) by mx.example.com (Postfix) with ESMTP id 3"},
			reporterWant{"192.0.2.2", "submit.example.com", "example.com", "OS"}},
		{"proxy in front of our relay", []string{"from submit.example.com (submit.example.com [192.0.2.2]) by mx.example.com (Postfix) with ESMTP id 2",
			"from mx.site.example (unknown [172.18.0.1]) by submit.example.com (Postfix) with ESMTP id 3", siteDSN}, reporterWant{marks: "SUH"}},
		{"inner host that --own names", []string{"from exch (unknown [10.9.0.1]) by mx.example.com (Postfix) with ESMTP id 2"}, reporterWant{marks: "OS"}},
		{"inner host that --own names, its line below", []string{"from exch (unknown [10.9.0.1]) by mx.example.com (Postfix) with ESMTP id 2",
			"from mx.site.example (x [198.51.100.10]) by exch.corp.lan with Microsoft SMTP Server id 15.1"}, steppedSite},

		{"ours below a stranger's top line", []string{"from submit.example.com (submit.example.com [192.0.2.2]) by mail.local (Postfix) with ESMTPS id 2"},
			reporterWant{"192.0.2.2", "submit.example.com", "example.com", "U"}},
		{"our name below a stranger's top line", []string{"from submit.example.com (submit.example.com [192.0.2.2]) by mail.local (Postfix) with ESMTPS id 2",
			"by submit.example.com (Postfix) id 3"}, reporterWant{"192.0.2.2", "submit.example.com", "example.com", "U"}},
		{"our name below a stranger's proxy", []string{"from x (unknown [172.18.0.1]) by mail.local (Postfix) with ESMTPS id 2", ourDSN}, reporterWant{marks: "SUH"}},
		{"nothing of ours on top", []string{"by 2002:a05:6402:1:b0:5:1:9 with SMTP id 1", "from mx.site.example (mx.site.example. [198.51.100.10]) by mx.google.com with ESMTPS id 2"},
			reporterWant{"198.51.100.10", "mx.site.example", "site.example", "U"}},
		{"inside a provider's site", []string{"from inner.site.example (inner.site.example [198.51.100.11]) by box.site.example with ESMTP id 1", "from r (r [198.51.100.30]) by inner.site.example with ESMTP id 2"},
			reporterWant{"198.51.100.30", "r", "other.example", "U"}},
		{"inside a provider's site by private addresses", []string{"from inner.site.example (unknown [10.1.1.1]) by box.site.example with ESMTP id 1", "from r (r [198.51.100.30]) by inner.site.example with ESMTP id 2"},
			reporterWant{"198.51.100.30", "r", "other.example", "SU"}},
		{"inside a provider's site without reverse names", []string{"from B.site.example (2001:db8:7::2) by A.site.example (2001:db8:7::1) with Microsoft SMTP Server id 15.20", "from r (198.51.100.30) by B.site.example (10.0.0.1) with Microsoft SMTP Server id 15.20"},
			reporterWant{"198.51.100.30", "r", "other.example", "U"}},
		{"fetched by POP", []string{"from pop.other.example [198.51.100.30] by home.lan with POP3 (fetchmail-6.4.37) for <x@localhost>", fromSite}, site},
		{"fetched by POP and delivered", []string{"from localhost (localhost [127.0.0.1]) by home.lan (Postfix) with ESMTP id 1",
			"from pop.other.example [198.51.100.30] by home.lan with POP3 (fetchmail-6.4.37) for <x@localhost>", fromSite}, site},
	}
	own, err := NewOwn([]string{"example.com", "10.9.0.0/16"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tracer{Own: own, Resolver: testZone()}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tr.Reporter(context.Background(), section(tt.lines...))
			if got := reporterOf(r); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// Where our domain's MX is a provider, its topmost lines are its stamp. What its other customers hand over is still theirs.
func TestReporterHosted(t *testing.T) {
	const inbox = "by 2002:a05:6402:1:b0:5:1:9 with SMTP id 1"
	tests := []struct {
		name  string
		lines []string
		want  reporterWant
	}{
		{"a site", []string{inbox, "from mx.site.example (mx.site.example. [198.51.100.10]) by mx.google.com with ESMTPS id 2"},
			reporterWant{"198.51.100.10", "mx.site.example", "site.example", ""}},
		{"inside Microsoft", []string{"from A.eurprd01.prod.outlook.com (2603:10a6::1) by B.eurprd01.prod.outlook.com with HTTPS",
			"from mx.site.example (198.51.100.10) by X.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server id 15.20"},
			reporterWant{"198.51.100.10", "mx.site.example", "site.example", ""}},
		{"never left Microsoft", []string{"from A.eurprd01.prod.outlook.com (2603:10a6::1) by B.eurprd01.prod.outlook.com with Microsoft SMTP Server id 15.20"},
			reporterWant{marks: "U"}},
		{"another customer, with lines of his making", []string{inbox, "from mail-x.google.example (mail-x.google.example. [198.51.100.20]) by mx.google.com with ESMTPS id 2",
			"from mx.site.example (mx.site.example. [198.51.100.10]) by mx.google.com with ESMTPS id 2"}, reporterWant{"198.51.100.20", "mail-x.google.example", "filter.example", ""}},
		{"below a stranger's top line", []string{"from x (x [203.0.113.66]) by box.other.example with ESMTP id 1",
			"from mx.site.example (mx.site.example. [198.51.100.10]) by mx.google.com with ESMTPS id 2"}, reporterWant{"203.0.113.66", "x", "203.0.113.0/24", "U"}},
	}
	tr := testTracer(t, testZone())
	tr.Hosted = []string{"google.com", "outlook.com"}
	for _, tt := range tests {
		if got := reporterOf(tr.Reporter(context.Background(), section(tt.lines...))); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// Exchange hands its own reports to itself: that is no client, and no proxy.
func TestReporterOfExchange(t *testing.T) {
	own, err := NewOwn([]string{"example.com", "10.9.0.0/16"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tracer{Own: own, Resolver: testZone()}
	const itself = "from EX1.corp.example.com (10.9.0.1) by EX1.corp.example.com (10.9.0.1) with Microsoft SMTP Server id 15.1.2507.39 via Mailbox Transport"
	if got, want := reporterOf(tr.Reporter(context.Background(), section(itself))), (reporterWant{marks: "O"}); got != want {
		t.Errorf("%+v", got)
	}
	other := strings.Replace(itself, "from EX1", "from PROXY", 1)
	if got, want := reporterOf(tr.Reporter(context.Background(), section(other))), (reporterWant{marks: "OS"}); got != want {
		t.Errorf("another host with its address: %+v", got)
	}
}

// No reverse name, or none that can be asked: the witness is its network, and nothing else changes.
func TestReporterDNSFails(t *testing.T) {
	z := testZone()
	z.broken = map[string]bool{"198.51.100.10": true}
	r := testTracer(t, z).Reporter(context.Background(), section(fromSite))
	if got, want := reporterOf(r), (reporterWant{"198.51.100.10", "mx.site.example", "198.51.100.0/24", ""}); got != want || !r.DNSFailed {
		t.Errorf("%+v", r)
	}
	z.broken = map[string]bool{"mx.example.com": true}
	if r := testTracer(t, z).Reporter(context.Background(), section(lmtp, ourDSN)); r.Own || !r.Unstamped || !r.DNSFailed {
		t.Errorf("a host that may be ours: %+v", r)
	}
}
