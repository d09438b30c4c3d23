package proof

import (
	"net/netip"
	"strings"
)

// A dialect's reader answers with one of these.
type logAnswer int

const (
	foreign logAnswer = iota // the line is not of this software
	passes                   // it is, and says nothing about a message
	tells                    // the fact is filled in
)

// logDialects are the mail servers whose logs are read, from memory of their sources: what writes each line is named where
// it is read. Everything that a client chose (HELO, addresses, Message-ID, subject, reverse name) can look like another
// field: fields are taken from their fixed places, and a line that could be read in two ways tells nothing (METHOD 3.7).
var logDialects = []struct {
	name string
	read func(*loginLines, logLine, *logFact) logAnswer
}{
	{"postfix", readPostfix},
	{"sendmail", readSendmail},
	{"exim", readExim},
}

// postfixPrograms are the programs of Postfix that write about one message, by the last part of the tag: postfix/smtpd,
// postfix/submission/smtpd, postfix-out/smtp.
var postfixPrograms = map[string]func(text string, f *logFact) bool{
	"smtpd":   postfixClient, // smtpd.c: QUEUE: client=NAME[IP], sasl_method=M, sasl_username=U
	"pickup":  postfixPickup, // pickup.c: QUEUE: uid=33 from=<www-data>
	"cleanup": postfixCleanup,
	"qmgr":    postfixQueue, // qmgr_active.c: QUEUE: from=<A>, size=1, nrcpt=1 (queue active)
	"nqmgr":   postfixQueue,
	"oqmgr":   postfixQueue,
	"smtp":    postfixDelivery, // log_adhoc.c: QUEUE: to=<A>, orig_to=<B>, relay=NAME[IP]:25, ..., status=sent (TEXT)
	"lmtp":    postfixDelivery,
	"relay":   postfixDelivery,
	"local":   postfixDelivery,
	"virtual": postfixDelivery,
	"pipe":    postfixDelivery,
	"error":   postfixDelivery,
	"retry":   postfixDelivery,
	"discard": postfixDelivery,
}

func readPostfix(_ *loginLines, line logLine, f *logFact) logAnswer {
	slash := strings.LastIndexByte(line.program, '/')
	if slash < 0 {
		return foreign
	}
	read, known := postfixPrograms[line.program[slash+1:]]
	queue, text, found := strings.Cut(line.text, ": ")
	if !known || !found || !isQueueID(queue) || !read(text, f) {
		return passes
	}
	f.queue = queue
	return tells
}

// isQueueID tells the queue ids of Postfix and Sendmail: letters and digits, and more than a word like NOQUEUE or warning.
func isQueueID(s string) bool {
	if len(s) < 5 || len(s) > 24 {
		return false
	}
	digit := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		isDigit := '0' <= c && c <= '9'
		if !isDigit && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
		digit = digit || isDigit
	}
	return digit || strings.Trim(s, "ABCDEF") == ""
}

// postfixClient reads the line that begins a message. With XFORWARD the filter before it says where the message really
// came from, which only clients may do that smtpd_authorized_xforward_hosts names.
func postfixClient(text string, f *logFact) bool {
	text, ok := strings.CutPrefix(text, "client=")
	if !ok {
		return false
	}
	f.name, f.client, text, ok = cutNamedIP(text)
	if !ok {
		return false
	}
	f.born = true
	for field := range strings.SplitSeq(text, ", ") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "sasl_method":
			f.auth = true
		case "sasl_username":
			f.auth, f.login = true, value
		case "orig_queue_id":
			f.cameFrom = value
		}
	}
	return true
}

func postfixPickup(text string, f *logFact) bool {
	text, ok := strings.CutPrefix(text, "uid=")
	if !ok {
		return false
	}
	uid, from, _ := strings.Cut(text, " from=<")
	f.born, f.local, f.sender = true, "uid "+uid, nullSender(strings.TrimSuffix(from, ">"))
	return true
}

func postfixCleanup(text string, f *logFact) bool {
	id, ok := strings.CutPrefix(text, "message-id=")
	f.messageID = id
	return ok && normalID(id) != ""
}

func postfixQueue(text string, f *logFact) bool {
	text, ok := strings.CutPrefix(text, "from=<")
	end := strings.LastIndex(text, ">, size=")
	if !ok || end < 0 {
		return false
	}
	f.sender = nullSender(text[:end])
	return true
}

