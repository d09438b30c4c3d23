package classify

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// tally is what the thresholds are held against: the flood, or one episode of it.
type tally struct {
	campaigns *campaigns

	bounces  int
	classes  map[Class]*share
	accounts map[accountID]*account // of compromised messages

	proved, suspects       int
	witnessed              int // suspects that a verified site saw, directly or behind its own hosts
	provedIDs, suspectsIDs refs
}

// share is what one class has of the flood.
type share struct {
	messages  int
	cells     map[cellKey]struct{}
	networks  hashes
	witnesses map[string]*witness
	ids       refs
}

// account gathers what strangers to each other say about one compromised login, script or host.
type account struct {
	witnesses  map[string]string // verified ones, with their networks
	queueIDs   map[string]struct{}
	signatures map[string]struct{}
}

func newTally(c *campaigns) *tally {
	return &tally{campaigns: c, classes: map[Class]*share{}, accounts: map[accountID]*account{}}
}

func (t *tally) of(class Class) *share {
	s := t.classes[class]
	if s == nil {
		s = &share{cells: map[cellKey]struct{}{}, witnesses: map[string]*witness{}}
		t.classes[class] = s
	}
	return s
}

func (t *tally) count(class Class) int {
	if s := t.classes[class]; s != nil {
		return s.messages
	}
	return 0
}

// add counts n messages of a group, from those of its cells that inside chooses.
func (t *tally) add(g *group, set Codes, class Class, n int, inside func(cell) bool) {
	s := t.of(class)
	t.bounces += n
	s.messages += n
	for key, c := range g.cells {
		if inside(c) {
			s.cells[cellKey{key.place, t.campaigns.find(key.campaign)}] = struct{}{}
		}
	}
	s.networks.join(&g.networks)
	for name, w := range g.witnesses {
		if old := s.witnesses[name]; old == nil || w.verified {
			s.witnesses[name] = w
		}
	}
	s.ids = s.ids.with(g.ids...)
	switch {
	case class == Compromised && set.has(codes("border-proved")) && set.meets(showsEntry):
		t.proved += n
		t.provedIDs = t.provedIDs.with(g.ids...)
	case class == Compromised && !set.has(codes("claim-agrees")):
		t.addWitnessed(g, g.accountIn(set))
	case class == Undetermined && (set.meets(codes("origin-own", "tenant-inside")) || set.has(viaProvider)) && set.meets(codes("claimed-habit", "habit-doubtful")) && !set.has(codes("log-absent")):
		t.suspects += n
		if set.has(codes("claimed-habit")) && set.meets(codes("border-witnessed", "border-stepped")) {
			t.witnessed += n
		}
		t.suspectsIDs = t.suspectsIDs.with(g.ids...)
	}
}

func (t *tally) addWitnessed(g *group, id accountID) {
	a := t.accounts[id]
	if a == nil {
		a = &account{witnesses: map[string]string{}, queueIDs: map[string]struct{}{}, signatures: map[string]struct{}{}}
		t.accounts[id] = a
	}
	for name, w := range g.witnesses {
		if w.verified {
			a.witnesses[name] = w.network
		}
	}
	maps.Copy(a.queueIDs, g.queueIDs)
	maps.Copy(a.signatures, g.signatures)
}

// proven tells whether witnesses alone prove a compromise: enough that have nothing to do with each other agree on one
// account, with queue ids or signatures of ours that differ. One message seen again, or sent again by a stranger who got
// it, has one of each.
func (a *account) proven(th Thresholds) bool {
	if len(a.signatures) >= th.Witnesses {
		return true
	}
	return independent(a.witnesses) >= th.Witnesses && len(a.queueIDs) >= th.Witnesses
}

// holding lists the judgements whose thresholds are met, the worst first (METHOD 6, headline). A suspicion that rests on
// claims alone stands behind a Joe-Job: else three reports of a stranger's making would hide it.
// Without a Joe-Job it is the headline: what a site behind NAT reports may be true, and one search of the log settles it.
func (t *tally) holding(th Thresholds) []Judgement {
	var list []Judgement
	proven := t.proved >= th.ProvedMessages
	for _, a := range t.accounts {
		proven = proven || a.proven(th)
	}
	suspected := t.suspects >= th.SuspectMessages
	switch {
	case proven:
		list, suspected = append(list, Compromise), false
	case t.count(Compromised) > 0, t.witnessed > 0:
		list, suspected = append(list, CompromiseSuspected), false
	}
	if t.count(Forged) >= th.Forged && len(t.of(Forged).cells) >= th.ForgedCells {
		list = append(list, JoeJob)
	}
	if suspected {
		list = append(list, CompromiseSuspected)
	}
	if t.count(OwnBackscatter) >= th.OwnBackscatter {
		list = append(list, OwnBackscatterFlood)
	}
	if t.count(Misconfigured) >= th.Misconfigured {
		list = append(list, MisconfiguredSender)
	}
	return list
}

