package ndrscan

import (
	"context"
	"net/mail"
	"net/netip"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/mailbox"
	"ndrscan/resolve"
	"ndrscan/trace"
)

// BenchmarkJudge takes parsed bounces of the framed flood from Received lines to the case: the walk, SPF from its table, the
// rules. DNS answers are remembered, as they are in a run. DKIM is not part of it. The floor, for the ratio, is the standard
// library reading the date and the address of the topmost line of the same originals, once each.
func BenchmarkJudge(b *testing.B) {
	dns, err := resolve.Open("zone:testdata/mbox/lab.zone", resolve.Options{})
	if err != nil {
		b.Fatal(err)
	}
	source, err := mailbox.Open("testdata/mbox/framed.mbox.gz", mailbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	r, err := newRun(ctx, []mailbox.Source{source}, Options{Own: []string{"example.com", "example.org"}, Resolver: dns})
	if err != nil {
		b.Fatal(err)
	}
	var list []*classify.Evidence
	for m, err := range source.Messages(ctx) {
		if err != nil {
			b.Fatal(err)
		}
		if e := r.judge(ctx, m); e.Bounce.Kind == dsn.KindBounce {
			list = append(list, e)
		}
	}
	b.Run("ndrscan", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e := list[i%len(list)]
			o := r.tracer.Origin(ctx, trace.Input{Original: e.Bounce.Original.Header, Reporter: e.Reporter, ReportingMTA: e.Bounce.ReportingMTA,
				Software: e.Bounce.Software, ReceivedFromMTA: e.Bounce.ReceivedFromMTA, RecipientDomains: failedDomains(e.Bounce), NoNotes: true})
			e.Origin = o
			r.checkSPF(ctx, e)
			classify.Case(e)
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			line := list[i%len(list)].Bounce.Original.Header.Get("Received")
			when := line[strings.LastIndexByte(line, ';')+1:]
			client, _, _ := strings.Cut(line[strings.IndexByte(line, '[')+1:], "]")
			_, err := mail.ParseDate(strings.TrimSpace(when))
			if _, bad := netip.ParseAddr(strings.TrimPrefix(client, "IPv6:")); err != nil && bad != nil {
				b.Fatalf("%s: %v, %v", line, err, bad)
			}
		}
	})
}
