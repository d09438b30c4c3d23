package classify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// RuleInfo is a row of the rule table for people: what a reason code says and means, how much it weighs, where that is from,
// and which classes it takes part in.
type RuleInfo struct {
	Code, Says, Means string
	Weight            int
	Source            string
	For, Against      []Class
}

// Rules lists the table in its order.
func Rules() []RuleInfo {
	list := make([]RuleInfo, 0, len(rules))
	for i, r := range rules {
		info := RuleInfo{Code: r.code, Says: spoken(r.says), Means: r.means, Weight: r.weight, Source: r.cite}
		for _, row := range classRows {
			switch bit := Codes(1) << i; {
			case (row.all | row.any).meets(bit):
				info.For = addClass(info.For, row.class)
			case row.none.meets(bit):
				info.Against = addClass(info.Against, row.class)
			}
		}
		list = append(list, info)
	}
	for _, r := range signRules {
		list = append(list, RuleInfo{Code: r.code, Says: spoken(r.says), Means: r.means, Weight: r.weight, Source: r.cite})
	}
	return list
}

// Rule finds the row of a code.
func Rule(code string) (RuleInfo, bool) {
	list := Rules()
	i := slices.IndexFunc(list, func(r RuleInfo) bool { return r.Code == code })
	if i < 0 {
		return RuleInfo{}, false
	}
	return list[i], true
}

// spoken writes the places that are filled in, as capitals.
func spoken(sentence string) string {
	sentence = strings.NewReplacer("%d of %d", "N of M", "%d", "N", "%s", "NETWORK", "{habit}", "SIGNS", "{copies}", "N", "{signatures}", "N", "{receivers}", "N", "{reported}", "N",
		"{log}", ", QUEUE ID, CLIENT, LOGIN").Replace(sentence)
	return placeholders.ReplaceAllStringFunc(sentence, func(name string) string { return strings.ToUpper(name[1 : len(name)-1]) })
}

var placeholders = regexp.MustCompile(`\{[a-z.]+\}`)

func addClass(list []Class, class Class) []Class {
	if slices.Contains(list, class) {
		return list
	}
	return append(list, class)
}

// weights says what each weight is (METHOD 2).
var weights = []string{
	"a mark: it explains and moves no class",
	"a circumstance",
	"what the reporting site stamped, and what DNS answered",
	"a signature of ours, or what our own hosts stamped",
	"our own record: the mail log, Sent, a bounce of our own server",
}

// WeightText says what a weight is.
func WeightText(weight int) string { return weights[weight] }

// ReasonsPage writes the table as the page docs/reasons.md.
func ReasonsPage() string {
	var out strings.Builder
	out.WriteString(`# Reason codes

Every finding carries the rules that held for it: a code that stays, and a sentence with the message's own values. This page
is written from the table in ` + "`classify/rules.go`" + ` (run ` + "`go test ./classify -run TestReasonsPage -update`" + ` after a change); ` + "`ndrscan explain CODE`" + `
prints one row. METHOD numbers are the sections of the method that the comments in the code cite.

Weights:

`)
	for weight := len(weights) - 1; weight >= 0; weight-- {
		fmt.Fprintf(&out, "- **%d**: %s\n", weight, weights[weight])
	}
	out.WriteString("\n| code | weight | what it says | what it means | takes part in | rules out | source |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range Rules() {
		fmt.Fprintf(&out, "| `%s` | %d | %s | %s | %s | %s | %s |\n", r.Code, r.Weight, r.Says, r.Means, join(r.For), join(r.Against), r.Source)
	}
	out.WriteString("\nHow codes become a class: the first row of `classify.classRows` (`classify/classes.go`) that fits decides. A class that a code " +
		"takes part in needs other codes, too.\n\n## Kinds of sources\n\nWhere a class says that the mail is yours, the finding names what kind of source it is and what to do.\n\n" +
		"| kind | with class | remedy |\n| --- | --- | --- |\n")
	for _, row := range sourceRows {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", row.kind, row.class, row.remedy)
	}
	return out.String()
}

func join(list []Class) string {
	var names []string
	for _, c := range list {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