// headline picks the verdict and what also holds.
func (t *tally) headline(th Thresholds) (Judgement, []Judgement) {
	list := t.holding(th)
	switch {
	case slices.Contains(list, Compromise) && slices.Contains(list, JoeJob):
		return Both, slices.DeleteFunc(list, func(j Judgement) bool { return j == Compromise || j == JoeJob })
	case len(list) > 0:
		return list[0], list[1:]
	case t.bounces == 0:
		return NoBounces, nil
	case t.count(Undetermined) == t.bounces:
		return Inconclusive, nil
	}
	return OrdinaryBounces, nil
}

// classesOf names the classes that carry a judgement.
func classesOf(j Judgement) []Class {
	switch j {
	case JoeJob:
		return []Class{Forged}
	case Compromise, CompromiseSuspected:
		return []Class{Compromised}
	case Both:
		return []Class{Compromised, Forged}
	case MisconfiguredSender:
		return []Class{Misconfigured}
	case OwnBackscatterFlood:
		return []Class{OwnBackscatter}
	case OrdinaryBounces:
		return []Class{Genuine, Forwarded}
	}
	return nil
}

// verdict judges the whole flood. reasons and missing are filled by the caller.
func (f *Flood) verdict(t *tally) Verdict {
	v := Verdict{Also: []Judgement{}, Evidence: []string{}, Missing: []Missing{}, Reasons: []Reason{},
		Thresholds: f.thresholds.Map()}
	var also []Judgement
	v.Verdict, also = t.headline(f.thresholds)
	v.Also = append(v.Also, also...)
	classes := classesOf(v.Verdict)
	v.Share, v.Interval = shareOf(t, classes, f.thresholds)
	v.Witnesses = countWitnesses(t, classes)
	v.Evidence = append(v.Evidence, f.names(evidenceOf(v.Verdict, t))...)
	v.Sentence = sentence(v.Verdict, t)
	v.Reasons = append(v.Reasons, verdictReasons(v.Verdict, t)...)
	for _, j := range also {
		v.Reasons = append(v.Reasons, verdictReasons(j, t)...)
	}
	return v
}

