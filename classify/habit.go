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

// maxHabitRecipients bounds the recipients kept of one habit: far more than any sign needs.
const maxHabitRecipients = 10000

// habit gathers the signs of one login and client network.
type habit struct {
	slots      map[int64]map[uint64]struct{} // half-hours since 1970 -> failed recipients, hashed
	kept       int
	witnesses  map[string]struct{} // who refused it as spam or virus
	messages   int
	strangers  int // messages to recipients unknown to Sent
	programs   int // messages from a mail program or in a Message-ID form unknown to Sent
	comparable int // messages that had a Sent to be compared with
}

func newHabit() *habit {
	return &habit{slots: map[int64]map[uint64]struct{}{}, witnesses: map[string]struct{}{}}
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
	if e.InSent {
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

// add counts a message. A refusal by an unverified witness counts only among claims.
func (h *habit) add(e *Evidence, claim bool) {
	h.messages++
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
	if e.refusedAs(dsn.ReasonSpam, dsn.ReasonVirus) && (claim || e.Verified || e.Reporter.Own) {
		h.witnesses[refuserOf(e)] = struct{}{}
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
	if e.Reporter.Own && len(e.Bounce.Recipients) > 0 {
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
	var signs []string
	if n := h.burst(); n >= t.BurstRecipients {
		signs = append(signs, fmt.Sprintf("%d failed recipients within an hour", n))
	}
	if n := len(h.witnesses); n >= t.SpamWitnesses {
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

// hash64 stands for a string in sets: the same in every run, so that floods can be merged.
func hash64(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:8])
}
