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
	messages  map[Class]int
	cells     map[Class]map[string]struct{}
	networks  map[Class]map[string]struct{}
	witnesses map[Class]map[string]struct{} // names of those who reported
	evidence  map[Class][]string
	bounces   int

	proved, suspects     int
	provedIDs, suspectID []string
	borderQueueIDs       map[string]struct{} // of supported, out-of-habit messages that verified witnesses saw
	borderWitnesses      map[string]struct{}
}

func newTally() *tally {
	return &tally{messages: map[Class]int{}, cells: map[Class]map[string]struct{}{}, networks: map[Class]map[string]struct{}{},
		witnesses: map[Class]map[string]struct{}{}, evidence: map[Class][]string{},
		borderQueueIDs: map[string]struct{}{}, borderWitnesses: map[string]struct{}{}}
}

// add counts n messages of a group with its final codes.
func (t *tally) add(g *group, set Codes, n int) {
	class := decide(set).class
	t.bounces += n
	t.messages[class] += n
	put(t.cells, class, g.key.Cell)
	put(t.networks, class, g.network)
	put(t.witnesses, class, g.witness)
	for _, id := range g.ids {
		t.evidence[class] = sample(t.evidence[class], id)
	}
	switch {
	case class == Compromised:
		t.addCompromised(g, set, n)
	case class == Undetermined && set.has(codes("origin-own")) && set.meets(codes("claimed-habit", "out-of-habit")):
		t.suspects += n
		for _, id := range g.ids {
			t.suspectID = sample(t.suspectID, id)
		}
	}
}

// addCompromised asks whether the group proves the compromise by itself (METHOD 6) or is a witness's word for it.
func (t *tally) addCompromised(g *group, set Codes, n int) {
	if set.has(codes("reporter-own")) && set.meets(withLogin) || set.has(codes("dkim-own")) {
		t.proved += n
		for _, id := range g.ids {
			t.provedIDs = sample(t.provedIDs, id)
		}
		return
	}
	if set.has(codes("reporter-verified")) {
		t.borderWitnesses[g.witness] = struct{}{}
		for id := range g.queueIDs {
			t.borderQueueIDs[id] = struct{}{}
		}
	}
}

func put(sets map[Class]map[string]struct{}, class Class, member string) {
	if member == "" {
		return
	}
	if sets[class] == nil {
		sets[class] = map[string]struct{}{}
	}
	sets[class][member] = struct{}{}
}

