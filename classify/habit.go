package classify

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/trace"
)

// Habit is judged for each login (or script, or host) with its client network (METHOD 5): a thief differs from the owner
// in where he connects, in how many strangers he writes to, and in what is said about his mail.

// Bounds: recipients kept of one habit, far more than any sign needs, and habits kept of each belief.
const (
	maxHabitRecipients = 10_000
	maxHabits          = 20_000
)

// habits holds what is known of each habit cell, by how well it is known. What strangers say must not change what our
// own records say: so that nobody can push an owner out of habit by reports of his own making.
type habits struct {
	proved   map[string]*habit // our own bounces, mail that stands in Sent
	believed map[string]*habit // that, and what verified witnesses saw
	claimed  map[string]*habit // the word of unverified reports
}

func newHabits() habits {
	return habits{proved: map[string]*habit{}, believed: map[string]*habit{}, claimed: map[string]*habit{}}
}

// add counts a message in its own cell and in that of the host alone.
func (h *habits) add(e *Evidence, key string) {
	keys := []string{key}
	if host := hostKey(e); host != key {
		keys = append(keys, host)
	}
	for _, key := range keys {
		switch {
		case borderProved(e):
			cellOf(h.proved, key).add(e)
			cellOf(h.believed, key).add(e)
		case borderWitnessed(e):
			cellOf(h.believed, key).add(e)
		default:
			cellOf(h.claimed, key).add(e)
		}
	}
}

// cellOf finds or makes a habit; past the bound it is one that nobody is judged by.
func cellOf(table map[string]*habit, key string) *habit {
	h := table[key]
	if h == nil {
		h = newHabit()
		if len(table) < maxHabits {
			table[key] = h
		}
	}
	return h
}

// of gives the habit whose signs speak for messages of a case with its final codes, nil if it was not kept.
func (h *habits) of(set Codes, key string, t Thresholds) *habit {
	switch proved := h.proved[key]; {
	case set.has(codes("border-proved")) && (proved.out(t) || !set.has(codes("out-of-habit"))):
		return proved
	case set.meets(codes("border-proved", "border-witnessed")):
		return h.believed[key]
	}
	return h.claimed[key]
}

// codes gives the rules that a habit makes hold for messages of a case. Proved messages are judged by proved ones; others
// can only add to it when witnesses enough to prove a compromise by themselves say the same.
func (h *habits) codes(set Codes, key string, t Thresholds) Codes {
	proved, believed := h.proved[key], h.believed[key]
	switch {
	case set.has(codes("border-proved")):
		switch {
		case proved == nil:
			return codes("habit-unknown")
		case proved.out(t):
			return codes("out-of-habit") | proved.scriptRun(t)
		case believed.out(t) && believed.independent() >= t.Witnesses:
			return codes("out-of-habit") | believed.scriptRun(t)
		}
	case set.has(codes("border-witnessed")):
		switch {
		case believed == nil:
			return codes("habit-unknown")
		case believed.out(t):
			return codes("out-of-habit") | believed.scriptRun(t)
		}
	case h.claimed[key].out(t):
		return codes("claimed-habit")
	}
	return 0
}

// habit gathers the signs of one login and client network.
type habit struct {
	slots      map[int64]map[uint64]struct{} // half-hours since 1970 -> failed recipients, hashed
	kept       int
	refusers   map[string]struct{} // who refused it as spam or virus
	witnesses  map[string]string   // verified ones that saw it, with their networks
	strangers  int                 // messages to recipients unknown to Sent
	programs   int                 // messages from a mail program or in a Message-ID form unknown to Sent
	comparable int                 // messages that had a Sent to be compared with
}

func newHabit() *habit {
	return &habit{slots: map[int64]map[uint64]struct{}{}, refusers: map[string]struct{}{}, witnesses: map[string]string{}}
}

// habitKey names the cell by which a message is judged: the login, or the host where no login shows, and the client's
// network. What stands in Sent is a cell of its own, for it was sent by a client that saves there: a thief who shares the
// owner's network but not his mail program must not drag the owner's own mail with him.
func habitKey(e *Evidence) string {
	if !ownBorder(e) {
		return ""
	}
	return accountName(e) + clientCell(e)
}

// hostKey is the cell of the host alone. Mail with a login counts there, too, so that mail from the same client whose
// login the host does not show is judged by all that the client did.
func hostKey(e *Evidence) string { return hostName(e) + clientCell(e) }

func clientCell(e *Evidence) string {
	cell := "|" + networkOf(e.Origin.ClientIP)
	if e.SentToRecipient {
		cell += "|sent"
	}
	return cell
}

