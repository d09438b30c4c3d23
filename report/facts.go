package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

// What every format for people says, before it is laid out: the verdict in a sentence, the five numbers that carry it, and
// the account of what was read. All of it takes a report that is tidy already.

// verdicts are the words of each verdict, for the case that the data brings no sentence of its own, and the class it is about.
var verdicts = map[classify.Judgement]struct {
	label, sentence string
	tone            tone
	class           classify.Class
}{
	classify.JoeJob:              {"JOE-JOB", "forged return addresses; your systems are not the source.", warn, classify.Forged},
	classify.Compromise:          {"COMPROMISE", "the mail went out through your systems with a login or script of yours.", alarm, classify.Compromised},
	classify.Both:                {"JOE-JOB AND COMPROMISE", "most is forged, but some went out through your systems.", alarm, classify.Compromised},
	classify.CompromiseSuspected: {"COMPROMISE SUSPECTED", "some of it points to your systems; one log search settles it.", alarm, classify.Undetermined},
	classify.MisconfiguredSender: {"MISCONFIGURED SENDER", "a source of your own is missing from your SPF record.", warn, classify.Misconfigured},
	classify.OwnBackscatterFlood: {"OWN BACKSCATTER", "your own server bounces forged mail that it accepted first.", warn, classify.OwnBackscatter},
	classify.OrdinaryBounces:     {"ORDINARY BOUNCES", "no flood: bounces of mail that you sent.", fine, classify.Genuine},
	classify.Inconclusive:        {"INCONCLUSIVE", "there are bounces, but nothing in them decides where the mail came from.", warn, classify.Undetermined},
	classify.NoBounces:           {"NO BOUNCES", "", fine, ""},
}

// headline gives the verdict: its label, its sentence and what it means.
func headline(r *classify.Report) (label, sentence string, t tone) {
	v := r.Verdict
	known := verdicts[v.Verdict]
	label, sentence, t = known.label, known.sentence, known.tone
	if label == "" {
		label = string(v.Verdict)
	}
	if v.Sentence != "" {
		sentence = v.Sentence
	}
	if v.Verdict == classify.NoBounces {
		looked := nothingFound(r)
		if r.Kinds["postmaster-copy"] == 0 {
			return label, looked, t
		}
		label, t = "POSTMASTER COPIES ONLY", warn // no all-clear: the flood is in other mailboxes
		sentence = strings.TrimSuffix(sentence, ".") + ". " + looked
	}
	if len(sentence) >= len(label) && strings.EqualFold(sentence[:len(label)], label) {
		sentence = strings.TrimLeft(sentence[len(label):], ":, ")
	}
	return label, sentence, t
}

// nothingFound teaches: a run that finds no bounce says where it looked.
func nothingFound(r *classify.Report) string {
	text := "0 bounces in " + count(r.Read, "message")
	if len(r.Sources) > 0 {
		text += "; looked in " + some(r.Sources, maxRows)
	}
	for _, name := range []string{"since", "until"} {
		if at := r.Run.Flags[name]; at != "" {
			text += fmt.Sprintf("; %s %s", name, at)
		}
	}
	return text + "."
}

// figure is a number and what it counts.
type figure struct{ value, text string }

// figures are the five numbers that carry the verdict: bounces, those of its class, witnesses, networks, share.
func figures(r *classify.Report) []figure {
	bounces := r.Kinds["bounce"]
	if bounces == 0 {
		return nil
	}
	text := noun(bounces, "bounce") + " in " + count(r.Read, "message")
	if span := period(r.Period); span != "" {
		text += ", " + span
	}
	if r.Verdict.Active {
		text += ", still coming"
	}
	list := []figure{{strconv.Itoa(bounces), text}}
	if n, text := classFigure(r); n > 0 {
		list = append(list, figure{strconv.Itoa(n), text})
	}
	w := r.Verdict.Witnesses
	if w.Cells == 0 { // the verdict is about no class: the whole mailbox counts
		w = allWitnesses(r)
	}
	list = append(list,
		figure{strconv.Itoa(w.Verified), fmt.Sprintf("%s, and %d unverified", noun(w.Verified, "verified witness"), w.Unverified)},
		figure{strconv.Itoa(w.Networks), noun(w.Networks, "origin network")})
	if r.Verdict.Witnesses.Cells == 0 {
		return list
	}
	return append(list, shareFigure(r.Verdict))
}

// allWitnesses counts who reports anything at all, and from how many networks it came.
func allWitnesses(r *classify.Report) (w classify.WitnessCount) {
	for _, row := range r.Witnesses {
		if row.Verified || row.Own {
			w.Verified++
		} else {
			w.Unverified++
		}
	}
	networks := map[string]bool{}
	for _, o := range r.Origins {
		networks[o.Network] = true
	}
	w.Networks = len(networks)
	return w
}

