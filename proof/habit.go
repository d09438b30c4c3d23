package proof

import (
	"net/netip"
	"strings"
	"time"

	"ndrscan/internal/header"
)

// maxHabitTexts bounds the programs, Message-ID forms and networks kept of one sender: an owner has a few.
const maxHabitTexts = 1000

// habit is how one From address usually writes (METHOD 5, Habit).
type habit struct {
	messages   int
	recipients firstSeen[uint32]
	programs   firstSeen[string] // by programName
	idForms    firstSeen[string] // by idForm
	networks   firstSeen[netip.Prefix]
}

// firstSeen keeps the earliest date of a thing, in Unix seconds; 0 is an unknown date and earlier than all.
type firstSeen[K comparable] map[K]int64

func (f firstSeen[K]) add(key K, date int64, limit int) {
	if known, ok := f[key]; ok {
		f[key] = min(known, date)
	} else if len(f) < limit {
		f[key] = date
	}
}

func (f firstSeen[K]) since(key K) (time.Time, bool) {
	date, ok := f[key]
	if !ok || date == 0 {
		return time.Time{}, ok
	}
	return time.Unix(date, 0).UTC(), true
}

// before tells whether the thing was seen before that time; at any time if that is zero.
func (f firstSeen[K]) before(key K, at time.Time) bool {
	date, ok := f[key]
	return ok && (at.IsZero() || date < at.Unix())
}

func (h *habit) add(mail *sentMail, form, program string) {
	h.messages++
	for _, r := range mail.recipients {
		h.recipients.add(r, mail.date, maxSentMails)
	}
	h.programs.add(program, mail.date, maxHabitTexts)
	if form != "" {
		h.idForms.add(form, mail.date, maxHabitTexts)
	}
}

// habitOf gives the habit of a sender, made if need be.
func (s *Sent) habitOf(from uint32) *habit {
	h, ok := s.habit[from]
	if !ok {
		h = &habit{
			recipients: make(firstSeen[uint32]),
			programs:   make(firstSeen[string]),
			idForms:    make(firstSeen[string]),
			networks:   make(firstSeen[netip.Prefix]),
		}
		s.habit[from] = h
	}
	return h
}

func (s *Sent) habitFor(from string) (*habit, bool) {
	n, ok := s.texts[strings.ToLower(from)]
	if !ok {
		return nil, false
	}
	h, ok := s.habit[n]
	return h, ok
}

// Messages gives how many sent messages of a From address there are to compare with: with none, its habit is unknown and
// nothing counts against it.
func (s *Sent) Messages(from string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h, ok := s.habitFor(from); ok {
		return h.messages
	}
	return 0
}

// UsesProgram tells whether a From address wrote with this mail program (a User-Agent or X-Mailer value, "" for mail
// that has neither) before that time; zero: ever. Versions and platforms don't count.
func (s *Sent) UsesProgram(from, program string, before time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.habitFor(from)
	return ok && h.programs.before(programName(program), before)
}

// UsesIDForm tells whether a From address wrote mail with Message-IDs of this one's form (its domain and the way its left
// side is made) before that time; zero: ever.
func (s *Sent) UsesIDForm(from, messageID string, before time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.habitFor(from)
	return ok && h.idForms.before(idForm(normalID(messageID)), before)
}

// AddClient notes the address from which a From address handed in mail, where a Sent copy or ordinary mail shows it.
func (s *Sent) AddClient(from string, client netip.Addr, date time.Time) {
	network := networkOf(client)
	if !network.IsValid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.habitOf(s.number(strings.ToLower(from))).networks.add(network, unixSeconds(date), maxHabitTexts)
}

// UsesNetwork tells whether a From address handed in mail from the /24 or /48 of this client before that time; zero:
// ever. known is false where no client of that sender was ever seen, so that nothing can be compared.
func (s *Sent) UsesNetwork(from string, client netip.Addr, before time.Time) (uses, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.habitFor(from)
	if !ok || len(h.networks) == 0 {
		return false, false
	}
	return h.networks.before(networkOf(client), before), true
}

// programName gives a mail program's name in lower case without versions, comments and platforms:
// "Mozilla/5.0 (X11; ...) Gecko/20100101 Thunderbird/102.1" and "Mozilla Thunderbird" are both "thunderbird".
func programName(value string) string {
	if len(value) > maxSentText {
		value = value[:maxSentText]
	}
	var words []string
	for _, word := range strings.Fields(strings.ToLower(header.StripComments(value))) {
		word, _, _ = strings.Cut(word, "/")
		version := strings.TrimLeft(word, "v[")
		if version == "" || version[0] >= '0' && version[0] <= '9' {
			continue
		}
		words = append(words, word)
	}
	// QUIRK: browsers and Mozilla's mail programs write the product last (RFC 9110 section 10.1.5 puts it first).
	if len(words) > 1 && words[0] == "mozilla" {
		words = words[len(words)-1:]
	}
	return strings.Join(words, " ")
}

// idForm gives the domain of a Message-ID and how its left side is made: a UUID, parts joined by $ (Outlook), numbers and
// dots, or anything else. Finer forms would call two ids of one program different.
func idForm(id string) string {
	at := strings.LastIndexByte(id, '@')
	if at < 0 {
		return ""
	}
	left, form := id[:at], "other"
	switch {
	case isUUID(left):
		form = "uuid"
	case strings.Contains(left, "$"):
		form = "dollar"
	case strings.Trim(left, "0123456789.") == "":
		form = "digits"
	}
	return form + "@" + strings.ToLower(id[at+1:])
}

// isUUID tells a UUID in its text form (RFC 9562 section 4).
func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}
