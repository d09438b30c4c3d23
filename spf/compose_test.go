package spf_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ndrscan/resolve"
	"ndrscan/spf"
)

// composeZone is a domain with providers of different cost.
func composeZone(t *testing.T) *resolve.Client {
	return lintZone(t, `@ TXT "v=spf1 mx a:old.example.com ?all"
shop A 198.18.0.80
big.example.org. TXT "v=spf1 include:c9.example.org -all"`)
}

func TestCompose(t *testing.T) {
	address := func(v string) spf.Sender { return spf.Sender{Kind: spf.Address, Value: v} }
	host := func(v string) spf.Sender { return spf.Sender{Kind: spf.HostName, Value: v} }
	provider := func(v string) spf.Sender { return spf.Sender{Kind: spf.Provider, Value: v} }
	mx := spf.Sender{Kind: spf.MailHosts}
	for _, tc := range []struct {
		name    string
		senders []spf.Sender
		soft    bool
		want    string
		ids     string // errors and warnings of lint
		err     string
	}{
		{name: "nothing sends", want: "v=spf1 -all"},
		{name: "the usual", senders: []spf.Sender{provider("spf.example.net"), mx, host("shop.example.com")}, want: "v=spf1 a:shop.example.com mx include:spf.example.net -all"},
		{name: "soft", senders: []spf.Sender{mx}, soft: true, want: "v=spf1 mx ~all"},
		{name: "addresses first, host bits off", senders: []spf.Sender{mx, address("2001:2::1"), address("198.18.3.9/24"), address("::ffff:198.18.4.1")},
			want: "v=spf1 ip4:198.18.3.0/24 ip4:198.18.4.1 ip6:2001:2::1 mx -all"},
		{name: "twice and covered", senders: []spf.Sender{address("198.18.0.0/24"), address("198.18.0.7"), mx, host("shop.example.com."), address("198.18.0.0/24")},
			want: "v=spf1 ip4:198.18.0.0/24 -all"},
		{name: "over the limit", senders: []spf.Sender{mx, provider("big.example.org")}, want: "v=spf1 mx include:big.example.org -all", ids: "L01 L03"},
		{name: "a host without address", senders: []spf.Sender{host("gone.example.com")}, err: "no address"},
		{name: "an address that isn't one", senders: []spf.Sender{address("198.18.0.0/99")}, err: "no network"},
		{name: "a provider nobody knows", senders: []spf.Sender{provider("acme")}, err: "google"},
		{name: "a host that would add terms", senders: []spf.Sender{host("x.example.com +all")}, err: "no host name"},
		{name: "a provider that would add terms", senders: []spf.Sender{provider("x.example.com +all")}, err: "unknown"},
	} {
		d, err := spf.Compose(context.Background(), composeZone(t), spf.Wish{Domain: "example.com", Senders: tc.senders, Soft: tc.soft})
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var ids []string
		for _, i := range d.Issues {
			if i.Severity != spf.SeverityInfo {
				ids = append(ids, i.ID)
			}
		}
		if d.Record != tc.want || strings.Join(ids, " ") != tc.ids {
			t.Errorf("%s: %s, lint %v", tc.name, d.Record, ids)
		}
		for _, c := range d.Choices {
			if c.Why == "" {
				t.Errorf("%s: %s isn't explained", tc.name, c.Term)
			}
		}
	}
}

