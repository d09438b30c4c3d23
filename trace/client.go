package trace

import (
	"net/netip"
	"strings"
)

// client is what one comment of the from clause says of the connecting host.
type client struct {
	ip         netip.Addr
	port       int
	rdns, helo string
	local      bool // no network: [local], (localhost), [unix socket], (uid N)
	auth       bool
	user       string
}

// readClient reads the from clause, the text left of the writing server's "by". Only dialects that put the address
// before the HELO are read from the left end; they are known by what stands right of "by" (METHOD 3.7).
func (h *Hop) readClient(text string, left, right []token) {
	if len(left) == 0 || left[0].comment || !left[0].is("from") {
		h.readClientless(left, right)
		return
	}
	words := left[1:]
	switch {
	case len(words) == 0:
		h.Local, h.kind = true, handover
	case webProtocol(h.Protocol):
		h.readAddressFirst(words)
		h.Local, h.kind = !h.IP.IsValid(), submitted
	case strings.EqualFold(h.Protocol, "local"):
		h.readLocal(words)
	case addressOnly[h.Software]:
		h.HELO = words[0].text
		if len(words) == 1 {
			h.IP, _ = parseAddr(words[0].text)
		}
	case h.Software == "exim" || h.Software == "communigate":
		h.readRcvhost(strings.TrimSpace(text[left[0].start+len("from"):]))
	case strings.EqualFold(h.Protocol, "NNFMP"), addressBeforeHELO[h.Software] && bracketedEarly(words):
		h.readAddressFirst(words)
	default:
		h.readHELOFirst(text, words)
	}
	if strings.EqualFold(h.Protocol, "mapi") {
		h.kind = submitted
	}
	if hasPrefixFold(h.Protocol, "pop") || hasPrefixFold(h.Protocol, "imap") ||
		h.kind == fromNetwork && !h.IP.IsValid() && hasPrefixFold(h.Protocol, "lmtp") {
		h.kind = handover // fetched from a mailbox; RFC 2033 section 5: LMTP is not for wide area networks
	}
}

// readClientless reads lines that have no from clause: a queue hand-over, a local user, a web form.
func (h *Hop) readClientless(left, right []token) {
	h.Local, h.kind = true, handover
	if webProtocol(h.Protocol) {
		h.kind = submitted
		return
	}
	if strings.EqualFold(h.Protocol, "local") {
		h.kind = reinjected
	}
	for _, t := range append(left[:len(left):len(left)], right...) {
		if !t.comment {
			continue
		}
		text := strings.ToLower(t.text)
		switch {
		case strings.HasPrefix(text, "qmail "):
			h.Software = "qmail"
		case strings.HasPrefix(text, "haraka "):
			h.Software = "haraka"
		}
		if strings.HasPrefix(text, "from ") || strings.Contains(text, "from userid ") || strings.HasPrefix(text, "uid ") ||
			strings.Contains(text, "invoked by ") {
			h.kind = reinjected
		}
	}
}

// readLocal reads what a program on the host itself handed in. Exim's trusted callers may say whose address they serve
// (-oMa, as a web mailer does): from [ADDR] (ident=USER). A user's name, which stands there else, has no brackets.
func (h *Hop) readLocal(words []token) {
	h.Local, h.kind = true, reinjected
	if h.Software == "exim" {
		h.IP, h.Port, _, _ = cutBracketed(words[0].text)
	}
}

// readRcvhost reads Exim's $sender_rcvhost (host.c, host_build_sender_fullhost) and CommuniGate's like form:
//
//	[ADDR]  [ADDR] (helo=H ident=I)  [ADDR] (port=N helo=H)  NAME ([ADDR]:N helo=H)  [ADDR] (account U HELO H)
//
// The address stands left of everything the client can write; NAME is a verified host name, one word.
func (h *Hop) readRcvhost(text string) {
	if ip, port, rest, ok := cutBracketed(text); ok {
		h.IP, h.Port = ip, port
		h.readHELOIn(strings.TrimSpace(rest))
		return
	}
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	if !strings.HasPrefix(rest, "(") || strings.HasPrefix(name, "(") {
		h.HELO = text
		return
	}
	ip, port, rest, ok := cutBracketed(rest[1:])
	if !ok {
		h.HELO = name
		return
	}
	h.IP, h.Port, h.HELO, h.RDNS = ip, port, name, name
	h.readHELOIn(strings.TrimSpace(rest))
}

