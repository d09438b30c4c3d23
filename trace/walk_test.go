package trace

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

// section makes a header section of Received values, in order; a value with a colon in its first word is a field as
// it stands.
func section(lines ...string) header.Section {
	var text strings.Builder
	for _, line := range lines {
		if name, _, ok := strings.Cut(line, ":"); !ok || strings.ContainsAny(name, " ([") {
			line = "Received: " + line + date
		}
		text.WriteString(line + "\n")
	}
	s, _ := header.Split([]byte(text.String() + "\n"))
	return s
}

func testTracer(t testing.TB, z Resolver) *Tracer {
	t.Helper()
	own, err := NewOwn([]string{"example.com"}, []string{"198.51.100.128/25"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if z != nil {
		if err := own.Resolve(context.Background(), z); err != nil {
			t.Fatal(err)
		}
	}
	return &Tracer{Own: own, Resolver: z}
}

// The lines of originals that tests build from.
const (
	bot        = "from x (dyn-203-0-113-9.pool.isp.example [203.0.113.9]) by mx.site.example (Postfix) with ESMTP id B0T"
	fromOurs   = "from submit.example.com (submit.example.com [192.0.2.2]) by mx.site.example (Postfix) with ESMTPS id S1"
	ourLogin   = "from pc (vps [203.0.113.66]) (Authenticated sender: bob@example.com) by submit.example.com (Postfix) with ESMTPSA id L1 for <x@site.example>"
	framed     = "from pc (vps [203.0.113.77]) (Authenticated sender: alice@example.com) by submit.example.com (Postfix) with ESMTPSA id F1"
	natTop     = "from gate (unknown [10.0.0.1]) by mail.site.example (Postfix) with ESMTP id N1"
	innerTop   = "from inner (inner.site.example [198.51.100.11]) by mail.site.example (Postfix) with ESMTP id I1"
	byInner    = "from x (dyn-203-0-113-9.pool.isp.example [203.0.113.9]) by inner.site.example (Postfix) with ESMTP id B0T"
	gatewayTop = "from gw.filter.example (gw.filter.example [198.51.100.20]) by box.cust.example with Microsoft SMTP Server id 15.1"
	byGateway  = "from x (dyn-203-0-113-9.pool.isp.example [203.0.113.9]) by gw.filter.example (Postfix) with ESMTP id B0T"
)

// originWant is what a test expects of an Origin; steps are their reasons, joined by blanks.
type originWant struct {
	ip        string
	trust     Trust
	via       Via
	own       bool
	user      string
	shown     bool
	client    string
	entry     Entry
	id        string
	siteAuth  bool
	unstamped bool
	framing   bool
	steps     string
}

func originOf(o Origin) originWant {
	w := originWant{trust: o.Trust, via: o.Via, own: o.Own, user: o.AuthUser, shown: o.AuthShown, entry: o.Entry, id: o.QueueID,
		siteAuth: o.SiteAuth, unstamped: o.Unstamped, framing: o.Framing}
	if o.IP.IsValid() {
		w.ip = o.IP.String()
	}
	if o.ClientIP.IsValid() {
		w.client = o.ClientIP.String()
	}
	for _, s := range o.Steps {
		w.steps += s.Why + " "
		if s.Says() == "" {
			w.steps += "(no sentence) "
		}
	}
	w.steps = strings.TrimSpace(w.steps)
	return w
}

var foreignTests = []struct {
	name       string
	lines      []string
	recipients []string
	want       originWant
}{
	{"direct", []string{bot}, nil, originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, id: "B0T", steps: "border"}},
	{"framed", []string{bot, framed, framed}, nil,
		originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, id: "B0T", framing: true, steps: "border framing framing"}},
	{"framed by address", []string{bot, "from a ([192.0.2.2]) by b.example with SMTP id 1"}, nil,
		originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, id: "B0T", framing: true, steps: "border framing"}},
	{"qmail's hand-over", []string{"(qmail 1 invoked from network)", "from unknown (HELO y) (203.0.113.9) by mx.site.example with SMTP"}, nil,
		originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, steps: "handover border"}},
	{"behind NAT", []string{natTop, bot}, nil, originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "inside border"}},
	{"inner name below", []string{natTop, "from x ([203.0.113.9]) by mail7.corp.lan with SMTP id B0T"}, nil,
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "inside border"}},
	{"behind NAT, a hop did not stamp", []string{natTop, byGateway, framed}, nil, originWant{via: ViaNone, unstamped: true, framing: true, steps: "inside unstamped-hop framing"}},
	{"ours below NAT, a hop did not stamp", []string{natTop, framed}, nil, originWant{via: ViaNone, unstamped: true, steps: "inside unstamped-hop"}},
	{"confirmed inner host", []string{innerTop, byInner, framed}, nil,
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", framing: true, steps: "inside border framing"}},
	{"inner host without a reverse name", []string{"from B.site.example (2001:db8:7::2) by A.site.example (2001:db8:7::1) with Microsoft SMTP Server id 15.20", "from x (203.0.113.9) by B.site.example (10.13.1.2) with Microsoft SMTP Server id 15.20"}, nil,
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, steps: "inside border"}},
	{"client that takes the name of an inner host", []string{"from b.site.example (2001:db8:7::3) by a.site.example (2001:db8:7::1) with Microsoft SMTP Server id 15.20", byInner}, nil,
		originWant{ip: "2001:db8:7::3", trust: Direct, via: ViaReceived, steps: "border claim"}},
	{"writer without a name, after a hand-over", []string{"(qmail 1 invoked from network)", "from unknown (HELO y) (203.0.113.9) by 198.51.100.99 with SMTP"}, nil,
		originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, steps: "handover border"}},
	{"access line of the site", []string{"from x (dyn-203-0-113-12.site.example [203.0.113.12]) by mx.site.example (Postfix) with ESMTP id D1", byInner}, nil,
		originWant{ip: "203.0.113.12", trust: Direct, via: ViaReceived, id: "D1", steps: "border claim"}},
	{"login from an inner host of the site", []string{"from inner (inner.site.example [198.51.100.11]) by mx.site.example (Postfix) with ESMTPSA id A1", byInner}, nil,
		originWant{ip: "198.51.100.11", trust: Direct, via: ViaReceived, id: "A1", siteAuth: true, steps: "border claim"}},
	{"gateway", []string{gatewayTop, byGateway, framed}, []string{"cust.example"},
		originWant{ip: "203.0.113.9", trust: Gateway, via: ViaReceived, id: "B0T", framing: true, steps: "gateway border framing"}},
	{"no gateway without MX", []string{gatewayTop, byGateway}, nil,
		originWant{ip: "198.51.100.20", trust: Direct, via: ViaReceived, steps: "border claim"}},
	{"gateway that did not stamp", []string{gatewayTop, bot}, []string{"cust.example"}, originWant{via: ViaNone, unstamped: true, steps: "gateway unstamped-hop"}},
	{"gateway is the site's own MX", []string{"from mx (mx.site.example [198.51.100.10]) by box.site.example (Postfix) with ESMTP id G1", bot}, []string{"site.example"},
		originWant{ip: "203.0.113.9", trust: Gateway, via: ViaReceived, id: "B0T", steps: "gateway border"}},
	{"loop in one site", []string{"from mx (x [198.51.100.10]) by mx.site.example (Postfix) with ESMTP id 1", "from mx (x [198.51.100.10]) by mx.site.example (Postfix) with ESMTP id 2", bot}, nil,
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "inside inside border"}},
	{"loop through the gateway", []string{gatewayTop, "from mx (x [198.51.100.10]) by gw.filter.example (Postfix) with ESMTP id 2", gatewayTop, byGateway}, []string{"cust.example"},
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "gateway loop gateway border"}},
	{"gateway below NAT", []string{"from x (unknown [172.18.0.1]) by box.cust.example (Postfix) with ESMTP id 1", gatewayTop, byGateway}, []string{"cust.example"},
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "inside gateway border"}},
	{"loop below NAT", []string{"from x (unknown [172.18.0.1]) by box.cust.example (Postfix) with ESMTP id 1", gatewayTop, "from mx (x [198.51.100.10]) by gw.filter.example (Postfix) with ESMTP id 2", byGateway}, []string{"cust.example"},
		originWant{via: ViaNone, unstamped: true, steps: "inside gateway loop unstamped-hop"}},
	{"our border", []string{fromOurs, ourLogin, framed}, nil,
		originWant{ip: "192.0.2.2", trust: Direct, via: ViaReceived, own: true, user: "bob@example.com", shown: true, client: "203.0.113.66", entry: EntryAccount,
			id: "L1", steps: "border login claim"}},
	{"our border, no more lines", []string{fromOurs}, nil, originWant{ip: "192.0.2.2", trust: Direct, via: ViaReceived, own: true, entry: EntryUnknown, id: "S1", steps: "border"}},
	{"a liar's reverse name is not our border", []string{"from submit.example.com (submit.example.com [203.0.113.66]) by mx.site.example (OpenSMTPD) with ESMTP id S1", ourLogin}, nil,
		originWant{ip: "203.0.113.66", trust: Direct, via: ViaReceived, id: "S1", framing: true, steps: "border framing"}},
	{"began inside: local user", []string{"from www-data by mx.site.example with local (Exim 4.96) id 1xVbcY-0000BX-1V", framed}, nil,
		originWant{ip: "198.51.100.10", trust: Direct, via: ViaReporter, id: "1xVbcY-0000BX-1V", framing: true, steps: "began-inside framing"}},
	{"began inside: web page", []string{"from [203.0.113.9] by www.site.example via HTTP"}, nil,
		originWant{ip: "198.51.100.10", trust: Direct, via: ViaReporter, siteAuth: true, steps: "began-inside"}},
	{"began inside: mapi", []string{"from a.site.example ([fe80::1]) by a.site.example ([fe80::1%14]) with mapi id 15.1"}, nil,
		originWant{ip: "198.51.100.10", trust: Direct, via: ViaReporter, siteAuth: true, steps: "began-inside"}},
	{"began inside: login from a private address", []string{"from pc ([192.168.1.7]) by mx.site.example (Postfix) with ESMTPSA id A1", framed}, nil,
		originWant{ip: "198.51.100.10", trust: Direct, via: ViaReporter, id: "A1", siteAuth: true, framing: true, steps: "began-inside framing"}},
	{"no foreign line", []string{natTop}, nil, originWant{ip: "198.51.100.10", trust: Stepped, via: ViaReporter, steps: "inside"}},
	{"filter puts it back", []string{"by mx.site.example (Postfix, from userid 104) id R1", bot}, nil,
		originWant{ip: "203.0.113.9", trust: Stepped, via: ViaReceived, id: "B0T", steps: "reinjected border"}},
	{"login at the site", []string{"from pc (x [203.0.113.9]) by mx.site.example (Postfix) with ESMTPSA id A1"}, nil,
		originWant{ip: "203.0.113.9", trust: Direct, via: ViaReceived, id: "A1", siteAuth: true, steps: "border"}},
	{"reporter did not stamp", []string{ourLogin}, nil, originWant{via: ViaNone, unstamped: true, steps: "unstamped-hop"}},
	{"address not shown", []string{"from x by mx.site.example with SMTP id 1", framed}, nil, originWant{via: ViaNone, framing: true, steps: "no-address framing"}},
	{"no lines", nil, nil, originWant{via: ViaNone}},
}