// classFigure counts the class that the verdict is about, or else the largest, and names the others.
func classFigure(r *classify.Report) (n int, text string) {
	lead := verdicts[r.Verdict.Verdict].class
	if r.Classes[lead] == 0 {
		for _, c := range classOrder {
			if r.Classes[c] > r.Classes[lead] {
				lead = c
			}
		}
	}
	text = string(lead)
	for _, c := range classOrder {
		if n := r.Classes[c]; n > 0 && c != lead {
			text += fmt.Sprintf(", %d %s", n, c)
		}
	}
	return r.Classes[lead], text
}

// shareFigure says how widely the verdict is borne out: its share of the cells that decide anything (METHOD 6).
func shareFigure(v classify.Verdict) figure {
	const cell = "witness, origin network and campaign"
	n := v.Witnesses.Cells
	if v.Share == nil {
		return figure{strconv.Itoa(n), noun(n, "cell") + " (" + cell + ")"}
	}
	text := fmt.Sprintf("of the decisive cells bear it out: %d (%s", n, cell)
	if len(v.Interval) == 2 {
		text += "; " + interval(v)
	}
	return figure{percent(asShare(*v.Share)), text + ")"}
}

func interval(v classify.Verdict) string {
	return fmt.Sprintf("95 %% interval %.0f to %.0f %%", asShare(v.Interval[0])*100, asShare(v.Interval[1])*100)
}

// asShare bounds a share to what one can be. A saved report may hold any number.
func asShare(share float64) float64 { return min(max(share, 0), 1) }

// classOrder is the order of the classes in every list.
var classOrder = []classify.Class{classify.Compromised, classify.Forged, classify.Misconfigured, classify.OwnBackscatter,
	classify.Forwarded, classify.Genuine, classify.Undetermined}

// kindOrder is the order of kinds in the sum; kinds that are not in it follow by name.
var kindOrder = []string{"bounce", "delay", "success", "autoreply", "challenge", "feedback", "dmarc-report", "receipt", "list",
	"postmaster-copy", "other", "unreadable"}

// sum accounts for every message read.
func sum(r *classify.Report) string {
	kinds := slices.Clone(kindOrder)
	for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	var parts []string
	for _, k := range kinds {
		if n := r.Kinds[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if r.Copies > 0 {
		parts = append(parts, fmt.Sprintf("%d read twice", r.Copies))
	}
	if len(parts) == 0 {
		return "Read 0 messages"
	}
	return fmt.Sprintf("Read %d = %s", r.Read, strings.Join(parts, " + "))
}

// rules put the contract's words for why a host counts as ours into plain ones.
var rules = []struct{ rule, words string }{
	{"flag", "as told"},
	{"confirmed-name", "by forward-confirmed name"},
	{"candidate", "candidate, not taken as ours; confirm with --own"},
}

// ownHosts are the hosts that one rule made ours.
type ownHosts struct {
	words string
	hosts []string
}

// ownSeen lists every host taken as ours, and why (METHOD 2).
func ownSeen(r *classify.Report) []ownHosts {
	byRule := map[string][]string{}
	for _, o := range r.OwnSeen {
		host := o.Host
		if o.Why != "" {
			host += ": " + o.Why
		}
		if len(o.Listed) > 0 {
			host += "; on the block lists " + strings.Join(o.Listed, ", ")
		}
		byRule[o.Rule] = append(byRule[o.Rule], host)
	}
	var list []ownHosts
	for _, rule := range rules {
		if hosts := byRule[rule.rule]; len(hosts) > 0 {
			list = append(list, ownHosts{rule.words, hosts})
		}
		delete(byRule, rule.rule)
	}
	for _, rule := range slices.Sorted(maps.Keys(byRule)) {
		list = append(list, ownHosts{rule, byRule[rule]})
	}
	return list
}

func leftOut(l classify.LeftOut) string {
	text := l.Source
	if l.ID != "" {
		text += ", message " + l.ID
	}
	if l.Count > 1 {
		text += fmt.Sprintf(" (%d messages)", l.Count)
	}
	return text + ": " + l.Why
}

// thresholds are the bounds that the verdict was held against.
func thresholds(r *classify.Report) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(r.Verdict.Thresholds)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, r.Verdict.Thresholds[k]))
	}
	return strings.Join(parts, ", ")
}

// count puts a number and its noun together.
func count(n int, one string) string { return fmt.Sprintf("%d %s", n, noun(n, one)) }

func noun(n int, one string) string {
	switch {
	case n == 1:
		return one
	case strings.HasSuffix(one, "s"):
		return one + "es"
	}
	return one + "s"
}

// some joins the first n and says how many more there are.
func some(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

func join[T ~string](list []T, sep string) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, string(v))
	}
	return strings.Join(parts, sep)
}

func period(per classify.Period) string {
	switch {
	case per.From == nil || per.To == nil:
		return ""
	case stamp(*per.From) == stamp(*per.To):
		return stamp(*per.From) + " UTC"
	}
	return stamp(*per.From) + " to " + stamp(*per.To) + " UTC"
}

// stamp writes a time to the minute, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