// readHELOIn reads what follows the address: helo=, port=, a CommuniGate account. All of it is the client's text but
// the port, which stands first, and the account, which the server knows.
func (h *Hop) readHELOIn(text string) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "("), ")")
	if port, rest, ok := strings.Cut(text, " "); ok && strings.HasPrefix(port, "port=") {
		h.Port, text = parsePort(port[len("port="):]), rest
	}
	if user, ok := strings.CutPrefix(text, "account "); ok && h.Software == "communigate" {
		h.Auth, h.AuthUser = true, firstWord(user)
		text = strings.TrimPrefix(user, h.AuthUser+" ")
	}
	for _, mark := range []string{"helo=", "HELO "} {
		if helo, ok := strings.CutPrefix(text, mark); ok {
			h.HELO, _, _ = strings.Cut(helo, " ident=")
		}
	}
}

// bracketedEarly tells a from clause whose first or second word is an address in brackets.
func bracketedEarly(words []token) bool {
	for _, t := range words[:min(len(words), 2)] {
		if _, _, _, ok := cutBracketed(t.text); ok && !t.comment {
			return true
		}
	}
	return false
}

// readAddressFirst reads lines without a HELO, where the address is the first word: web hand-overs, fetchmail,
// MessageLabs. A login there is the web page's own.
func (h *Hop) readAddressFirst(words []token) {
	if words[0].comment {
		h.takeClient(clientOf(words[0].text))
		return
	}
	h.HELO = words[0].text
	h.IP, _ = parseAddr(words[0].text)
	if !h.IP.IsValid() && len(words) > 1 && !words[1].comment {
		h.IP, h.Port, _, _ = cutBracketed(words[1].text)
	}
	for _, t := range words[1:] {
		if c := clientOf(t.text); c.ip.IsValid() && !h.IP.IsValid() {
			h.takeClient(c)
		}
		if t.comment {
			h.readAuth(t.text)
		}
	}
}

// readHELOFirst reads the common form, from its right end: HELO (RDNS [ADDR]) and then comments that the server adds
// about TLS and login. What stands left of the address may all be HELO and is believed in nothing.
func (h *Hop) readHELOFirst(text string, words []token) {
	for i := len(words) - 1; i >= 0; i-- {
		t := words[i]
		if !t.comment {
			h.readBareEnd(words[:i+1])
			return
		}
		c := clientOf(t.text)
		if c.ip.IsValid() || c.local {
			if t.glued && h.Software != "smap" || h.ambiguous(text, c) { // smap writes NAME(ADDR), and no HELO
				return
			}
			h.takeClient(c)
			for _, added := range words[i+1:] {
				h.readAuth(added.text)
			}
			h.readNames(text, words[:i], t)
			return
		}
		if helo, ok := cutHELO(t.text); ok { // qmail's HELO comment without an address behind it
			h.HELO = helo
			return
		}
	}
}

// ambiguous tells a line of unknown software that reads as Exim's from the left, with another address than from the
// right: either end could have come from the HELO.
func (h *Hop) ambiguous(text string, right client) bool {
	if h.Software != "" || !strings.Contains(text, "helo=") {
		return false
	}
	left := Hop{}
	left.readRcvhost(strings.TrimSpace(text[strings.IndexByte(text, ' ')+1:]))
	return left.IP.IsValid() && left.IP != right.ip
}

