package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"ndrscan/resolve"
	"ndrscan/spf"
)

func TestInterview(t *testing.T) {
	zone, err := resolve.ParseZone(strings.NewReader("example.com. MX 10 mail.example.com.\nmail.example.com. A 198.18.0.25\nshop.example.com. A 198.18.0.80\n"), "zone")
	if err != nil {
		t.Fatal(err)
	}
	dns := resolve.FromZone(zone, resolve.Options{})
	for _, tc := range []struct {
		name, answers, dmarc string
		all                  string
		want                 []string // kinds and values
		soft                 bool
		err                  error
	}{
		{name: "mistakes are asked for again", answers: "n\n198.18.0.0/99\ngone.example.com\n198.18.0.80\n\nacme\ngoogle\n\n\n", want: []string{"address 198.18.0.80", "provider google"}},
		{name: "all defaults", answers: "\n\n\n\n", want: []string{"mx "}},
		{name: "hosts and providers", answers: "n\n198.18.0.80\nshop.example.com\n\ngoogle\n\nno\n",
			want: []string{"address 198.18.0.80", "host shop.example.com", "provider google"}, soft: true},
		{name: "DMARC refuses already", answers: "maybe\ny\n\n\n\n", dmarc: "reject", want: []string{"mx "}, soft: true},
		{name: "no mail at all", answers: "no\n\n\nyes\n"},
		{name: "nothing named", answers: "no\n\n\n\n", err: errNoAnswer},
		{name: "hung up", answers: "y\n", want: []string{"mx "}, err: errNoAnswer},
		{name: "told by flag", answers: "\n\n\n", all: "softfail", want: []string{"mx "}},
	} {
		w := spf.Wish{Domain: "example.com", DMARC: tc.dmarc}
		err := newInterviewer(context.Background(), strings.NewReader(tc.answers), io.Discard).ask(dns, &w, &composeFlags{all: tc.all})
		var got []string
		for _, s := range w.Senders {
			got = append(got, string(s.Kind)+" "+s.Value)
		}
		if !errors.Is(err, tc.err) || !slices.Equal(got, tc.want) || err == nil && tc.all == "" && len(got) > 0 && w.Soft != tc.soft {
			t.Errorf("%s: %q, soft %v, %v", tc.name, got, w.Soft, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	silent, _ := io.Pipe()
	w := spf.Wish{Domain: "example.com"}
	if err := newInterviewer(ctx, silent, io.Discard).ask(dns, &w, &composeFlags{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