// evidenceOf picks the messages that carry a verdict, those that prove it first.
func evidenceOf(j Judgement, t *tally) refs {
	var ids refs
	add := func(more refs) {
		for _, id := range more {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if j == Compromise || j == Both {
		add(t.provedIDs)
	}
	for _, class := range classesOf(j) {
		if s := t.classes[class]; s != nil {
			add(s.ids)
		}
	}
	if j == CompromiseSuspected {
		add(t.suspectsIDs)
	}
	return ids
}

// countWitnesses counts who bears the verdict out, for the classes that carry it.
func countWitnesses(t *tally, classes []Class) WitnessCount {
	var count WitnessCount
	names, networks := map[string]*witness{}, hashes{}
	for _, class := range classes {
		if s := t.classes[class]; s != nil {
			maps.Copy(names, s.witnesses)
			networks.join(&s.networks)
			count.Cells += len(s.cells)
		}
	}
	count.Networks = networks.len()
	for _, w := range names {
		switch {
		case w.own:
		case w.verified:
			count.Verified++
		default:
			count.Unverified++
		}
	}
	return count
}

// shareOf gives the part of the decisive cells that these classes have, with its Wilson 95 % interval.
func shareOf(t *tally, classes []Class, th Thresholds) (*float64, []float64) {
	var part, all int
	for class, s := range t.classes {
		if class == Undetermined {
			continue
		}
		all += len(s.cells)
		if slices.Contains(classes, class) {
			part += len(s.cells)
		}
	}
	if all == 0 || len(classes) == 0 {
		return nil, nil
	}
	value := round(float64(part) / float64(all))
	if all < th.IntervalCells {
		return &value, nil
	}
	low, high := wilson(part, all)
	return &value, []float64{round(low), round(high)}
}

// wilson is the score interval for a share at 95 % (Wilson 1927).
func wilson(part, all int) (low, high float64) {
	const z = 1.959964
	n, p := float64(all), float64(part)/float64(all)
	centre := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return (centre - spread) / (1 + z*z/n), (centre + spread) / (1 + z*z/n)
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// sentence puts a judgement into one line.
func sentence(j Judgement, t *tally) string {
	n := t.count
	switch j {
	case JoeJob:
		return fmt.Sprintf("%d of %s %s forgeries that never passed your servers", n(Forged), bounces(t.bounces), verb(n(Forged), "answer"))
	case Compromise:
		return fmt.Sprintf("%d of %s %s mail that went out through your servers", n(Compromised), bounces(t.bounces), verb(n(Compromised), "answer"))
	case Both:
		return fmt.Sprintf("of %s %d went through your servers, %d forged", bounces(t.bounces), n(Compromised), n(Forged))
	case CompromiseSuspected:
		suspects := n(Compromised) + t.suspects
		return fmt.Sprintf("%d of %s %s at your servers, but %s nothing yet", suspects, bounces(t.bounces), verb(suspects, "point"), verb(suspects, "prove"))
	case OwnBackscatterFlood:
		return fmt.Sprintf("%d of %s: your server accepted forgeries, then bounced them", n(OwnBackscatter), bounces(t.bounces))
	case MisconfiguredSender:
		return fmt.Sprintf("%d of %s %s mail of your own that fails SPF", n(Misconfigured), bounces(t.bounces), verb(n(Misconfigured), "answer"))
	case Inconclusive:
		return fmt.Sprintf("%s, and nothing in them decides; see what is missing", bounces(t.bounces))
	case NoBounces:
		return "no bounces were found"
	}
	if n(Forged) > 0 {
		what := "forgeries"
		if n(Forged) == 1 {
			what = "a forgery"
		}
		return fmt.Sprintf("%s, and no flood of one kind among them; %d %s %s", bounces(t.bounces), n(Forged), verb(n(Forged), "answer"), what)
	}
	return fmt.Sprintf("%s, and no flood of one kind among them", bounces(t.bounces))
}

func bounces(n int) string { return count(n, "bounce") }

// count puts a number before its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// verb is what one does, or several do.
func verb(n int, do string) string {
	if n == 1 {
		return do + "s"
	}
	return do
}

// verdictReasons says what a judgement rests on.
func verdictReasons(j Judgement, t *tally) []Reason {
	about := func(c Class) string {
		return fmt.Sprintf("%s in %s (witness, origin network and campaign)", count(t.count(c), "message"), count(len(t.of(c).cells), "cell"))
	}
	switch j {
	case JoeJob:
		return []Reason{{"verdict-forged", about(Forged) + ", from " + networksNotOurs(t.of(Forged).networks.len())}}
	case Compromise:
		return []Reason{{"verdict-compromised", about(Compromised) + compromiseProof(t)}}
	case Both:
		return append(verdictReasons(Compromise, t), verdictReasons(JoeJob, t)...)
	case CompromiseSuspected:
		return []Reason{{"verdict-suspected", suspicion(t.count(Compromised) + t.suspects)}}
	case OwnBackscatterFlood:
		return []Reason{{"verdict-own-backscatter", about(OwnBackscatter)}}
	case MisconfiguredSender:
		return []Reason{{"verdict-misconfigured", about(Misconfigured)}}
	}
	return nil
}

func networksNotOurs(n int) string {
	if n == 1 {
		return "1 network that is not yours"
	}
	return fmt.Sprintf("%d networks that are not yours", n)
}

func suspicion(n int) string {
	text := fmt.Sprintf("%d messages name your border and are out of habit, or nothing shows them to be in it", n)
	if n == 1 {
		text = "1 message names your border and is out of habit, or nothing shows it to be in it"
	}
	return text + "; neither a log, nor a bounce of your own with a login, nor a signature, nor enough verified witnesses prove it"
}

func compromiseProof(t *tally) string {
	var parts []string
	if t.proved > 0 {
		parts = append(parts, fmt.Sprintf("%d proved by our own records: a bounce of our own server that shows the login, or Sent", t.proved))
	}
	witnesses, ids := map[string]string{}, map[string]struct{}{}
	for _, a := range t.accounts {
		maps.Copy(witnesses, a.witnesses)
		maps.Copy(ids, a.queueIDs)
	}
	if len(witnesses) > 0 {
		parts = append(parts, fmt.Sprintf("%s saw your server hand it over, with %s", count(len(witnesses), "verified site"), count(len(ids), "queue id")))
	}
	return "; " + strings.Join(parts, "; ")
}