// accountName is what stands for the account: the login as our own server wrote it, else the way in and the host.
func accountName(e *Evidence) string {
	if e.Origin.AuthUser != "" {
		return e.Origin.AuthUser
	}
	return hostName(e)
}

func hostName(e *Evidence) string { return string(e.Origin.Entry) + "@" + entryHost(e) }

// entryHost is our host that took the message: the writer of the last line that was believed, for below our border only
// our own lines are; else the host that handed it on.
func entryHost(e *Evidence) string {
	steps := e.Origin.Steps
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Believed && steps[i].Why != trace.WhyBorder && steps[i].By != "" {
			return steps[i].By
		}
	}
	return orElse(e.Origin.RDNS, e.Origin.IP.String())
}

const habitSlot = 30 * time.Minute

func (h *habit) add(e *Evidence) {
	slot := e.when().Unix() / int64(habitSlot/time.Second)
	for _, r := range e.Bounce.Recipients {
		if h.kept >= maxHabitRecipients {
			break
		}
		if h.slots[slot] == nil {
			h.slots[slot] = map[uint64]struct{}{}
		}
		sum := hash64(r.Address)
		if _, seen := h.slots[slot][sum]; !seen {
			h.slots[slot][sum] = struct{}{}
			h.kept++
		}
	}
	if e.refusedAs(dsn.ReasonSpam, dsn.ReasonVirus) && len(h.refusers) < maxHabitRecipients {
		h.refusers[refuserOf(e)] = struct{}{}
	}
	if e.Verified && len(h.witnesses) < maxHabitRecipients {
		h.witnesses[witnessOf(e)] = networkOf(e.Reporter.IP)
	}
	if e.SentAtHand {
		h.comparable++
		if e.StrangeRcpts {
			h.strangers++
		}
		if e.StrangeProgram {
			h.programs++
		}
	}
}

// refuserOf names who refused: in our own bounces the site of the failed recipient, else the witness.
func refuserOf(e *Evidence) string {
	if e.ownReport() && len(e.Bounce.Recipients) > 0 {
		_, domain, _ := strings.Cut(e.Bounce.Recipients[0].Address, "@")
		return domain
	}
	return witnessOf(e)
}

// burst is the largest number of distinct failed recipients within an hour, measured in two half-hours that touch.
func (h *habit) burst() int {
	most := 0
	for slot, now := range h.slots {
		n := len(now)
		for sum := range h.slots[slot+1] {
			if _, seen := now[sum]; !seen {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// signs names what is out of habit. Two make "out of habit". What can't be compared is not counted.
func (h *habit) signs(t Thresholds) []string {
	if h == nil {
		return nil
	}
	var signs []string
	if n := h.burst(); n >= t.BurstRecipients {
		signs = append(signs, fmt.Sprintf("%d failed recipients within an hour", n))
	}
	if n := len(h.refusers); n >= t.SpamWitnesses {
		signs = append(signs, fmt.Sprintf("refused as spam or virus by %d sites", n))
	}
	if h.comparable >= t.HabitMessages && 2*h.strangers > h.comparable {
		signs = append(signs, fmt.Sprintf("%d of %d messages to recipients unknown to Sent", h.strangers, h.comparable))
	}
	if h.comparable >= t.HabitMessages && 2*h.programs > h.comparable {
		signs = append(signs, fmt.Sprintf("%d of %d messages by a mail program or Message-ID form unknown to Sent", h.programs, h.comparable))
	}
	return signs
}

func (h *habit) out(t Thresholds) bool { return h != nil && len(h.signs(t)) >= t.HabitSigns }

// independent is how many verified witnesses saw it, where those of one network count half from the second on: sites with
// nothing in common but their network may have one owner (METHOD 2).
func (h *habit) independent() int {
	if h == nil {
		return 0
	}
	return independent(h.witnesses)
}

func independent(networks map[string]string) int {
	perNetwork := map[string]int{}
	for _, network := range networks {
		perNetwork[network]++
	}
	halves := 0
	for _, n := range perNetwork {
		halves += n + 1
	}
	return halves / 2
}

// scriptRun tells what even a busy web form does not do by itself.
func (h *habit) scriptRun(t Thresholds) Codes {
	if h.burst() >= t.ScriptBurst && len(h.refusers) >= t.SpamWitnesses {
		return codes("script-run")
	}
	return 0
}

// hash64 stands for a string in sets: the same in every run, so that floods can be merged.
func hash64(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:8])
}
