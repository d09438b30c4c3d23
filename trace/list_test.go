package trace

import (
	"context"
	"testing"
)

// A login's line that names an address of ours says that a list or an alias of ours sent the message on to whom it failed for.
func TestWrittenToAList(t *testing.T) {
	const top = "from submit.example.com (submit.example.com [192.0.2.2]) by mail.site.example (Postfix) with ESMTP id 1"
	const login = "from pc (vps [203.0.113.66]) (Authenticated sender: bob@example.com) by submit.example.com (Postfix) with ESMTPSA id L1"
	for line, want := range map[string]string{
		login + " for <Club@example.com>":   "club@example.com",
		login + " for <x@site.example>":     "",
		login:                               "",
		login + " for <x@example.com.evil>": "",
	} {
		o := testTracer(t, testZone()).Origin(context.Background(), Input{Original: section(top, line), Reporter: foreignReporter()})
		if !o.AuthShown || o.OwnFor != want {
			t.Errorf("%s: login shown %v, written to %q, want %q", line, o.AuthShown, o.OwnFor, want)
		}
	}
}
