package classify

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/proof"
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
	off   []string // signs that are switched off
	usual usual

	proved   map[string]*habit // our own bounces, mail that stands in Sent
	believed map[string]*habit // that, and what verified witnesses saw
	claimed  map[string]*habit // the word of unverified reports
}

func newHabits(off []string) habits {
	return habits{off: off, usual: usual{}, proved: map[string]*habit{}, believed: map[string]*habit{}, claimed: map[string]*habit{}}
}

// add counts a message in its own cell, in that of the host alone, and in that of the account wherever its clients are.
func (h *habits) add(e *Evidence, set Codes, key string) {
	for _, table := range h.tables(set) {
		cell := h.cell(table, key)
		cell.add(e)
		if host := hostKey(e); host != key {
			h.cell(table, host).add(e)
		}
		if everywhere := spreadKey(e); everywhere != "" {
			cell.spread = h.cell(table, everywhere)
			if cell.spread.add(e); cell.spread.kept >= maxHabitRecipients {
				continue
			}
			cell.spread.networks.add(slotOf(e), hash64(networkOf(e.Origin.ClientIP)))
		}
	}
}

// tables gives those in which a message of a case counts.
func (h *habits) tables(set Codes) []map[string]*habit {
	switch {
	case set.has(codes("border-proved")):
		return []map[string]*habit{h.proved, h.believed}
	case set.has(codes("border-witnessed")):
		return []map[string]*habit{h.believed}
	}
	return []map[string]*habit{h.claimed}
}

// cell finds or makes a habit; past the bound it is one that nobody is judged by.
func (h *habits) cell(table map[string]*habit, key string) *habit {
	cell := table[key]
	if cell == nil {
		cell = newHabit(h)
		if len(table) < maxHabits {
			table[key] = cell
		}
	}
	return cell
}

// of gives the habit whose signs speak for messages of a case with its final codes, nil if it was not kept.
func (h *habits) of(set Codes, key string, t Thresholds) *habit {
	switch proved := h.proved[key].wider(t); {
	case set.has(codes("habit-doubtful")):
		for _, table := range []map[string]*habit{h.proved, h.believed} {
			if len(table[key].signs(t)) > 0 {
				return table[key]
			}
		}
		return h.claimed[key]
	case set.has(codes("border-proved")) && (proved.out(t) || !set.has(codes("out-of-habit"))):
		return proved
	case set.meets(codes("border-proved", "border-witnessed", "claim-agrees")):
		return h.believed[key].wider(t)
	}
	return h.claimed[key].wider(t)
}

// codes gives the rules that a habit makes hold for messages of a case. Out of habit is said only where our own records show
// it, or verified witnesses enough to prove a compromise agree (METHOD 2); a message of our own that looks so itself counts as
// one of them. An unverified report that names the very login and client network which are known so is one more of the same;
// it proves nothing to others. What fewer show is a claim, and nobody's own records are read in its light.
func (h *habits) codes(set Codes, key string, t Thresholds) Codes {
	proved, believed := h.proved[key], h.believed[key]
	known := set.meets(codes("border-proved", "border-witnessed"))
	switch {
	case set.has(codes("border-proved")) && proved == nil, set.has(codes("border-witnessed")) && believed == nil:
		return codes("habit-unknown")
	}
	proved, believed = proved.wider(t), believed.wider(t)
	switch {
	case proved.out(t):
		return codes("out-of-habit") | proved.scriptRun(t) | agrees(known)
	case believed.out(t) && believed.agreed(proved, t.Witnesses, t),
		set.has(codes("border-witnessed")) && believed.out(t) && believed.agreed(proved, t.ClassWitnesses, t):
		return codes("out-of-habit") | believed.scriptRun(t) | agrees(known)
	case set.has(codes("border-proved")):
		if len(proved.refusers) > 0 {
			return believed.doubts(t) // our own bounce says spam, too, and counts among them
		}
		return 0
	case set.has(codes("border-witnessed")) && believed.out(t), !known && h.claimed[key].wider(t).pointsOut(t):
		return codes("claimed-habit")
	case set.has(codes("border-witnessed")):
		if h.claimed[key].wider(t).out(t) && believed.comparable == 0 {
			return codes("habit-doubtful") // no witness against its owner, but nobody can call it in his habit
		}
		return believed.doubts(t)
	}
	return 0
}