// readBareEnd reads a from clause that ends in a word. IMail and MDaemon put the address there in brackets; for
// anybody else it may be the HELO.
func (h *Hop) readBareEnd(words []token) {
	last := words[len(words)-1]
	h.HELO = words[0].text
	if h.Software == "dma" { // from USER (uid N) (envelope-from <A>) id ID
		h.Local, h.kind = true, reinjected
		h.ID = last.text
		return
	}
	if bareAddress[h.Software] && len(words) > 1 {
		h.IP, h.Port, _, _ = cutBracketed(last.text)
	}
}

// readNames fills HELO and reverse name from what stands before the client comment: HELO (RDNS [ADDR]), or qmail's
// RDNS (HELO H) (ADDR).
func (h *Hop) readNames(text string, before []token, at token) {
	if len(before) == 0 {
		return
	}
	if last := before[len(before)-1]; last.comment && !last.glued && h.HELO == "" {
		if helo, ok := cutHELO(last.text); ok {
			h.HELO = helo
			if len(before) == 2 {
				h.RDNS = known(before[0].text)
			}
			return
		}
	}
	if h.HELO == "" {
		h.HELO = strings.TrimSpace(text[before[0].start:at.start])
	}
}

func cutHELO(text string) (helo string, ok bool) {
	for _, mark := range []string{"HELO ", "EHLO ", "LHLO "} {
		if helo, ok := strings.CutPrefix(text, mark); ok {
			return strings.TrimSpace(helo), true
		}
	}
	return "", false
}

func (h *Hop) takeClient(c client) {
	h.IP, h.Port, h.RDNS = c.ip, c.port, c.rdns
	if c.helo != "" {
		h.HELO = c.helo
	}
	if c.auth {
		h.Auth, h.AuthUser = true, c.user
	}
	if c.local {
		h.Local, h.kind = true, reinjected
	}
}

// clientOf reads the comment that names the connecting host:
//
//	RDNS [ADDR]   [ADDR]:PORT helo=H   [ADDR]:PORT "EHLO H"   ADDR   USER@ADDR   ADDR with plain   [local]   localhost
func clientOf(text string) client {
	text = strings.TrimSpace(text)
	if text == "" {
		return client{}
	}
	if ip, port, rest, ok := cutBracketed(text); ok {
		return client{ip: ip, port: port, helo: heloAfter(strings.TrimSpace(rest))}
	}
	if open := strings.LastIndexByte(text, '['); open >= 0 {
		ip, port, _, ok := cutBracketed(text[open:])
		inside := strings.ToLower(strings.TrimSuffix(text[open+1:], "]"))
		return client{ip: ip, port: port, rdns: known(text[:open]), local: !ok && (inside == "local" || inside == "unix socket")}
	}
	word, rest, _ := strings.Cut(text, " ")
	user, addr := "", word
	if at := strings.LastIndexByte(word, '@'); at >= 0 {
		user, addr = word[:at], word[at+1:]
	}
	if ip, ok := parseAddr(addr); ok && strings.IndexByte(addr, '[') < 0 {
		c := client{ip: ip}
		if mech, ok := strings.CutPrefix(rest, "with "); ok && strings.IndexByte(mech, ' ') < 0 { // Yahoo: its login
			c.auth, c.user = true, user
		}
		return c
	}
	return client{local: word == "uid" || strings.EqualFold(text, "localhost") || strings.HasSuffix(text, "@localhost") && rest == ""}
}

// heloAfter reads the HELO that follows the address in its comment.
func heloAfter(text string) string {
	if helo, ok := strings.CutPrefix(text, "helo="); ok {
		helo, _, _ = strings.Cut(helo, " ident=")
		return helo
	}
	helo, _ := cutHELO(strings.Trim(text, `"`))
	return helo
}

// known gives a reverse name as printed, "" for the words that say there is none. A name before an ident answer
// (IDENT:user@name) is cut off it.
func known(name string) string {
	name = strings.TrimSpace(name)
	if at := strings.LastIndexAny(name, " @"); at >= 0 {
		name = name[at+1:]
	}
	switch strings.ToLower(trimAngles(name)) {
	case "unknown", "unverified", "none", "":
		return ""
	}
	return strings.TrimSuffix(name, ".")
}
