package classify

import (
	"strings"
	"testing"
)

// A mail log is asked for where there was none; where there was one, it is doubted.
func TestMissingLogin(t *testing.T) {
	for _, tt := range []struct {
		log  bool
		want string
	}{{false, "give its mail log"}, {true, "see whether the log is that server's"}} {
		r := &Report{Kinds: map[string]int{"bounce": 3}, Accounts: []Account{{Entry: "account", Class: Compromised, Messages: 3}}}
		list := missing(r, Context{SentAtHand: true, LogAtHand: tt.log}, func(...string) bool { return false })
		if len(list) != 1 || !strings.Contains(list[0].What, tt.want) || !strings.Contains(list[0].What, "3 bounced messages") || (list[0].Command == "") != tt.log {
			t.Errorf("with a log %v: %+v, want %q", tt.log, list, tt.want)
		}
	}
}

// A witness's software is what any of its reports shows.
func TestWitnessSoftware(t *testing.T) {
	f := NewFlood(FloodOptions{})
	for _, software := range []string{"", "exim", ""} {
		f.Recount(&Finding{Kind: "bounce", Class: Forged, Origin: &Origin{IP: "203.0.113.9"}, Reporter: &Reporter{Witness: "site.example", Software: software}})
	}
	if list := f.Report(Context{}).Witnesses; len(list) != 1 || list[0].Software != "exim" {
		t.Errorf("%+v", list)
	}
}