func postfixDelivery(text string, f *logFact) bool {
	text, ok := strings.CutPrefix(text, "to=<")
	if !ok {
		return false
	}
	to, rest, ok := strings.Cut(text, ">, ")
	if !ok {
		return false
	}
	f.recipients = []string{to}
	if original, more, found := strings.Cut(strings.TrimPrefix(rest, "orig_to=<"), ">, "); found && strings.HasPrefix(rest, "orig_to=<") {
		f.recipients, rest = append(f.recipients, original), more
	}
	_, status, found := strings.Cut(rest, ", status=")
	if !found {
		return true
	}
	status, reply, _ := strings.Cut(status, " (")
	f.status = logStatus[strings.ToLower(status)]
	if relay, found := strings.CutPrefix(rest, "relay="); found && f.status == "sent" {
		if _, ip, _, ok := cutNamedIP(relay); ok && ip.IsLoopback() {
			f.became = queuedAs(reply)
		}
	}
	return true
}

// logStatus are the words of the logs for what became of a recipient.
var logStatus = map[string]string{
	"sent": "sent", "delivered": "sent", "deliverable": "", "deferred": "deferred", "bounced": "failed", "expired": "failed",
	"undeliverable": "failed", "failed": "failed", "fail": "failed", "pending": "deferred", "expanded": "sent",
	"queued": "deferred", "bounce": "failed", "rejected": "failed", "success": "sent",
}

// queuedAs reads the queue id in the reply of the next process on this server: Postfix's "Ok: queued as ID", also where a
// filter quotes it, or Sendmail's "ID Message accepted for delivery".
func queuedAs(reply string) string {
	if at := strings.LastIndex(reply, "queued as "); at >= 0 {
		id := reply[at+len("queued as "):]
		if end := strings.IndexFunc(id, func(r rune) bool { return r == ')' || r == ' ' || r == ',' || r == '>' }); end >= 0 {
			id = id[:end]
		}
		return id
	}
	if before, _, found := strings.Cut(reply, " Message accepted for delivery"); found {
		return before[strings.LastIndexAny(before, " (")+1:]
	}
	return ""
}

// cutNamedIP takes NAME[IP] with or without a port: the name is from DNS, so the last bracket before the next field counts
// and nothing may stand behind it but that.
func cutNamedIP(text string) (name string, ip netip.Addr, rest string, ok bool) {
	field, rest, _ := strings.Cut(text, ", ")
	name, inner, found := strings.Cut(field, "[")
	literal, port, closed := strings.Cut(inner, "]")
	if !found || !closed || strings.Trim(strings.TrimPrefix(port, ":"), "0123456789") != "" {
		return "", netip.Addr{}, text, false
	}
	ip = parseIP(literal)
	return strings.TrimSpace(name), ip, rest, ip.IsValid()
}

func nullSender(addr string) string {
	if addr == "" {
		return "<>"
	}
	return addr
}

// loginLines remembers Sendmail's logins until the message comes that they belong to. A process serves one connection.
type loginLines struct {
	byProcess map[string]sendmailLogin
}

type sendmailLogin struct {
	client netip.Addr
	login  string
}

// maxLogins bounds the connections remembered; past it all are forgotten, which loses a login and invents none.
const maxLogins = 10_000

func (l *loginLines) put(process string, login sendmailLogin) {
	if l.byProcess == nil || len(l.byProcess) >= maxLogins {
		l.byProcess = map[string]sendmailLogin{}
	}
	l.byProcess[strings.Clone(process)] = login
}

// readSendmail reads QUEUE: KEY=VALUE, KEY=VALUE, ... of sendmail, sm-mta and sm-msp-queue.
func readSendmail(logins *loginLines, line logLine, f *logFact) logAnswer {
	if !strings.HasPrefix(line.program, "sendmail") && !strings.HasPrefix(line.program, "sm-") {
		return foreign
	}
	text := line.text
	if queue, rest, found := strings.Cut(text, ": "); found && (isQueueID(queue) || queue == "NOQUEUE") {
		f.queue, text = queue, rest
	}
	switch {
	case strings.HasPrefix(text, "AUTH=server, "): // srvrsmtp.c: before the message, often without a queue id
		readSendmailLogin(logins, line.process, text)
		return passes
	case strings.HasPrefix(text, "STARTTLS=server, "), strings.Contains(text, " did not issue "):
		return passes
	case f.queue == "" || f.queue == "NOQUEUE":
		return passes
	case strings.HasPrefix(text, "from="):
		readSendmailFrom(logins, line.process, text, f)
		return tells
	case strings.HasPrefix(text, "to="):
		return readSendmailTo(text, f)
	}
	return passes
}