// pointsOut tells what would be out of habit, for claims: where nothing is at hand to look for the other signs by, one is
// enough to name the search of the mail log that settles it.
func (h *habit) pointsOut(t Thresholds) bool {
	return h.out(t) || h != nil && h.comparable == 0 && len(h.signs(t)) > 0
}

func agrees(known bool) Codes {
	if known {
		return 0
	}
	return codes("claim-agrees")
}

// agreed tells whether so many witnesses that have nothing to do with each other saw it, or as many different messages bore a
// signature of ours.
func (h *habit) agreed(proved *habit, enough int, t Thresholds) bool {
	own := 0
	if one := t; proved != nil {
		if one.HabitMessages = 1; len(proved.signs(one)) >= t.HabitSigns {
			own = 1
		}
	}
	return h.independent()+own >= enough || len(h.signatures) >= enough
}

// doubts holds where several sites call the mail spam and there is nothing to compare it with.
func (h *habit) doubts(t Thresholds) Codes {
	if h != nil && h.comparable == 0 && len(h.refusers) >= t.SpamWitnesses {
		return codes("habit-doubtful")
	}
	return 0
}

// habit gathers the signs of one login and client network.
type habit struct {
	of         *habits
	account    string // whose habit it is compared with
	network    string // of the client
	first      int64  // hour of the first message, since 1970
	slots      slots  // failed recipients
	networks   slots  // of clients; of an account everywhere only
	spread     *habit // the account everywhere; nil where it has no login
	kept       int
	refusers   map[string]struct{} // who refused it as spam or virus
	witnesses  map[string]string   // verified ones that saw it, with their networks
	signatures map[string]struct{} // of ours over whole messages
	strangers  int                 // messages to recipients unknown to Sent
	programs   int                 // messages from a mail program or in a Message-ID form unknown to Sent
	comparable int                 // messages that had a Sent to be compared with
	placeKnown int                 // messages of an account whose client networks Sent knows
	placeSeen  bool                // this network is one of them, or --own-net names it
}

func newHabit(of *habits) *habit {
	return &habit{of: of, slots: slots{}, networks: slots{}, refusers: map[string]struct{}{}, witnesses: map[string]string{},
		signatures: map[string]struct{}{}}
}

