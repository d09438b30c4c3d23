package ndrscan

import (
	"slices"

	"ndrscan/dsn"
	"ndrscan/trace"
)

// Checks of the pipeline that a test can switch off by Options.Without, as it can rules and trace.Defences, to show what each
// one holds back. No command does.
const (
	defenceReporter = "reporter-address" // a bounce is our own by address, not by what it calls itself (METHOD 3.0)
	defenceWitness  = "witness"          // a report counts if its sender proves to be what it says (METHOD 6)
	defenceVoucher  = "voucher"          // nameless hosts that one domain lists are one witness (METHOD 6)
	defenceAlias    = "alias"            // a Message-ID in Sent to others is no forwarding by itself (METHOD 2)
	defencePass     = "pass"             // an SPF pass makes nobody ours (METHOD 4)
	defenceProvider = "provider"         // a tenant's stamps count under the provider's own border only (METHOD 3.6)
	defenceSealer   = "sealer"           // an ARC seal counts at the border of whoever sealed (METHOD 5)
	defenceWords    = "words"            // reports are known by their words, in the languages that mail systems speak
)

var defences = []string{defenceReporter, defenceWitness, defenceVoucher, defenceAlias, defencePass, defenceProvider, defenceSealer, defenceWords}

func (r *run) lacks(defence string) bool {
	return len(r.opts.Without) > 0 && slices.Contains(r.opts.Without, defence)
}

func (r *run) parse(raw []byte) *dsn.Bounce {
	if r.lacks(defenceWords) {
		return dsn.ParseWithoutWords(raw)
	}
	return dsn.Parse(raw)
}

// withoutRules gives those of Options.Without that are rules.
func withoutRules(without []string) []string {
	return slices.DeleteFunc(slices.Clone(without), func(name string) bool {
		return slices.Contains(defences, name) || slices.Contains(trace.Defences(), name)
	})
}
