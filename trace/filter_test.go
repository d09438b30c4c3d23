package trace

import (
	"context"
	"testing"
)

// Our MX is a shared filter, and the mailbox lies at a tenant of ours behind it: the filter's own line says who handed the
// bounce over, and nothing below it is believed.
func TestReporterBehindAFilter(t *testing.T) {
	z := testZone()
	z.ptr["198.51.100.40"], z.hosts["in-1.mimecast.com"] = []string{"in-1.mimecast.com."}, []string{"198.51.100.40"}
	z.ptr["198.51.100.41"], z.hosts["mail-x.google.com"] = []string{"mail-x.google.com."}, []string{"198.51.100.41"}
	const (
		inner   = "from A.eurprd01.prod.outlook.com (2603:10a6::1) by B.eurprd01.prod.outlook.com (2603:10a6::2) with Microsoft SMTP Server id 15.20"
		outlook = " by X.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server id 15.20"
		handed  = "from in-1.mimecast.com (198.51.100.40)" + outlook
		asSite  = "from mx.site.example (mx.site.example [198.51.100.10]) by relay.mimecast.com with ESMTP id uk-mta-1"
		asOurs  = "from submit.example.com (submit.example.com [192.0.2.2]) by relay.mimecast.com with ESMTP id uk-mta-1"
	)
	site := reporterWant{"198.51.100.10", "mx.site.example", "site.example", ""}
	filter := reporterWant{"198.51.100.40", "in-1.mimecast.com", "mimecast.com", ""}
	tests := []struct {
		name  string
		lines []string
		want  reporterWant
	}{
		{"through the filter", []string{inner, handed, asSite}, site},
		{"a hand-over inside one host of the filter", []string{inner, handed, "from f (localhost [127.0.0.1]) by in-1.mimecast.com (8.18) with ESMTP id 1",
			"from mx.site.example (mx.site.example [198.51.100.10]) by in-1.mimecast.com with ESMTP id 2"}, site},
		{"past the filter", []string{inner, "from mx.site.example (198.51.100.10)" + outlook, asOurs}, site},
		{"a filter that leaves no line", []string{inner, handed}, filter},
		{"a line of somebody else below the filter", []string{inner, handed, "from submit.example.com (submit.example.com [192.0.2.2]) by mx.google.com with ESMTPS id 2"}, filter},
		{"the filter's customer handed it in, with a line of his making", []string{inner, handed, "by relay.mimecast.com with HTTP id 3", asOurs}, filter},
		{"no client, then a line of his making", []string{inner, handed, "from x by relay.mimecast.com with ESMTP id 3", asOurs}, filter},
		{"a provider of mailboxes is no filter", []string{inner, "from mail-x.google.com (198.51.100.41)" + outlook, "from submit.example.com (submit.example.com [192.0.2.2]) by mx.google.com with ESMTPS id 2"},
			reporterWant{"198.51.100.41", "mail-x.google.com", "google.com", ""}},
		{"our own server through the filter", []string{inner, handed, asOurs}, reporterWant{"192.0.2.2", "submit.example.com", "example.com", "O"}},
	}
	tr := testTracer(t, z)
	tr.Hosted = []string{"outlook.com", "mimecast.com", "google.com"}
	for _, tt := range tests {
		if got := reporterOf(tr.Reporter(context.Background(), section(tt.lines...))); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
	tr.Hosted = nil
	if r := tr.Reporter(context.Background(), section(inner)); r.IP.IsValid() || !r.Unstamped {
		t.Errorf("Microsoft's inner host is nobody's handing address: %+v", r)
	}
}