// habitKey names the cell by which a message is judged: the login, or the host where no login shows, and the client's
// network. What stands in Sent is a cell of its own, for it was sent by a client that saves there: a thief who shares the
// owner's network but not his mail program must not drag the owner's own mail with him.
func habitKey(e *Evidence) string {
	if !fromUs(e) && !throughProvider(e) {
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
	switch {
	case e.Origin.AuthUser != "":
		return e.Origin.AuthUser
	case e.Tenant == TenantInside, e.Origin.LoginForm == trace.FormMAPI: // an account writes in its own name only
		return string(e.Origin.Entry) + "@" + e.Account
	}
	return hostName(e)
}

func hostName(e *Evidence) string {
	if throughProvider(e) {
		return "provider@" + e.Account // whichever of its hosts it was
	}
	return string(e.Origin.Entry) + "@" + entryHost(e)
}

// throughProvider tells mail that bears our signature and left by a network of our SPF record that others share: an account or
// a key of ours at that provider sent it to the very recipient whom the signature names. It proves no compromise (METHOD 2), but what is out
// of habit in it is for the provider's log to settle.
func throughProvider(e *Evidence) bool {
	return outside(e) && passes(e) && e.ownDKIM(proof.DKIMPass) && e.DKIMRecipient
}

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
	slot := slotOf(e)
	for _, to := range e.writtenTo() {
		if h.kept >= maxHabitRecipients {
			break
		}
		if h.slots.add(slot, hash64(to)) {
			h.kept++
		}
	}
	if e.refusedAs(dsn.ReasonSpam, dsn.ReasonVirus) && len(h.refusers) < maxHabitRecipients {
		h.refusers[refuserOf(e)] = struct{}{}
	}
	if e.Verified && len(h.witnesses) < maxHabitRecipients {
		h.witnesses[witnessOf(e)] = networkOf(e.Reporter.IP)
	}
	for _, s := range e.DKIM {
		if s.Own && s.Whole() && s.FromSigned && len(h.signatures) < maxHabitRecipients {
			h.signatures[s.Hash] = struct{}{}
		}
	}
	h.place(e)
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

// place notes where the account's mail came from.
func (h *habit) place(e *Evidence) {
	hour := e.when().Unix() / 3600
	if h.account == "" || hour < h.first {
		h.first = hour
	}
	h.account, h.network = e.Account, networkOf(e.Origin.ClientIP)
	if e.NetworkKnown {
		h.placeKnown++
	}
	h.placeSeen = h.placeSeen || e.NetworkSeen || e.Origin.ClientOwnNet
}

// strangePlace tells whether the account's client networks are known from Sent or ordinary mail, and this one is none of
// them.
func (h *habit) strangePlace() bool {
	if h.network == "" || h.placeSeen || len(h.networks) > 0 {
		return false
	}
	seen, known := h.of.usual.uses(h.account, h.network, h.first)
	return !seen && (known || h.placeKnown > 0)
}

// usual holds the client networks from which accounts handed in ordinary mail, with the first hour of each.
type usual map[string]map[string]int64

// maxUsual bounds the accounts, and the networks of each.
const maxUsual = 1000

func (u usual) add(account, network string, at time.Time) {
	networks := u[account]
	if account == "" || network == "" || at.IsZero() || networks == nil && len(u) >= maxUsual || len(networks) >= maxUsual {
		return
	}
	if networks == nil {
		networks = map[string]int64{}
		u[account] = networks
	}
	if hour, known := networks[network]; !known || at.Unix()/3600 < hour {
		networks[network] = at.Unix() / 3600
	}
}

// uses tells whether an account used a network before that hour; known is false where nothing is known of it.
func (u usual) uses(account, network string, before int64) (seen, known bool) {
	hour, seen := u[account][network]
	return seen && hour < before, len(u[account]) > 0
}

// refuserOf names who refused: in our own bounces the site of the failed recipient, else the witness.
func refuserOf(e *Evidence) string {
	if e.ownReport() && len(e.Bounce.Recipients) > 0 {
		_, domain, _ := strings.Cut(e.Bounce.Recipients[0].Address, "@")
		return domain
	}
	return witnessOf(e)
}

// slots hold hashes by the half-hour since 1970.
type slots map[int64]map[uint64]struct{}

func slotOf(e *Evidence) int64 { return e.when().Unix() / int64(habitSlot/time.Second) }

// add tells whether the hash is new in its slot.
func (s slots) add(slot int64, sum uint64) bool {
	if s[slot] == nil {
		s[slot] = map[uint64]struct{}{}
	}
	_, seen := s[slot][sum]
	s[slot][sum] = struct{}{}
	return !seen
}

// burst is the largest number of distinct ones within an hour, measured in two half-hours that touch.
func (s slots) burst() int {
	most := 0
	for slot, now := range s {
		n := len(now)
		for sum := range s[slot+1] {
			if _, seen := now[sum]; !seen {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// wider gives the habit of the account everywhere for a client network that shows too little by itself: a thief who sends
// each message through another proxy has no habit in any one network, and nobody connects from ten within an hour. A network
// that is known for the account, or shows enough, is judged by itself, and so is one whose mail goes to people that Sent
// knows: so that a thief does not drag the owner's own mail with him.
func (h *habit) wider(t Thresholds) *habit {
	if h == nil || h.spread == nil || h.placeSeen || h.kept >= t.BurstRecipients || h.comparable > 0 && 2*h.strangers <= h.comparable {
		return h
	}
	if h.spread.networks.burst() < t.SpreadNetworks {
		return h
	}
	return h.spread
}

// spreadKey is the cell of an account with all its client networks; where no login shows, of the author on that host. What
// stands in Sent is no thief's.
func spreadKey(e *Evidence) string {
	if !e.Origin.AuthShown || !e.Origin.ClientIP.IsValid() || e.SentToRecipient {
		return ""
	}
	if e.Origin.AuthUser != "" {
		return e.Origin.AuthUser + "|everywhere"
	}
	return hostName(e) + "|" + e.Account + "|everywhere"
}

// signRules are the signs, rows as in rules; they are no codes of a message. Their sentences stand in those of out-of-habit,
// claimed-habit and habit-doubtful.
var signRules = []rule{
	{code: "sign-burst", weight: 1, cite: "METHOD 5", says: "%d failed recipients within an hour",
		means: "A sign of habit: few people write to so many wrong addresses in an hour."},
	{code: "sign-refused", weight: 1, cite: "METHOD 5", says: "refused as spam or virus by %d sites",
		means: "A sign of habit: two sites with nothing to do with each other call it spam."},
	{code: "sign-network", weight: 1, cite: "METHOD 5",
		says:  "from %s, where earlier mail of this account never came from",
		means: "A sign of habit, where Sent or ordinary mail of the account shows where it is used to come from."},
	{code: "sign-spread", weight: 1, cite: "METHOD 5",
		says:  "from %d client networks within an hour",
		means: "A sign of habit: nobody connects from ten networks within an hour, and proxies for hire do."},
	{code: "sign-recipients", weight: 1, cite: "METHOD 5",
		says:  "%d of %d messages to recipients unknown to Sent",
		means: "A sign of habit, where Sent is at hand."},
	{code: "sign-program", weight: 1, cite: "METHOD 5",
		says:  "%d of %d messages by a mail program or Message-ID form unknown to Sent",
		means: "A sign of habit, where Sent is at hand."},
}

// signs names what is out of habit. Two make "out of habit". What can't be compared is not counted.
func (h *habit) signs(t Thresholds) []string {
	if h == nil {
		return nil
	}
	var signs []string
	add := func(code string, holds bool, numbers ...any) {
		if holds && !slices.Contains(h.of.off, code) {
			signs = append(signs, fmt.Sprintf(signRule(code).says, numbers...))
		}
	}
	burst := h.slots.burst()
	add("sign-burst", burst >= t.BurstRecipients, burst)
	add("sign-refused", len(h.refusers) >= t.SpamWitnesses, len(h.refusers))
	add("sign-network", h.strangePlace(), h.network)
	networks := h.networks.burst()
	add("sign-spread", networks >= t.SpreadNetworks, networks)
	add("sign-recipients", h.comparable >= t.HabitMessages && 2*h.strangers > h.comparable, h.strangers, h.comparable)
	add("sign-program", h.comparable >= t.HabitMessages && 2*h.programs > h.comparable, h.programs, h.comparable)
	return signs
}

func isSign(code string) bool { return signRule(code) != nil }

func signRule(code string) *rule {
	for i := range signRules {
		if signRules[i].code == code {
			return &signRules[i]
		}
	}
	return nil
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
	if h.slots.burst() >= t.ScriptBurst && len(h.refusers) >= t.SpamWitnesses {
		return codes("script-run")
	}
	return 0
}

// hash64 stands for a string in sets: the same in every run, so that floods can be merged.
func hash64(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:8])
}