// holding lists the judgements whose thresholds are met, the worst first (METHOD 6, headline).
func (t *tally) holding(th Thresholds) []Judgement {
	var list []Judgement
	witnessed := len(t.borderWitnesses) >= th.Witnesses && len(t.borderQueueIDs) >= th.Witnesses
	switch {
	case t.proved >= th.ProvedMessages, witnessed:
		list = append(list, Compromise)
	case t.messages[Compromised] > 0, t.suspects >= th.SuspectMessages:
		list = append(list, CompromiseSuspected)
	}
	if t.messages[Forged] >= th.Forged && len(t.cells[Forged]) >= th.ForgedCells {
		list = append(list, JoeJob)
	}
	if t.messages[OwnBackscatter] >= th.OwnBackscatter {
		list = append(list, OwnBackscatterFlood)
	}
	if t.messages[Misconfigured] >= th.Misconfigured {
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
	case t.messages[Undetermined] == t.bounces:
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
	v.Share, v.Interval = share(t, classes, f.thresholds)
	v.Witnesses = f.countWitnesses(t, classes)
	switch v.Verdict {
	case Compromise, Both:
		for _, id := range append(slices.Clone(t.provedIDs), t.evidence[Compromised]...) {
			if !slices.Contains(v.Evidence, id) {
				v.Evidence = append(v.Evidence, id)
			}
		}
	case CompromiseSuspected:
		v.Evidence = append(append(v.Evidence, t.evidence[Compromised]...), t.suspectID...)
	}
	if v.Verdict != Compromise && v.Verdict != CompromiseSuspected {
		for _, class := range classes {
			if class != Compromised {
				v.Evidence = append(v.Evidence, t.evidence[class]...)
			}
		}
	}
	v.Sentence = sentence(v.Verdict, t)
	v.Reasons = append(v.Reasons, verdictReasons(v.Verdict, t)...)
	for _, j := range also {
		v.Reasons = append(v.Reasons, verdictReasons(j, t)...)
	}
	return v
}

// countWitnesses counts who bears the verdict out, for the classes that carry it.
func (f *Flood) countWitnesses(t *tally, classes []Class) WitnessCount {
	names, networks, cells := map[string]struct{}{}, map[string]struct{}{}, 0
	for _, class := range classes {
		maps.Copy(names, t.witnesses[class])
		maps.Copy(networks, t.networks[class])
		cells += len(t.cells[class])
	}
	count := WitnessCount{Networks: len(networks), Cells: cells}
	for name := range names {
		switch w := f.witnesses[name]; {
		case w == nil || w.own:
		case w.verified:
			count.Verified++
		default:
			count.Unverified++
		}
	}
	return count
}

// share gives the part of the decisive cells that these classes have, with its Wilson 95 % interval.
func share(t *tally, classes []Class, th Thresholds) (*float64, []float64) {
	var part, all int
	for class, cells := range t.cells {
		if class == Undetermined {
			continue
		}
		all += len(cells)
		if slices.Contains(classes, class) {
			part += len(cells)
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
	n := func(c Class) int { return t.messages[c] }
	switch j {
	case JoeJob:
		return fmt.Sprintf("%d of %d bounces answer forgeries that never passed your servers", n(Forged), t.bounces)
	case Compromise:
		return fmt.Sprintf("%d of %d bounces answer mail that went out through your servers", n(Compromised), t.bounces)
	case Both:
		return fmt.Sprintf("of %d bounces %d went through your servers, %d forged", t.bounces, n(Compromised), n(Forged))
	case CompromiseSuspected:
		return fmt.Sprintf("%d of %d bounces point at your servers, but prove nothing yet", n(Compromised)+t.suspects, t.bounces)
	case OwnBackscatterFlood:
		return fmt.Sprintf("%d of %d bounces: your server accepted forgeries, then bounced them", n(OwnBackscatter), t.bounces)
	case MisconfiguredSender:
		return fmt.Sprintf("%d of %d bounces answer mail of your own that fails SPF", n(Misconfigured), t.bounces)
	case Inconclusive:
		return fmt.Sprintf("%d bounces, and nothing in them decides; see what is missing", t.bounces)
	case NoBounces:
		return "no bounces were found"
	}
	return fmt.Sprintf("%d bounces, and no flood of one kind among them", t.bounces)
}

// verdictReasons says what a judgement rests on.
func verdictReasons(j Judgement, t *tally) []Reason {
	about := func(c Class) string {
		return fmt.Sprintf("%d messages in %d cells (witness, origin network and campaign)", t.messages[c], len(t.cells[c]))
	}
	switch j {
	case JoeJob:
		return []Reason{{"verdict-forged", about(Forged) + fmt.Sprintf(", from %d networks that are not yours", len(t.networks[Forged]))}}
	case Compromise:
		return []Reason{{"verdict-compromised", about(Compromised) + compromiseProof(t)}}
	case Both:
		return append(verdictReasons(Compromise, t), verdictReasons(JoeJob, t)...)
	case CompromiseSuspected:
		return []Reason{{"verdict-suspected", fmt.Sprintf("%d messages are out of habit and name your border; neither a log, nor a bounce of your own with a login, nor a signature, nor enough verified witnesses prove it", t.messages[Compromised]+t.suspects)}}
	case OwnBackscatterFlood:
		return []Reason{{"verdict-own-backscatter", about(OwnBackscatter)}}
	case MisconfiguredSender:
		return []Reason{{"verdict-misconfigured", about(Misconfigured)}}
	}
	return nil
}

func compromiseProof(t *tally) string {
	var parts []string
	if t.proved > 0 {
		parts = append(parts, fmt.Sprintf("%d proved by your own server's bounce with a login or by your signature", t.proved))
	}
	if len(t.borderWitnesses) > 0 {
		parts = append(parts, fmt.Sprintf("%d verified sites saw your server hand it over, with %d queue ids", len(t.borderWitnesses), len(t.borderQueueIDs)))
	}
	return "; " + strings.Join(parts, "; ")
}