// readSendmailLogin reads AUTH=server, relay=NAME [IP], authid=USER, mech=M, bits=0. The name of the relay can't hold a
// comma; the user is one who knew a password.
func readSendmailLogin(logins *loginLines, process, text string) {
	_, relay, _ := strings.Cut(text, "relay=")
	relay, rest, found := strings.Cut(relay, ", authid=")
	end := strings.LastIndex(rest, ", mech=")
	if !found || end < 0 || process == "" {
		return
	}
	if _, ip := sendmailRelay(relay); ip.IsValid() {
		logins.put(process, sendmailLogin{ip, strings.Clone(rest[:end])})
	}
}

// readSendmailFrom reads from=<A>, size=1, class=0, nrcpts=1, msgid=<ID>, proto=ESMTP, daemon=MTA, relay=NAME [IP]
// (envelope.c, logsender). The sender and the Message-ID are the client's; the fields around them are taken from both ends.
func readSendmailFrom(logins *loginLines, process, text string, f *logFact) {
	f.born = true
	text = strings.TrimPrefix(text, "from=")
	at := strings.LastIndex(text, ", relay=")
	if at < 0 {
		return
	}
	relay := text[at+len(", relay="):]
	f.name, f.client = sendmailRelay(relay)
	if user, host, found := strings.Cut(relay, "@"); found && host == "localhost" {
		f.local, f.name = user, "" // handed to the program itself
	}
	if end := strings.Index(text, ", size="); end >= 0 {
		f.sender = nullSender(strings.Trim(text[:end], "<>"))
	}
	if _, id, found := strings.Cut(text[:at], ", msgid="); found {
		if end := strings.IndexByte(id, '>'); end >= 0 {
			f.messageID = id[:end+1]
		}
	}
	if login, ok := logins.byProcess[process]; ok && f.client.IsValid() && login.client == f.client {
		f.auth, f.login = true, login.login
	}
}

// readSendmailTo reads to=<A>,<B>, ctladdr=..., mailer=esmtp, relay=NAME [IP], dsn=2.0.0, stat=Sent (TEXT) (deliver.c,
// logdelivery).
func readSendmailTo(text string, f *logFact) logAnswer {
	text = strings.TrimPrefix(text, "to=")
	list, rest, found := strings.Cut(text, ", ")
	if !found {
		return passes
	}
	for part := range strings.SplitSeq(list, ",") {
		f.recipients = append(f.recipients, strings.Trim(part, "<> "))
	}
	_, status, _ := strings.Cut(rest, ", stat=")
	word, _, _ := strings.Cut(status, " ")
	f.status = logStatus[strings.ToLower(strings.Trim(word, ":"))]
	if strings.Contains(rest, ", dsn=5.") {
		f.status = "failed"
	}
	if _, relay, ok := strings.Cut(rest, ", relay="); ok && f.status == "sent" {
		relay, _, _ = strings.Cut(relay, ", ")
		if _, ip := sendmailRelay(relay); ip.IsLoopback() {
			f.became = queuedAs(status)
		}
	}
	return tells
}

// sendmailRelay reads NAME [IP], NAME [IP] (may be forged), [IP] or USER@NAME [IP].
func sendmailRelay(text string) (name string, ip netip.Addr) {
	open := strings.LastIndexByte(text, '[')
	if open < 0 {
		return "", netip.Addr{}
	}
	literal, _, _ := strings.Cut(text[open+1:], "]")
	name = strings.TrimSpace(text[:open])
	return name[strings.LastIndexByte(name, '@')+1:], parseIP(literal)
}

// eximArrows are the flags of Exim's main log for what became of a recipient (its specification, "Log files").
var eximArrows = map[string]string{
	"=>": "sent", "->": "sent", ">>": "sent", "**": "failed", "==": "deferred", "*>": "",
}

