package ndrscan

import (
	"context"
	"testing"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/mailbox"
	"ndrscan/resolve"
	"ndrscan/trace"
)

// BenchmarkJudge takes parsed bounces of the framed flood from Received lines to the case: the walk, SPF from its table, the
// rules. DNS answers are remembered, as they are in a run. DKIM is not part of it.
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
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		e := list[i%len(list)]
		o := r.tracer.Origin(ctx, trace.Input{Original: e.Bounce.Original.Header, Reporter: e.Reporter, ReportingMTA: e.Bounce.ReportingMTA,
			Software: e.Bounce.Software, ReceivedFromMTA: e.Bounce.ReceivedFromMTA, RecipientDomains: failedDomains(e.Bounce), NoNotes: true})
		e.Origin = o
		r.checkSPF(ctx, e)
		classify.Case(e)
	}
}