func foreignReporter() Reporter {
	return Reporter{IP: addr("198.51.100.10"), HELO: "mx.site.example", RDNS: "mx.site.example", RDNSConfirmed: true, By: "mx.example.com", Organisation: "site.example"}
}

func TestOriginForeign(t *testing.T) {
	tr := testTracer(t, testZone())
	for _, tt := range foreignTests {
		t.Run(tt.name, func(t *testing.T) {
			o := tr.Origin(context.Background(), Input{Original: section(tt.lines...), Reporter: foreignReporter(), ReportingMTA: "dns; mx.site.example",
				RecipientDomains: tt.recipients})
			if got := originOf(o); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// sameButNotes compares two origins without the marks that claims may set.
func sameButNotes(a, b Origin) bool {
	for _, o := range []*Origin{&a, &b} {
		o.ClaimedOrigin, o.Framing, o.Steps = noAddr, false, nil
	}
	return reflect.DeepEqual(a, b)
}

// TestBelowForeignBorder holds METHOD 3.4: whatever stands below a foreign border, it moves no address, no class of
// trust and no login.
func TestBelowForeignBorder(t *testing.T) {
	tr, random := testTracer(t, testZone()), rand.New(rand.NewPCG(1, 2))
	claims := []string{bot, framed, fromOurs, ourLogin, natTop, innerTop, byInner, gatewayTop, byGateway, "(qmail 1 invoked from network)", "by submit.example.com (Postfix, from userid 33) id 1",
		"from [192.0.2.2] by mx.site.example via HTTP", "", "X-Originating-IP: [192.0.2.2]", "Received-SPF: pass (mx.site.example: x) client-ip=192.0.2.2"}
	tried := 0
	for _, tt := range foreignTests {
		base := tr.Origin(context.Background(), Input{Original: section(tt.lines...), Reporter: foreignReporter(), RecipientDomains: tt.recipients})
		border := slices.IndexFunc(base.Steps, func(s Step) bool { return s.Why == WhyBorder || s.Why == WhyBegan })
		if border < 0 || base.Own || base.Steps[border].Why == WhyBegan && ParseReceived(tt.lines[border]).kind == reinjected {
			continue // a filter's line below a local user's is stepped to, and marked so
		}
		for range 200 {
			lines := slices.Clone(tt.lines[:border+1])
			for range random.IntN(6) {
				lines = append(lines, claims[random.IntN(len(claims))])
			}
			o := tr.Origin(context.Background(), Input{Original: section(lines...), Reporter: foreignReporter(), RecipientDomains: tt.recipients})
			if !sameButNotes(o, base) || o.Own {
				t.Fatalf("%s: %q moved the origin: %+v", tt.name, lines, originOf(o))
			}
			tried++
		}
	}
	if tried < 1000 {
		t.Errorf("only %d tried", tried)
	}
}

func TestOriginOurs(t *testing.T) {
	const bounced = "by submit.example.com (Postfix) id 9"
	tests := []struct {
		name  string
		lines []string
		want  originWant
	}{
		{"login", []string{ourLogin, framed}, originWant{user: "bob@example.com", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L1", steps: "login claim"}},
		{"login without a name", []string{"from pc (vps [203.0.113.66]) by submit.example.com (Postfix) with ESMTPSA id L2"},
			originWant{shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L2", steps: "login"}},
		{"through another of ours with a name of its own", []string{"from s1 (submit.example.com [192.0.2.2]) by mx.example.com (Postfix) with ESMTP id 1",
			"from pc ([203.0.113.66]) (Authenticated sender: bob) by submit01.corp.lan (Postfix) with ESMTPA id L3"},
			originWant{user: "bob", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L3", steps: "own login"}},
		{"a login in a stranger's name is not named", []string{"from s1 (submit.example.com [192.0.2.2]) by mx.example.com (Postfix) with ESMTP id 1",
			"from pc ([203.0.113.66]) (Authenticated sender: bob) by mail.other.example (Postfix) with ESMTPA id L4"},
			originWant{shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L4", steps: "own login"}},
		{"filter", []string{"from localhost (localhost [127.0.0.1]) by submit.example.com (Postfix) with ESMTP id 2",
			"from submit.example.com ([127.0.0.1]) by localhost (submit.example.com [127.0.0.1]) (amavisd-new, port 10024) with ESMTP id 3", ourLogin},
			originWant{trust: Stepped, user: "bob@example.com", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L1", steps: "inside inside login"}},
		{"web mail", []string{"from localhost (localhost [127.0.0.1]) (Authenticated sender: bob) by www.example.com (Postfix) with ESMTPA id W1", "from [203.0.113.66] by www.example.com with HTTP", framed},
			originWant{user: "bob", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "W1", steps: "login web claim"}},
		{"web mail that names its visitor in a field", []string{"from localhost (localhost [127.0.0.1]) (Authenticated sender: bob) by www.example.com (Postfix) with ESMTPA id W1", "X-Originating-IP: [203.0.113.66]"},
			originWant{user: "bob", shown: true, client: "127.0.0.1", entry: EntryAccount, id: "W1", steps: "login"}}, // anybody's program there can write it
		{"web mail whose line leaves the visitor to the field", []string{"from localhost (localhost [127.0.0.1]) (Authenticated sender: bob) by www.example.com (Postfix) with ESMTPA id W1", "by www.example.com with HTTP", "X-Originating-IP: [203.0.113.66]"},
			originWant{user: "bob", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "W1", steps: "login web"}},
		{"web mail behind a proxy", []string{"from [10.0.0.9] (SquirrelMail authenticated user bob) by www.example.com with HTTP", "X-Originating-IP: [203.0.113.66]"},
			originWant{user: "", shown: true, client: "203.0.113.66", entry: EntryAccount, steps: "login"}},
		{"a visitor in the line counts more than one in the field", []string{"from localhost (localhost [127.0.0.1]) (Authenticated sender: bob) by www.example.com (Postfix) with ESMTPA id W1", "from [203.0.113.66] by www.example.com with HTTP", "X-Originating-IP: [192.0.2.2]"},
			originWant{user: "bob", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "W1", steps: "login web"}},
		{"a visitor field under the login of another server of ours", []string{"from www (www.example.com [192.0.2.3]) (Authenticated sender: bob) by submit.example.com (Postfix) with ESMTPSA id W1", "X-Originating-IP: [203.0.113.66]"},
			originWant{user: "bob", shown: true, client: "192.0.2.3", entry: EntryAccount, id: "W1", steps: "login"}},
		{"a stranger's visitor field", []string{ourLogin, "X-Originating-IP: [192.0.2.2]"},
			originWant{user: "bob@example.com", shown: true, client: "203.0.113.66", entry: EntryAccount, id: "L1", steps: "login"}},
		{"script", []string{bounced, "by submit.example.com (Postfix, from userid 33) id U1", framed + " x"},
			originWant{trust: Stepped, user: "alice@example.com", shown: true, client: "203.0.113.77", entry: EntryAccount, id: "F1", steps: "handover reinjected login"}},
		{"script alone", []string{"by www.example.com (Postfix, from userid 33) id U1"}, originWant{entry: EntryScript, id: "U1", steps: "script"}},
		{"script above another host's line", []string{"by www.example.com (Postfix, from userid 33) id U1", framed}, originWant{entry: EntryScript, id: "U1", steps: "script claim"}},
		{"relayed", []string{"from mx.other (relay.other.example [198.51.100.30]) by mx.example.com (Postfix) with ESMTP id R1", framed},
			originWant{client: "198.51.100.30", entry: EntryRelay, id: "R1", steps: "relay claim"}},
		{"office client", []string{"from pc ([198.51.100.200]) by submit.example.com (Postfix) with ESMTP id C1", framed},
			originWant{client: "198.51.100.200", entry: EntryHost, id: "C1", steps: "client claim"}},
		{"private client", []string{"from pc ([192.168.1.7]) by submit.example.com (Postfix) with ESMTP id C1", "from x ([203.0.113.77]) by pc.lan with SMTP id 7"},
			originWant{client: "192.168.1.7", entry: EntryHost, id: "C1", steps: "client claim"}},
		{"no lines", nil, originWant{entry: EntryUnknown}},
	}
	tr := testTracer(t, testZone())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			want.ip, want.own, want.via = "192.0.2.2", true, ViaReporter
			if want.trust == "" {
				want.trust = Direct
			}
			o := tr.Origin(context.Background(), Input{Original: section(tt.lines...), Reporter: Reporter{IP: addr("192.0.2.2"), Own: true}})
			if got := originOf(o); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestOriginFields(t *testing.T) {
	o := testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(
		"from relay.other.example (relay.other.example [198.51.100.30]) by mx.site.example (Postfix) with ESMTP id 1 (envelope-from <a@b.example>)",
		"from pc ([203.0.113.9]) by relay.other.example (Postfix) with ESMTPSA id 2"), Reporter: foreignReporter()})
	if o.HELO != "relay.other.example" || o.RDNS != "relay.other.example" || !o.RDNSConfirmed || o.AccessLine || o.By != "mx.site.example" ||
		o.EnvelopeFrom != "a@b.example" || o.ClaimedOrigin != addr("203.0.113.9") || o.Time.IsZero() {
		t.Errorf("%+v", o)
	}
	o = testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(bot, framed), Reporter: foreignReporter()})
	if !o.AccessLine || o.ClaimedOrigin != addr("203.0.113.77") {
		t.Errorf("%+v", o)
	}
	o = testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(ourLogin), Reporter: Reporter{Own: true}})
	if o.IP != addr("192.0.2.2") {
		t.Errorf("a bounce that never left its host: %v", o.IP)
	}
}

// A proper relay is one by its name, its address and its HELO; nothing below its line makes one or unmakes it.
func TestProperRelay(t *testing.T) {
	tests := []struct {
		border string
		want   bool
	}{
		{"from relay.other.example (relay.other.example [198.51.100.30]) by mx.site.example (Postfix) with ESMTP id 1", true},
		{"from Out2.Other.Example (relay.other.example [198.51.100.30]) by mx.site.example (Postfix) with ESMTP id 1", true},
		{"from relay (relay.other.example [198.51.100.30]) by mx.site.example (Postfix) with ESMTP id 1", false},
		{"from submit.example.com (relay.other.example [198.51.100.30]) by mx.site.example (Postfix) with ESMTP id 1", false},
		{"from dyn-203-0-113-9.pool.isp.example (dyn-203-0-113-9.pool.isp.example [203.0.113.9]) by mx.site.example (Postfix) with ESMTP id 1", false},
		{"from x.example.com (submit.example.com [203.0.113.66]) by mx.site.example (Postfix) with ESMTP id 1", false},
		{fromOurs, false},
	}
	tr := testTracer(t, testZone())
	for _, tt := range tests {
		for _, below := range [][]string{nil, {"from pc ([203.0.113.9]) by relay.other.example (Postfix) with ESMTPSA id 2"}, {framed}} {
			o := tr.Origin(context.Background(), Input{Original: section(append([]string{tt.border}, below...)...), Reporter: foreignReporter()})
			if o.ProperRelay != tt.want {
				t.Errorf("%s above %q: %v", tt.border, below, o.ProperRelay)
			}
		}
	}
}

func TestOriginDNSFails(t *testing.T) {
	const inside = "from inner.site.example (inner.site.example [198.51.100.11]) by mail.site.example (Postfix) with ESMTP id I1"
	tests := []struct {
		name, broken                       string
		lines                              []string
		ip                                 string
		failed, ownUnknown, own, anonymous bool
	}{
		{"reverse name of the border", "203.0.113.9", []string{bot}, "203.0.113.9", false, true, false, true},
		{"forward name of a stranger's border", "dyn-203-0-113-9.pool.isp.example", []string{bot}, "203.0.113.9", false, false, false, false},
		{"forward name of our border", "submit.example.com", []string{fromOurs, ourLogin}, "192.0.2.2", false, true, false, false},
		{"MX of the recipient", "cust.example", []string{gatewayTop}, "198.51.100.20", true, false, false, false},
		{"reverse name of an inner host that the line names", "198.51.100.11", []string{inside, byInner}, "203.0.113.9", false, false, false, false},
		{"forward name of an inner host", "inner.site.example", []string{innerTop, byInner}, "198.51.100.11", true, false, false, false},
		{"forward name of an inner host that the line does not name", "inner.site.example", []string{"from x (unknown [198.51.100.11]) by mail.site.example (Postfix) with ESMTP id I1", byInner}, "198.51.100.11", true, false, false, false},
		{"reverse name of a thief", "203.0.113.66", []string{fromOurs, ourLogin}, "192.0.2.2", false, false, true, false},
		{"reverse name of a thief who adds a page", "203.0.113.66", []string{fromOurs, ourLogin, "from [192.0.2.9] by www.example.com with HTTP"}, "192.0.2.2", false, false, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := testZone()
			z.broken = map[string]bool{tt.broken: true}
			o := testTracer(t, z).Origin(context.Background(), Input{Original: section(tt.lines...), Reporter: foreignReporter(), RecipientDomains: []string{"cust.example"}})
			if o.IP != addr(tt.ip) || o.DNSFailed != tt.failed || o.OwnUnknown != tt.ownUnknown || o.Own != tt.own || (o.RDNS == "") != tt.anonymous {
				t.Errorf("%+v", o)
			}
			if tt.own && (o.Entry != EntryAccount || o.AuthUser == "") {
				t.Errorf("the login: %+v", o)
			}
		})
	}
}

func TestOriginWithoutResolver(t *testing.T) {
	own, err := NewOwn([]string{"192.0.2.2"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tracer{Own: own}
	r := tr.Reporter(context.Background(), section("from mx.site.example (x [198.51.100.10]) by mx.example.com (Postfix) with ESMTP id 2"))
	if r.IP != addr("198.51.100.10") || !r.Unstamped || r.Organisation != "198.51.100.0/24" || r.DNSFailed {
		t.Errorf("reporter %+v", r)
	}
	o := tr.Origin(context.Background(), Input{Original: section(fromOurs, ourLogin), Reporter: r})
	if !o.Own || o.ClientIP != addr("203.0.113.66") {
		t.Errorf("our border %+v", o)
	}
	if o := tr.Origin(context.Background(), Input{Original: section(natTop, bot), Reporter: r}); o.IP != addr("203.0.113.9") || o.Trust != Stepped {
		t.Errorf("stepped %+v", o)
	}
}

func TestWeak(t *testing.T) {
	const spf = "Received-SPF: fail (mx.site.example: domain of example.com) client-ip=203.0.113.9; helo=x; receiver=mx.site.example"
	tests := []struct {
		name, software, fromMTA string
		lines                   []string
		ip                      string
		via                     Via
	}{
		{"received-spf", "", "", []string{"Return-Path: <a@b.example>", spf, "From: a@b.example"}, "203.0.113.9", ViaReceivedSPF},
		{"exim's form", "", "", []string{"Received-SPF: fail (mx.site.example: domain of example.com does not designate) client-ip=203.0.113.9; envelope-from=a"}, "203.0.113.9", ViaReceivedSPF},
		{"authentication-results", "", "", []string{"Authentication-Results: mx.site.example; spf=fail (sender IP is 203.0.113.9) smtp.mailfrom=a@b.example"}, "203.0.113.9", ViaAuthResults},
		{"somebody else's", "", "", []string{"Received-SPF: pass (mx.other.example: x) client-ip=192.0.2.2"}, "", ViaNone},
		{"among the sender's fields", "", "", []string{"From: a@b.example", spf}, "", ViaNone},
		{"beside a line without an address", "", "", []string{spf, "from x by mx.site.example with SMTP id 1"}, "203.0.113.9", ViaReceivedSPF},
		{"courier", "courier", "dns; x([192.0.2.2]) (dyn.example [::ffff:203.0.113.9])", nil, "203.0.113.9", ViaDSN},
		{"courier with a name only", "courier", "dns; x ([192.0.2.2])x", nil, "", ViaNone},
		{"sendmail gives a name", "sendmail", "dns; x ([203.0.113.9])", nil, "", ViaNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(tt.lines...), Reporter: foreignReporter(), Software: tt.software, ReceivedFromMTA: tt.fromMTA})
			trust := Weak
			if tt.ip == "" {
				trust = ""
			}
			if o.IP != addr(tt.ip) || o.Via != tt.via || o.Trust != trust {
				t.Errorf("%v via %s trust %q", o.IP, o.Via, o.Trust)
			}
		})
	}
}

func TestManyLines(t *testing.T) {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = natTop
	}
	o := testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(lines...), Reporter: foreignReporter()})
	if len(o.Steps) != maxLines || o.Via != ViaReporter {
		t.Errorf("%d steps, via %s", len(o.Steps), o.Via)
	}
}

// unfolding drops what header.Unfold drops inside a line.
var unfolding = strings.NewReplacer("\x00", "", "\r", "")

// FuzzOrigin: no panic; the origin is the reporter's address, one of ours, or one that stands in a Received line.
func FuzzOrigin(f *testing.F) {
	for _, tt := range foreignTests {
		var lines strings.Builder
		for _, line := range tt.lines {
			lines.WriteString("Received: " + line + date + "\n")
		}
		f.Add([]byte(lines.String()), false)
		f.Add([]byte(lines.String()), true)
	}
	tr := testTracer(f, testZone())
	f.Fuzz(func(t *testing.T, head []byte, own bool) {
		s, _ := header.Split(head)
		r := foreignReporter()
		if own {
			r = tr.Reporter(context.Background(), s)
		}
		o := tr.Origin(context.Background(), Input{Original: s, Reporter: r, ReportingMTA: "mx.site.example", RecipientDomains: []string{"cust.example"}})
		if o.IP.IsValid() && o.IP != r.IP && !o.Own && !literal(unfolding.Replace(string(head)), o.IP) {
			t.Errorf("%v is nowhere in %q", o.IP, head)
		}
		if r.Own && (r.Unstamped || r.Hidden) || r.Hidden && (r.IP.IsValid() || !r.Unstamped) {
			t.Errorf("%+v", r)
		}
		Account(s)
		if o.AuthUser != "" && !o.AuthShown || o.ClientIP.IsValid() && !o.Own || o.Unstamped && o.IP.IsValid() {
			t.Errorf("%+v", o)
		}
	})
}
