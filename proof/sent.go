package proof

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"

	"ndrscan/internal/header"
)

// Bounds of the Sent index: messages kept (about 150 bytes each and 4 a recipient), distinct addresses and program names
// kept (each once), recipients kept of one message, and the longest text kept.
const (
	maxSentMails      = 2_000_000
	maxSentTexts      = 4_000_000
	maxSentRecipients = 1000
	maxSentText       = 500
)

// maxDateDrift is how far a date may stray and still agree (METHOD 3.4: clock skew counts beyond 24 hours).
const maxDateDrift = 24 * time.Hour

// Sent is an index of the mail our accounts sent, made from the header fields of their Sent mailboxes. It shows what the
// account sent, not what its owner did: thieves save to Sent, too (METHOD 2). Methods may be called concurrently.
type Sent struct {
	mu    sync.RWMutex
	mails map[[16]byte]*sentMail // by hash of the Message-ID
	texts map[string]uint32      // every address and program once; its number is its place in names
	names []string
	left  int
	habit map[uint32]*habit // by From
}

// sentMail is SentMail with numbers for texts.
type sentMail struct {
	from, program uint32
	recipients    []uint32
	date          int64 // Unix seconds, 0 unknown
}

// NewSent gives an empty index.
func NewSent() *Sent {
	return &Sent{
		mails: make(map[[16]byte]*sentMail),
		texts: map[string]uint32{"": 0},
		names: []string{""},
		habit: make(map[uint32]*habit),
	}
}

// Add takes a message of a Sent mailbox by its header section. Mail without a Message-ID can't be looked up and counts
// for habit only. A second copy of a message adds its recipients to the first.
func (s *Sent) Add(section header.Section) {
	id := normalID(section.Get("Message-ID"))
	from := header.FirstAddress(section.Get("From"))
	program := programOf(section)
	date, _ := header.ParseDate(section.Get("Date"))

	s.mu.Lock()
	defer s.mu.Unlock()
	mail := &sentMail{from: s.number(from), program: s.number(program), recipients: s.recipients(section), date: unixSeconds(date)}
	s.habitOf(mail.from).add(mail, idForm(id), programName(program))
	if id == "" {
		return
	}
	key := idKey(id)
	if known, ok := s.mails[key]; ok {
		known.merge(mail.recipients)
		return
	}
	if len(s.mails) >= maxSentMails {
		s.left++
		return
	}
	s.mails[key] = mail
}

// Len gives the number of messages that can be looked up.
func (s *Sent) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.mails)
}

// LeftOut gives the number of messages and addresses beyond the bounds of the index: with any, a Message-ID or recipient
// that is not found says nothing.
func (s *Sent) LeftOut() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.left
}

// Lookup finds a sent message by its Message-ID, with or without angle brackets.
func (s *Sent) Lookup(messageID string) (SentMail, bool) {
	id := normalID(messageID)
	if id == "" {
		return SentMail{}, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	mail, ok := s.mails[idKey(id)]
	if !ok {
		return SentMail{}, false
	}
	found := SentMail{MessageID: id, From: s.names[mail.from], UserAgent: s.names[mail.program]}
	if mail.date != 0 {
		found.Date = time.Unix(mail.date, 0).UTC()
	}
	for _, r := range mail.recipients {
		found.Recipients = append(found.Recipients, s.names[r])
	}
	return found, true
}

// SentTo tells whether the message went to this address (To, Cc or Bcc).
func (m SentMail) SentTo(addr string) bool {
	addr = strings.ToLower(addr)
	for _, r := range m.Recipients {
		if r == addr {
			return true
		}
	}
	return false
}

// Agrees tells whether a date, such as that of a returned original, fits the one in Sent within a day. An unknown date
// proves nothing and does not agree.
func (m SentMail) Agrees(date time.Time) bool {
	return !date.IsZero() && !m.Date.IsZero() && m.Date.Sub(date).Abs() <= maxDateDrift
}

// Knows tells whether a From address ever wrote to this recipient.
func (s *Sent) Knows(from, recipient string) bool {
	_, ok := s.KnownSince(from, recipient)
	return ok
}

// KnownSince gives the date of the first message from an address to this recipient; zero if that message had none. A
// thief's own mail stands in Sent as well: compare with the time of the mail that is judged.
func (s *Sent) KnownSince(from, recipient string) (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.habitFor(from)
	if !ok {
		return time.Time{}, false
	}
	n, ok := s.texts[strings.ToLower(recipient)]
	if !ok {
		return time.Time{}, false
	}
	return h.recipients.since(n)
}

// recipients numbers the addresses of To, Cc and Bcc, each once.
func (s *Sent) recipients(section header.Section) []uint32 {
	var list []uint32
	seen := make(map[uint32]bool)
	for _, f := range section {
		if !f.Is("To") && !f.Is("Cc") && !f.Is("Bcc") {
			continue
		}
		for _, a := range header.Addresses(f.Value()) {
			if n := s.number(strings.ToLower(a.Addr)); n != 0 && !seen[n] && len(list) < maxSentRecipients {
				seen[n] = true
				list = append(list, n)
			}
		}
	}
	return list
}

// number gives a text its number; 0 is the empty text, and that of texts that are not kept.
func (s *Sent) number(text string) uint32 {
	if len(text) > maxSentText {
		return 0
	}
	n, ok := s.texts[text]
	if !ok && len(s.names) >= maxSentTexts {
		s.left++
		return 0
	}
	if !ok {
		text = strings.Clone(text) // it may lie in a whole header value
		n = uint32(len(s.names))
		s.texts[text] = n
		s.names = append(s.names, text)
	}
	return n
}

// merge adds the recipients of another copy of the message.
func (m *sentMail) merge(more []uint32) {
	have := make(map[uint32]bool, len(m.recipients))
	for _, r := range m.recipients {
		have[r] = true
	}
	for _, r := range more {
		if !have[r] && len(m.recipients) < maxSentRecipients {
			m.recipients = append(m.recipients, r)
		}
	}
}

// normalID gives a Message-ID without what mail programs put around it; "" if there is none.
func normalID(value string) string {
	value = strings.TrimSpace(value)
	if open := strings.IndexByte(value, '<'); open >= 0 {
		value, _, _ = strings.Cut(value[open+1:], ">")
	}
	return strings.TrimSpace(value)
}

func idKey(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

func programOf(section header.Section) string {
	for _, name := range []string{"User-Agent", "X-Mailer"} {
		if v := section.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// networkOf gives the network a client address stands for: METHOD 6 takes /24 and /48.
func networkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap().WithZone("")
	bits := 48
	if client.Is4() {
		bits = 24
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