// A provider that sends with its own bounce address is said to.
func TestComposeBounces(t *testing.T) {
	for name, want := range map[string]bool{"google": false, "postmark": true, "spf.mtasv.net": true, "microsoft": false} {
		d, err := spf.Compose(context.Background(), composeZone(t), spf.Wish{Domain: "example.com", Senders: []spf.Sender{{Kind: spf.Provider, Value: name}}})
		if err != nil || strings.Contains(d.Choices[0].Why, "Return-Path") != want {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// Whatever is wished for, of sources that exist, composes to a record without an error, but for too many look-ups.
func TestComposeAny(t *testing.T) {
	dns := lintZone(t, `shop A 198.18.0.80
@ A 198.18.0.1
@ AAAA 2001:2::1
pool A 198.18.5.1
pool AAAA 2001:2::5
big.example.org. TXT "v=spf1 include:c9.example.org -all"
both.example.org. TXT "v=spf1 ip4:198.18.6.0/23 include:spf.example.net ~all"`)
	pick := rand.New(rand.NewPCG(4, 7208))
	values := map[spf.SenderKind][]string{
		spf.MailHosts: {""},
		spf.HostName:  {"shop.example.com", "SHOP.example.com.", "example.com", "pool.example.com", "mail.example.com"},
		spf.Provider:  {"spf.example.net", "big.example.org", "both.example.org", "c3.example.org", "c4.example.org."},
	}
	kinds := []spf.SenderKind{spf.MailHosts, spf.HostName, spf.Provider, spf.Address, spf.Address, spf.Address}
	over := 0
	for range 400 {
		w := spf.Wish{Domain: "example.com", Soft: pick.IntN(2) == 0, DMARC: []string{"", "none", "reject"}[pick.IntN(3)]}
		for range pick.IntN(30) {
			s := spf.Sender{Kind: kinds[pick.IntN(len(kinds))]}
			if s.Kind == spf.Address {
				s.Value = fmt.Sprintf("198.18.%d.%d/%d", pick.IntN(8), pick.IntN(256), 22+pick.IntN(11))
				if pick.IntN(4) == 0 {
					s.Value = fmt.Sprintf("2001:2::%x", pick.IntN(1<<16))
				}
			} else {
				s.Value = values[s.Kind][pick.IntN(len(values[s.Kind]))]
			}
			w.Senders = append(w.Senders, s)
		}
		d, err := spf.Compose(context.Background(), dns, w)
		if err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		for _, i := range d.Issues {
			limit := d.Lookups > 10 && (i.ID == "L01" || i.ID == "L03")
			if !limit && i.Severity == spf.SeverityError || i.ID == "Y12" || i.ID == "Y13" && i.Domain == w.Domain {
				t.Errorf("%s: %s %s: %s", d.Record, i.ID, i.Term, i.Problem)
			}
		}
		if d.Lookups > 10 {
			over++
		}
		for _, s := range d.Strings {
			if len(s) > 255 {
				t.Errorf("a string of %d octets", len(s))
			}
		}
		if strings.Join(d.Strings, "") != d.Record {
			t.Errorf("%q is not %q", d.Strings, d.Record)
		}
	}
	if over == 0 {
		t.Error("none was over the limit")
	}
}

// A long record is cut into strings that join to it, and its line is one that a zone file takes.
func TestComposeLong(t *testing.T) {
	var senders []spf.Sender
	for i := range 40 {
		senders = append(senders, spf.Sender{Kind: spf.Address, Value: fmt.Sprintf("198.18.%d.%d", i, i)})
	}
	senders = append(senders, spf.Sender{Kind: spf.Provider, Value: `odd"\name.example.net`})
	d, err := spf.Compose(context.Background(), composeZone(t), spf.Wish{Domain: "example.com", Senders: senders})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := resolve.ParseZone(strings.NewReader(d.Line+"\n"), "line")
	if err != nil {
		t.Fatal(err)
	}
	txts, err := resolve.FromZone(zone, resolve.Options{}).LookupTXT(context.Background(), "example.com")
	if err != nil || !slices.Equal(txts, []string{d.Record}) || len(d.Strings) < 3 {
		t.Errorf("%d strings, %q, %v", len(d.Strings), txts, err)
	}
}

func TestComposeAgainstPublished(t *testing.T) {
	d, err := spf.Compose(context.Background(), composeZone(t), spf.Wish{Domain: "example.com", Senders: []spf.Sender{{Kind: spf.MailHosts}}})
	if err != nil || !slices.Equal(d.Dropped, []string{"a:old.example.com"}) || d.Published == "" {
		t.Errorf("%+v, %v", d, err)
	}
	letter := d.Letter()
	for _, want := range []string{d.Line, d.Published, "with your own eyes", "Subject: SPF record for example.com"} {
		if !strings.Contains(letter, want) {
			t.Errorf("the letter lacks %q:\n%s", want, letter)
		}
	}
}

func TestReadRecord(t *testing.T) {
	for text, want := range map[string][]string{
		`v=spf1 -all`:              {`v=spf1 -all`},
		`"v=spf1 -all"`:            {`"v=spf1 -all"`}, // pasted with quotes: lint says so
		`"v=spf1 mx " "-all"`:      {`v=spf1 mx `, `-all`},
		` "v=spf1 " "mx" " -all" `: {`v=spf1 `, `mx`, ` -all`},
		`"v=spf1" "mx`:             {`"v=spf1" "mx`},
		`"v=spf1 " mx "-all"`:      nil,
	} {
		if got, err := spf.ReadRecord(text); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

func TestRehearsal(t *testing.T) {
	dns := composeZone(t) // mx passes, the rest is neutral
	r := spf.NewRehearsal(dns, "example.com", []string{"v=spf1 ip4:198.18.0.80 -all"})
	past := func(id, ip, class string) spf.Past {
		p := spf.Past{ID: id, Sender: "joe@example.com", Class: class}
		p.IP, _ = netip.ParseAddr(ip)
		return p
	}
	for _, p := range []spf.Past{
		past("1", "203.0.113.1", "forged"), past("2", "203.0.113.2", "forged"), past("3", "198.18.0.80", "forged"),
		past("4", "198.18.0.25", "genuine"), past("5", "198.18.0.25", "genuine"), past("6", "198.18.0.80", "misconfigured"),
		past("7", "203.0.113.9", "forwarded"), past("8", "", "forged"), past("9", "203.0.113.1", ""),
		{ID: "10", IP: netip.MustParseAddr("203.0.113.1"), Sender: "joe@example.org", Class: "forged"},
		{ID: "11", IP: netip.MustParseAddr("203.0.113.1"), HELO: "EXAMPLE.com", Class: "forged"},
	} {
		r.Add(context.Background(), p)
	}
	got := r.Result(context.Background())
	if got.Messages != 8 || got.Forged != (spf.Verdicts{Messages: 4, RefusedAfter: 3}) || got.Own != (spf.Verdicts{Messages: 3, RefusedAfter: 2}) {
		t.Errorf("%+v", got)
	}
	if len(got.Broken) != 1 || got.Broken[0].ID != "4" || got.Broken[0].Messages != 2 || got.Broken[0].Was != "pass" || got.Broken[0].Is != "fail" {
		t.Errorf("broken: %+v", got.Broken)
	}
	left := 0
	for _, o := range got.LeftOut {
		left += o.Count
	}
	if left != 3 || got.Published != "v=spf1 mx a:old.example.com ?all" {
		t.Errorf("left out %+v, published %q", got.LeftOut, got.Published)
	}
}
