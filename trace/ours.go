package trace

import (
	"net/netip"
	"strings"

	"ndrscan/internal/header"
)

// ownReporter starts at the top of the original: our own server bounced it, so its lines are believed from the first.
// The origin is the address the world saw, the handing one; where the bounce never left its host, that host's.
func (w *walk) ownReporter() {
	w.o.Own, w.o.Via, w.o.Trust = true, ViaReporter, Direct
	w.o.IP, w.o.HELO, w.o.By = w.in.Reporter.IP, w.in.Reporter.HELO, w.in.Reporter.By
	if !w.o.IP.IsValid() {
		w.o.IP = w.ownAddress()
	}
	w.underOurs()
}

// ownAddress gives the address of ours that the topmost named line's writer has.
func (w *walk) ownAddress() netip.Addr {
	if top := w.namedLine(); top >= 0 {
		if ip := w.lines.at(top).ByIP; w.t.Own.flagged(ip) {
			return ip // its name may be known inside only
		}
		return w.t.ourAddress(w.ctx, w.lines.at(top).By, &w.o.DNSFailed)
	}
	return noAddr
}

// underOurs walks on below our own border (METHOD 3.3): the address that a line of ours saw proves who wrote the next
// line, whatever name that one gives itself. It ends at the line that shows who handed the message to us.
func (w *walk) underOurs() {
	w.o.Entry = EntryUnknown
	for w.at < w.lines.len() {
		h := w.lines.at(w.at)
		w.takenBy(h)
		switch {
		case h.Auth && h.kind != handover:
			w.loggedIn(h)
			return
		case h.kind == handover:
			w.step(WhyHandover, true)
		case h.kind == reinjected && w.sameHostBelow(h):
			w.lower(Stepped)
			w.step(WhyReinject, true)
		case strings.EqualFold(h.Protocol, "mapi"): // Outlook and OWA: a mailbox of ours, and no client is shown (METHOD 3.6)
			w.o.Entry, w.o.AuthShown, w.o.LoginForm = EntryAccount, true, FormMAPI
			w.step(WhyLogin, true)
			return
		case h.kind != fromNetwork:
			w.o.Entry, w.o.ClientIP = EntryScript, h.IP
			w.step(WhyScript, true)
			return
		case !h.IP.IsValid():
			w.step(WhyNoAddress, true)
			return
		case w.putBack(h):
			w.lower(Stepped)
			w.step(WhyInside, true)
		case w.t.isOurs(w.ctx, h.IP, &w.o.DNSFailed):
			w.step(WhyOwn, true)
		default:
			w.fromClient(h)
			return
		}
	}
}

// takenBy notes the line by which our host took the message.
func (w *walk) takenBy(h *Hop) {
	if h.ID != "" {
		w.o.QueueID, w.o.Software = h.ID, h.Software
	}
	if !h.Time.IsZero() && !w.t.lacks(DefenceClock) {
		w.o.Time = h.Time
	}
}

// putBack tells a line that a filter or a proxy of the same host made: its client is loopback, or an inner address with
// the next line written by the same host. An inner address alone may be a client of our network.
func (w *walk) putBack(h *Hop) bool {
	if !inner(h.IP) || w.t.Own.flagged(h.IP) || w.t.Own.Client(h.IP) || w.at+1 >= w.lines.len() {
		return false
	}
	return h.IP.IsLoopback() || w.sameHostBelow(h)
}

// fromClient ends at a client that is no server of ours and did not log in.
func (w *walk) fromClient(h *Hop) {
	w.o.ClientIP = h.IP
	switch {
	case w.o.DNSFailed:
		w.step(WhyRelay, true) // it may be a server of ours: nobody is accused
	case w.t.Own.Client(h.IP) || inner(h.IP):
		w.o.Entry = EntryHost
		w.step(WhyClient, true)
	default:
		w.o.Entry = EntryRelay
		w.step(WhyRelay, true)
	}
}

// loggedIn ends at a line that shows a login. One more line is believed only if the client is this host or a server of
// ours, and only a web hand-over: then the page's visitor is the client. A look-up that fails there is no failure of the
// walk: the line itself says who logged in.
func (w *walk) loggedIn(h *Hop) {
	w.o.Entry, w.o.AuthShown, w.o.ClientIP = EntryAccount, true, h.IP
	if w.ownForm(h) {
		w.o.AuthUser = h.AuthUser
	}
	w.o.LoginForm, w.o.LoginServer = loginForm(h), w.loginServer()
	if to := strings.ToLower(h.For); w.t.Own.Domain(header.Domain(to)) {
		w.o.OwnFor = to
	}
	w.step(WhyLogin, true)
	if webProtocol(h.Protocol) {
		w.visitor(h)
		return
	}
	if w.at == w.lines.len() || !webProtocol(w.lines.at(w.at).Protocol) {
		return
	}
	var ignored bool
	web := w.lines.at(w.at)
	if !h.IP.IsLoopback() && !w.t.isOurs(w.ctx, h.IP, &ignored) || !w.writtenAt(web, h) {
		return
	}
	if web.AuthUser != "" && w.o.AuthUser == "" {
		w.o.AuthUser = web.AuthUser
	}
	w.step(WhyWeb, true)
	w.visitor(web)
}

// FormMAPI is the LoginForm of mail from Outlook or OWA: Exchange lets a mailbox send in its own name.
const FormMAPI = "exchange mapi"

// loginForm says how a line shows its login.
func loginForm(h *Hop) string {
	switch {
	case h.AuthUser == "":
		return h.Software + " hidden"
	case strings.Contains(h.AuthUser, "@"):
		return h.Software + " address"
	}
	return h.Software + " bare"
}

// loginServer gives the address of the host that wrote the line under the finger: the client of the line above that it handed
// the message to, else the origin.
func (w *walk) loginServer() netip.Addr {
	for i := w.at - 1; i >= 0; i-- {
		if ip := w.lines.at(i).IP; ip.IsValid() && !ip.IsLoopback() {
			return ip
		}
	}
	return w.o.IP
}

// visitor takes the client from a page's line. One that names no visitor outside leaves that to X-Originating-IP, which the
// page writes; a login by SMTP from the same host could write there what it likes.
func (w *walk) visitor(web *Hop) {
	if web.IP.IsValid() {
		w.o.ClientIP = web.IP
	}
	if web.IP.IsValid() && !inner(web.IP) {
		return
	}
	if ip, ok := parseAddr(firstWord(w.in.Original.Get("X-Originating-IP"))); ok {
		w.o.ClientIP = ip
	}
}

// writtenAt tells whether a web line was written by the client of the line above: the same host by name, an inner name,
// or a name with that client's address.
func (w *walk) writtenAt(web, above *Hop) bool {
	if web.By == "" || innerName(web.By) || w.t.Own.namesOurs(web.By) {
		return true
	}
	var ignored bool
	return w.t.pointsTo(w.ctx, web.By, above.IP, &ignored)
}

// ownForm tells whether a login is shown in the form that the server which wrote the line uses: a known dialect that
// says so in its protocol, too, and a by name that is ours or an inner one. The login itself is text: other mail from
// the same server, or its log, confirms it (METHOD 3.3).
func (w *walk) ownForm(h *Hop) bool {
	if h.AuthUser == "" || h.Software == "" {
		return false
	}
	if h.Software == "postfix" && !authProtocol(h.Protocol) {
		return false
	}
	var ignored bool
	return innerName(h.By) || w.t.Own.namesOurs(h.By) || w.t.Own.flagged(h.ByIP) || w.t.pointsTo(w.ctx, h.By, w.o.IP, &ignored)
}
