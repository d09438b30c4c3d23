package weekly

import (
	"fmt"
	"strings"

	"ndrscan/classify"
)

// sentence says the whole in one: how it stands, what is gone, what is new, what is to be done.
func (r *Report) sentence() string {
	if r.Runs == 0 && r.Now.Read == 0 {
		return "Nothing was read in this period: no run is in the store. See that ndrscan scan runs, else nobody looks."
	}
	parts := []string{r.standing()}
	if gone := r.gone(); len(gone) > 0 {
		parts = append(parts, "gone: "+strings.Join(gone, ", "))
	}
	if fresh := r.fresh(); len(fresh) > 0 {
		label := "new: "
		if !r.Compared() {
			label = "there is: "
		}
		parts = append(parts, label+strings.Join(fresh, ", "))
	}
	return strings.Join(append(parts, "to do: "+r.toDo()), "; ") + "."
}

// Compared tells whether anything is known of the period before. Where nothing is, nothing can be called new or gone.
func (r *Report) Compared() bool { return r.RunsBefore > 0 || r.Then.Read > 0 }

const nothingBefore = ", and nothing is known of the period before to compare with"

// standing compares the sums.
func (r *Report) standing() string {
	switch {
	case r.Now.Bounces == 0 && !r.Compared():
		return fmt.Sprintf("Quiet: no bounces in %s", count(r.Now.Read, "message")) + nothingBefore
	case !r.Compared():
		return count(r.Now.Bounces, "bounce") + nothingBefore
	case r.Now.Bounces == 0:
		return fmt.Sprintf("Quiet: no bounces in %s, %s in the period before", count(r.Now.Read, "message"), number(r.Then.Bounces))
	}
	text := fmt.Sprintf("%s, %s in the period before", count(r.Now.Bounces, "bounce"), number(r.Then.Bounces))
	if n, was := r.Now.Classes[classify.Forged], r.Then.Classes[classify.Forged]; n+was > 0 {
		text += fmt.Sprintf(", of them forged %s and %s", number(n), number(was))
	}
	return text
}

func (r *Report) gone() []string {
	var list []string
	if holds(r.Was, classify.Compromise) && !holds(r.Verdict, classify.Compromise) {
		list = append(list, "the compromise")
	}
	if holds(r.Was, classify.JoeJob) && !holds(r.Verdict, classify.JoeJob) {
		list = append(list, "the Joe-Job")
	}
	if n := len(r.GoneNetworks); n > 0 {
		list = append(list, count(n, "origin network"))
	}
	return list
}

func (r *Report) fresh() []string {
	var list []string
	for _, j := range []classify.Judgement{classify.Compromise, classify.JoeJob, classify.CompromiseSuspected, classify.OwnBackscatterFlood,
		classify.MisconfiguredSender} {
		if holds(r.Verdict, j) && !holds(r.Was, j) {
			list = append(list, names[j])
		}
	}
	if n := len(r.NewNetworks); n > 0 {
		list = append(list, count(n, "origin network"))
	}
	for _, p := range r.Policies {
		if p.SPFWas != nil || p.DMARCWas != nil {
			list = append(list, "another policy of "+p.Domain)
		}
	}
	return list
}

var names = map[classify.Judgement]string{
	classify.Compromise: "a compromise", classify.JoeJob: "a Joe-Job", classify.CompromiseSuspected: "a suspicion of compromise",
	classify.OwnBackscatterFlood: "backscatter of your own", classify.MisconfiguredSender: "a sender that SPF does not name",
}

// holds tells whether a verdict says that something is the case: both is two.
func holds(verdict, what classify.Judgement) bool {
	return verdict == what || verdict == classify.Both && (what == classify.Compromise || what == classify.JoeJob)
}

func (r *Report) toDo() string {
	var list []string
	compromised := 0
	for _, a := range r.AtRisk {
		if a.Class == classify.Compromised {
			compromised++
		}
	}
	if compromised > 0 {
		list = append(list, "close "+count(compromised, "way in")+" that spam uses")
	}
	if n := len(r.Senders); n > 0 {
		list = append(list, "look at "+count(n, "sender")+" that SPF does not name")
	}
	for _, p := range r.Policies {
		switch {
		case p.SPF == "":
			list = append(list, "publish an SPF record for "+p.Domain)
		case len(p.Issues) > 0:
			list = append(list, "mend the SPF record of "+p.Domain)
		}
	}
	if n := len(r.Unread); n > 0 {
		list = append(list, "see why "+count(n, "source or message")+" could not be read")
	}
	if n := len(r.ToDo); len(list) == 0 && n > 0 {
		return count(n, "step") + " below"
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// count puts a number and its noun together.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + plurals[noun]
}

var plurals = map[string]string{"message": "messages", "bounce": "bounces", "origin network": "origin networks", "way in": "ways in",
	"sender": "senders", "step": "steps", "source or message": "sources or messages"}

// number groups the digits of a count.
func number(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
