package classify

import (
	"encoding/binary"
	"encoding/hex"

	"ndrscan/dsn"
)

// Recount counts a finding that was judged before: one that was saved, or that another run made. It keeps its class; the
// verdict, the tables and the next steps are made anew. A flood takes either evidence or findings, never both. The finding may be
// filled anew afterwards: what is kept of it is copied.
func (f *Flood) Recount(finding *Finding) {
	message, again := f.count(finding)
	if again || finding.Kind != string(dsn.KindBounce) || finding.Origin == nil || finding.Reporter == nil {
		return
	}
	r := Record{Finding: *finding, Campaign: f.named(finding.Campaign)}
	*r.Source.place(finding.Class) = finding.Misconfiguration
	key := groupKey{Case: spelled(finding.Reasons), Class: finding.Class}
	if key.Case.meets(codes("origin-own", "log-confirmed")) {
		key.Habit = finding.Origin.EntryHost + " " + finding.Origin.Entry + " " + finding.Origin.AuthUser
	}
	f.add(f.group(key, finding), &r, message)
}

// spelled gives the codes that reasons name. Those of another version's rules, which this one does not have, are passed over.
func spelled(reasons []Reason) Codes {
	var set Codes
	for _, r := range reasons {
		if i, known := ruleIndex[r.Code]; known {
			set |= 1 << i
		}
	}
	return set
}

// named finds or makes the node of a campaign by its name, so that it gets the same name again.
func (f *Flood) named(campaign string) int32 {
	var mark [8]byte
	if n, err := hex.Decode(mark[:], []byte(campaign[:min(len(campaign), 2*len(mark))])); err != nil || n == 0 {
		return 0
	}
	return f.node(binary.BigEndian.Uint64(mark[:]))
}

// ContextOf gives the context of a saved report, to recount its findings in.
func ContextOf(r *Report) Context {
	_, log := r.Run.Flags["maillog"]
	return Context{Tool: r.Tool, Now: r.Generated, Run: r.Run, Sources: r.Sources, LeftOut: r.LeftOut, Complete: r.Complete,
		OwnSeen: r.OwnSeen, Domains: r.Domains, SentAtHand: r.Run.Sent != "", LogAtHand: log}
}
