package spf

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// Past is one message of a scan: what a receiver would have asked about it, and what the scan made of it.
type Past struct {
	ID     string
	IP     netip.Addr
	HELO   string
	Sender string // "" for the null sender
	Class  string // as classify names it
}

// Rehearsal replays past messages against two policies of a domain: the one it has and the one it is to have.
type Rehearsal struct {
	domain    string
	published *Checker
	proposed  *Checker
	seen      map[Request][2]Outcome
	result    Replay
}

// Replay is what a rehearsal came to.
type Replay struct {
	Domain    string      `json:"domain"`
	Proposed  string      `json:"proposed"`
	Published string      `json:"published"` // "": there is none, or not one
	Messages  int         `json:"messages"`  // replayed
	LeftOut   []Omitted   `json:"left_out"`
	Classes   []ReplayRow `json:"classes"`
	Forged    Verdicts    `json:"forged"`
	Own       Verdicts    `json:"own"`    // genuine and misconfigured mail: what must not be turned away
	Broken    []Casualty  `json:"broken"` // of it, what the proposed record would turn away, at most maxCasualties
	Mended    int         `json:"mended"` // of it, what only the published one turns away
}

// Omitted counts messages that could not be replayed.
type Omitted struct {
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// ReplayRow has the results of one class.
type ReplayRow struct {
	Class     string         `json:"class"`
	Messages  int            `json:"messages"`
	Published map[string]int `json:"published"`
	Proposed  map[string]int `json:"proposed"`
}

// Verdicts counts what two policies do to mail: refuse is a fail, doubt a softfail, and a permerror, which receivers treat
// as the one or the other.
type Verdicts struct {
	Messages        int `json:"messages"`
	RefusedBefore   int `json:"refused_before"`
	RefusedAfter    int `json:"refused_after"`
	SuspectedBefore int `json:"suspected_before"`
	SuspectedAfter  int `json:"suspected_after"`
}

// Casualty is a message of the owner's that the proposed record would turn away.
type Casualty struct {
	ID       string `json:"id"`
	Class    string `json:"class"`
	IP       string `json:"ip"`
	Sender   string `json:"sender"`
	Was      string `json:"was"`
	Is       string `json:"is"`
	Because  string `json:"because"`
	Messages int    `json:"messages"` // with the same address, sender and class
}

// maxCasualties bounds the list, maxReplayed the answers that are remembered.
const (
	maxCasualties = 200
	maxReplayed   = 100_000
)

// NewRehearsal prepares to replay messages against a record for a domain.
func NewRehearsal(dns Resolver, domain string, parts []string) *Rehearsal {
	r := &Rehearsal{domain: domain, seen: map[Request][2]Outcome{},
		published: &Checker{Resolver: dns, SkipExp: true, SkipSteps: true},
		proposed:  &Checker{Resolver: &Proposed{Resolver: dns, Domain: domain, Strings: parts}, SkipExp: true, SkipSteps: true},
	}
	r.result = Replay{Domain: domain, Proposed: strings.Join(parts, ""), LeftOut: []Omitted{}, Classes: []ReplayRow{}, Broken: []Casualty{}}
	return r
}

// ownClasses are those of mail that the domain's owner sent.
var ownClasses = []string{"genuine", "misconfigured"}

// Add replays one message.
func (r *Rehearsal) Add(ctx context.Context, p Past) {
	switch {
	case p.Class == "":
		r.leaveOut("no bounce")
		return
	case !p.IP.IsValid():
		r.leaveOut("its origin isn't known")
		return
	case !sameName(domainOf(p), r.domain):
		r.leaveOut("its sender has another domain")
		return
	}
	both := r.check(ctx, Request{IP: p.IP, HELO: p.HELO, Sender: p.Sender})
	r.result.Messages++
	row := r.row(p.Class)
	row.Messages++
	row.Published[string(both[0].Result)]++
	row.Proposed[string(both[1].Result)]++
	switch {
	case p.Class == "forged":
		r.result.Forged.add(both)
	case slices.Contains(ownClasses, p.Class):
		r.result.Own.add(both)
		r.judge(p, both)
	}
}

func domainOf(p Past) string {
	if p.Sender == "" {
		return p.HELO
	}
	return p.Sender[strings.LastIndexByte(p.Sender, '@')+1:]
}

func (r *Rehearsal) check(ctx context.Context, req Request) [2]Outcome {
	if both, ok := r.seen[req]; ok {
		return both
	}
	both := [2]Outcome{r.published.Check(ctx, req), r.proposed.Check(ctx, req)}
	if len(r.seen) < maxReplayed {
		r.seen[req] = both
	}
	return both
}

func (v *Verdicts) add(both [2]Outcome) {
	v.Messages++
	for i, counts := range [][2]*int{{&v.RefusedBefore, &v.SuspectedBefore}, {&v.RefusedAfter, &v.SuspectedAfter}} {
		switch both[i].Result {
		case Fail:
			*counts[0]++
		case SoftFail, PermError:
			*counts[1]++
		}
	}
}

func harmed(o Outcome) bool { return o.Result == Fail || o.Result == SoftFail || o.Result == PermError }

// judge notes what becomes of the owner's own message.
func (r *Rehearsal) judge(p Past, both [2]Outcome) {
	if !harmed(both[1]) {
		if harmed(both[0]) {
			r.result.Mended++
		}
		return
	}
	for i := range r.result.Broken {
		if b := &r.result.Broken[i]; b.IP == p.IP.String() && b.Sender == p.Sender && b.Class == p.Class {
			b.Messages++
			return
		}
	}
	if len(r.result.Broken) < maxCasualties {
		r.result.Broken = append(r.result.Broken, Casualty{ID: p.ID, Class: p.Class, IP: p.IP.String(), Sender: p.Sender, Messages: 1,
			Was: string(both[0].Result), Is: string(both[1].Result), Because: orElse(both[1].Mechanism, both[1].Problem)})
	}
}

func (r *Rehearsal) leaveOut(why string) {
	for i := range r.result.LeftOut {
		if r.result.LeftOut[i].Why == why {
			r.result.LeftOut[i].Count++
			return
		}
	}
	r.result.LeftOut = append(r.result.LeftOut, Omitted{why, 1})
}

func (r *Rehearsal) row(class string) *ReplayRow {
	for i := range r.result.Classes {
		if r.result.Classes[i].Class == class {
			return &r.result.Classes[i]
		}
	}
	r.result.Classes = append(r.result.Classes, ReplayRow{Class: class, Published: map[string]int{}, Proposed: map[string]int{}})
	return &r.result.Classes[len(r.result.Classes)-1]
}

// Result closes the rehearsal.
func (r *Rehearsal) Result(ctx context.Context) *Replay {
	txts, err := r.published.Resolver.LookupTXT(ctx, r.domain)
	if records := recordsOf(txts); err == nil && len(records) == 1 {
		r.result.Published = records[0]
	}
	slices.SortFunc(r.result.Classes, func(a, b ReplayRow) int { return strings.Compare(a.Class, b.Class) })
	return &r.result
}