// readExim reads ID <= SENDER H=... A=... and ID => RECIPIENT ...
func readExim(_ *loginLines, line logLine, f *logFact) logAnswer {
	if line.program != "" && !strings.HasPrefix(line.program, "exim") {
		return foreign
	}
	id, text, _ := strings.Cut(line.text, " ")
	if !isEximID(id) {
		if line.program == "" {
			return foreign
		}
		return passes
	}
	f.queue = id
	arrow, text, _ := strings.Cut(text, " ")
	if arrow == "<=" {
		return readEximArrival(text, f)
	}
	status, known := eximArrows[arrow]
	if !known {
		return passes
	}
	f.status = status
	words := eximWords(text)
	for i, w := range words {
		switch {
		case i == 0:
			f.recipients = append(f.recipients, strings.TrimSuffix(w, ":"))
		case i == 1 && strings.HasPrefix(w, "<") || i == 2 && strings.HasPrefix(words[1], "("): // the address before aliases
			f.recipients = append(f.recipients, strings.Trim(w, "<>:"))
		}
	}
	if len(f.recipients) == 0 {
		return passes
	}
	return tells
}

// isEximID tells Exim's message ids: 6-6-2 letters and digits, 6-11-4 since 4.97.
func isEximID(s string) bool {
	if len(s) != 16 && len(s) != 23 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if dash := i == 6 || i == len(s)-3 && len(s) == 16 || i == len(s)-5 && len(s) == 23; dash != (c == '-') {
			return false
		}
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// readEximArrival reads SENDER H=NAME (HELO) [IP]:PORT P=esmtpsa A=plain:USER S=1 id=ID T="SUBJECT" for RECIPIENT...
//
// HELO, sender, id and subject are the client's. Blanks in them stand in quotes or brackets, which eximWords minds; a HELO
// that breaks out of its brackets makes a second H=, P= or A=, or one in the wrong order: then nothing but the id is
// believed.
func readEximArrival(text string, f *logFact) logAnswer {
	f.born = true
	words := eximWords(text)
	if len(words) == 0 {
		return passes
	}
	f.sender = words[0]
	fields, places, clean := eximFields(words[1:])
	f.messageID = fields["id"]
	if at, ok := places["for"]; ok {
		f.recipients = words[1+at+1:]
	}
	if !clean {
		return tells
	}
	if local := strings.HasPrefix(fields["P"], "local"); local {
		f.local = fields["U"] // with any other P= it is what the client's ident server says (RFC 1413)
		return tells
	}
	f.client = eximClient(words[1+places["H"] : 1+places["P"]])
	if login, ok := fields["A"]; ok {
		f.auth = true
		_, f.login, _ = strings.Cut(login, ":")
	}
	return tells
}

// eximFields reads the KEY=VALUE words. clean is false where what the client wrote may have broken out of its place.
func eximFields(words []string) (fields map[string]string, places map[string]int, clean bool) {
	fields, places, clean = map[string]string{}, map[string]int{}, true
	for i, w := range words {
		if w == "for" {
			places["for"] = i
			break
		}
		key, value, found := strings.Cut(w, "=")
		if !found || len(key) > 4 {
			continue
		}
		if _, twice := places[key]; twice && strings.Contains("HPAU", key) {
			clean = false
		}
		fields[key], places[key] = value, i
	}
	protocol, ok := places["P"]
	if !ok || places["H"] > protocol {
		return fields, places, false
	}
	if login, ok := places["A"]; ok && login < protocol {
		clean = false
	}
	return fields, places, clean
}

// eximClient finds the one bracketed address between H= and P= that Exim wrote itself: [IP] or [IP]:PORT, outside the
// brackets of the HELO. I=[IP]:25 is the server's own.
func eximClient(words []string) (client netip.Addr) {
	for _, w := range words {
		w = strings.TrimPrefix(w, "H=")
		if !strings.HasPrefix(w, "[") {
			continue
		}
		literal, _, _ := strings.Cut(w[1:], "]")
		if client.IsValid() {
			return netip.Addr{}
		}
		client = parseIP(literal)
	}
	return client
}

// eximWords cuts at blanks outside "..." and (...). A mark that never closes is text.
func eximWords(text string) []string {
	var words []string
	start := 0
	var unclosed [2]bool // looking again for an end that isn't there would be quadratic
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			if i > start {
				words = append(words, text[start:i])
			}
			i++
			start = i
		case (c == '"' || c == '(') && !unclosed[c&1]:
			n := closing(text[i:])
			unclosed[c&1] = n < 0
			i += max(n, 0) + 1
		default:
			i++
		}
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// closing gives the place of the mark that closes a quote or bracket at the start of a text, -1 if there is none.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case text[0] == '"':
			if c == '"' && i > 0 {
				return i
			}
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
