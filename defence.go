package ndrscan

import (
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
	"ndrscan/trace"
)

// Checks of the pipeline that a test can switch off by Options.Without, as it can rules and trace.Defences, to show what each
// one holds back. No command does.
const (
	defenceReporter = "reporter-address" // a bounce is our own by address, not by what it calls itself (METHOD 3.0)
	defenceWitness  = "witness"          // a report counts if its sender proves to be what it says (METHOD 6)
	defenceAlias    = "alias"            // a Message-ID in Sent to others is no forwarding by itself (METHOD 2)
	defencePass     = "pass"             // an SPF pass makes nobody ours (METHOD 4)
	defenceScript   = "script-header"    // what scripts write into a header ties nothing to us (METHOD 5)
	defenceClock    = "clock"            // a reporter's clock is no evidence (METHOD 3.4)
)

var defences = []string{defenceReporter, defenceWitness, defenceAlias, defencePass, defenceScript, defenceClock}

func (r *run) lacks(defence string) bool {
	return len(r.opts.Without) > 0 && slices.Contains(r.opts.Without, defence)
}

// withoutRules gives those of Options.Without that are rules.
func withoutRules(without []string) []string {
	return slices.DeleteFunc(slices.Clone(without), func(name string) bool {
		return slices.Contains(defences, name) || slices.Contains(trace.Defences(), name)
	})
}

// fooled is what the evidence looks like without these defences.
func (r *run) fooled(e *classify.Evidence) {
	o := e.Bounce.Original
	switch {
	case r.lacks(defenceClock) && e.Received.Sub(e.Origin.Time).Abs() > 24*time.Hour:
		e.Origin = trace.Origin{Via: trace.ViaNone}
	case r.lacks(defencePass) && e.SPF.Result == "pass":
		e.Origin.Own, e.Origin.Entry = true, trace.EntryUnknown
	case r.lacks(defenceScript) && (o.Header.Get("X-PHP-Originating-Script") != "" || strings.Contains(o.MessageID, "@www.")):
		e.Origin.Own, e.Origin.Entry = true, trace.EntryScript
	}
	e.SentToAlias = e.SentToAlias || r.lacks(defenceAlias) && e.InSent && !e.SentToRecipient
}
