package report

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ndrscan/classify"
)

// Redaction says what of a report is hidden from those it is passed on to.
type Redaction string

// The levels.
const (
	RedactNone       Redaction = "none"
	RedactRecipients Redaction = "recipients" // everybody's addresses but those of the accounts and the senders
	RedactAll        Redaction = "all"        // all addresses, logins, message ids and subjects
)

// ParseRedaction reads the value of --redact.
func ParseRedaction(name string) (Redaction, error) {
	for _, level := range []Redaction{RedactNone, RedactRecipients, RedactAll} {
		if name == string(level) {
			return level, nil
		}
	}
	return "", fmt.Errorf("redaction %q is unknown: choose none, recipients or all", Clean(name))
}

// Redactor puts pseudonyms in the place of what identifies people: keyed hashes (HMAC-SHA-256), so that the same person has
// the same pseudonym in everything that one key made, and nobody without the key can try names. Counts and joins survive.
// The domain of an address stays, and so do host names and IP addresses: the evidence is about them.
type Redactor struct {
	level Redaction
	key   []byte
}

// NewRedactor makes a redactor. The key must be secret; 32 random bytes are enough.
func NewRedactor(level Redaction, key []byte) *Redactor { return &Redactor{level, key} }

// Finding gives a finding without what is to be hidden.
func (r *Redactor) Finding(f classify.Finding) classify.Finding {
	if r.level == RedactNone {
		return f
	}
	h := r.hiding()
	h.known(&f)
	out := redacted(h, f)
	h.fields(&out, &f)
	return out
}

// Report gives a report without what is to be hidden.
func (r *Redactor) Report(rep *classify.Report) *classify.Report {
	if r.level == RedactNone {
		return rep
	}
	h := r.hiding()
	for i := range rep.Samples {
		h.known(&rep.Samples[i])
	}
	h.keep(append(slices.Clone(rep.Sources), rep.Run.Sent, rep.Run.Rerun)...)
	for _, value := range rep.Run.Flags {
		h.keep(value)
	}
	for _, i := range rep.Impersonated {
		h.keep(i.Address)
	}
	for _, a := range rep.Accounts {
		h.keep(a.Login)
		h.keep(a.MessageIDs...)
		h.logins = append(h.logins, a.Login)
	}
	out := redacted(h, rep)
	if h.all {
		for i := range out.Accounts {
			out.Accounts[i].Login = h.login(rep.Accounts[i].Login)
			for n, id := range rep.Accounts[i].MessageIDs {
				out.Accounts[i].MessageIDs[n] = h.messageID(id)
			}
		}
		for i := range out.Campaigns {
			out.Campaigns[i].Subject = h.pseudonym(rep.Campaigns[i].Subject)
		}
	}
	for i := range out.Samples {
		h.fields(&out.Samples[i], &rep.Samples[i])
	}
	return out
}

// hiding is what is hidden in one finding or report.
type hiding struct {
	*Redactor
	all      bool
	subjects []string
	logins   []string
	kept     map[string]bool // addresses that stay, in lower case
}

func (r *Redactor) hiding() *hiding {
	return &hiding{Redactor: r, all: r.level == RedactAll, kept: map[string]bool{}}
}

// known notes what a finding's fields say of the texts around them.
func (h *hiding) known(f *classify.Finding) {
	h.keep(f.Source, f.Mailbox, f.ID, f.Account)
	if o := f.Original; o != nil {
		h.keep(o.MailFrom, o.From, o.MessageID)
		h.subject(o.Subject)
	}
	if f.Origin != nil {
		h.keep(f.Origin.AuthUser)
		h.logins = append(h.logins, f.Origin.AuthUser)
	}
}

// keep lets the addresses in some texts stay where only recipients are hidden. A recipient may be one of them: somebody who
// wrote to himself, or the address that was forged.
func (h *hiding) keep(texts ...string) {
	for _, text := range texts {
		if plain := strings.ReplaceAll(text, "%40", "@"); plain != text {
			h.keep(plain)
		}
		for rest := text; ; {
			start, end := nextAddress(rest)
			if start < 0 {
				break
			}
			h.kept[strings.ToLower(rest[start:end])] = true
			rest = rest[end:]
		}
	}
}

func (h *hiding) subject(text string) {
	if text = strings.TrimSpace(text); text != "" && !slices.Contains(h.subjects, text) {
		h.subjects = append(h.subjects, text)
		slices.SortFunc(h.subjects, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
}

// text hides what is to be hidden in one text.
func (h *hiding) text(s string) string {
	// Only a sentence quotes a subject or a login; what has no blank is a name or a word of the contract.
	if !h.all || !strings.Contains(s, " ") {
		return h.addresses(s)
	}
	for _, subject := range h.subjects {
		s = replaceWord(s, subject, h.pseudonym)
	}
	for _, login := range h.logins {
		if !isAddress(login) {
			s = replaceWord(s, login, h.pseudonym)
		}
	}
	return h.addresses(s)
}

// fields hides the fields that hold nothing else, and in what a site said of a recipient his name without the domain.
func (h *hiding) fields(out, f *classify.Finding) {
	for i, r := range f.Recipients {
		out.Recipients[i].Diagnostic = h.diagnostic(r.Diagnostic, f)
	}
	if h.all && f.Origin != nil {
		out.Origin.AuthUser = h.login(f.Origin.AuthUser)
	}
	if h.all && f.Original != nil {
		out.Original.Subject = h.pseudonym(f.Original.Subject)
		out.Original.MessageID = h.messageID(f.Original.MessageID)
		h.policy(out, f.Original.MailFrom)
	}
}

// policy hides the sender's local part where an SPF record put it into a name (the macro l, RFC 7208 section 7.2).
func (h *hiding) policy(out *classify.Finding, sender string) {
	at := strings.LastIndexByte(sender, '@')
	if at < 1 {
		return
	}
	local, token := sender[:at], h.pseudonym(sender)
	if spf := out.SPF; spf != nil {
		for _, text := range []*string{&spf.Domain, &spf.Mechanism, &spf.Problem} {
			*text = replaceLabel(*text, local, token)
		}
		for i := range spf.Path {
			spf.Path[i] = replaceLabel(spf.Path[i], local, token)
		}
	}
	for i, r := range out.Reasons {
		if strings.HasPrefix(r.Code, "spf-") {
			out.Reasons[i].Text = replaceLabel(r.Text, local, token)
		}
	}
}

// diagnostic hides what is to be hidden in what a site answered. Sites speak of a mailbox by its local part alone ("no user
// joe here"), too.
func (h *hiding) diagnostic(said string, f *classify.Finding) string {
	said = h.text(said)
	hide := func(address string) {
		at := strings.LastIndexByte(address, '@')
		if at < 1 || !h.all && h.kept[strings.ToLower(address)] {
			return
		}
		local, token := strings.Trim(address[:at], `"<`), h.pseudonym(address)
		for _, written := range []string{local, strings.ToLower(local), strings.ToUpper(local)} {
			said = replaceWord(said, written, func(string) string { return token })
		}
	}
	for _, r := range f.Recipients {
		hide(r.Address)
	}
	if f.Original != nil {
		for _, to := range f.Original.To {
			hide(to)
		}
	}
	return said
}

// login is the pseudonym of a login name; one that is an address has the address's.
func (h *hiding) login(name string) string {
	if isAddress(name) {
		return h.address(name)
	}
	return h.pseudonym(name)
}

func isAddress(name string) bool {
	start, end := nextAddress(name)
	return start == 0 && end == len(name)
}

// messageID is the pseudonym of a message id; most have the form of an address and keep their domain.
func (h *hiding) messageID(id string) string {
	if strings.Contains(id, "@") {
		return h.addresses(id)
	}
	if bare := strings.Trim(id, "<>"); bare != "" {
		return strings.Replace(id, bare, h.pseudonym(bare), 1)
	}
	return id
}

// encodedAddress is an address with its @ as URLs and folders write it (RFC 3986 section 2.1).
var encodedAddress = regexp.MustCompile(`[\pL\pN\pM!#$&'*+=?^_{|}~.%-]+%40[\pL\pN\pM_-]+(\.[\pL\pN\pM_-]+)*`)

// encoded hides the addresses whose @ is encoded, but for the login in a URL, which an @ follows: it is hidden as a whole.
func (h *hiding) encoded(s string) string {
	var out strings.Builder
	from := 0
	for _, m := range encodedAddress.FindAllStringIndex(s, -1) {
		if strings.HasPrefix(s[m[1]:], "@") {
			continue
		}
		text := s[m[0]:m[1]]
		at := strings.LastIndex(text, "%40")
		if address := text[:at] + "@" + text[at+3:]; h.all || !h.kept[strings.ToLower(address)] {
			out.WriteString(s[from:m[0]] + h.pseudonym(address))
			from = m[0] + at
		}
	}
	return out.String() + s[from:]
}

func (h *hiding) addresses(s string) string {
	if strings.Contains(s, "%40") {
		s = h.encoded(s)
	}
	if !strings.Contains(s, "@") {
		return s
	}
	var out strings.Builder
	for {
		start, end := nextAddress(s)
		if start < 0 {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:start])
		out.WriteString(h.address(s[start:end]))
		s = s[end:]
	}
}

func (h *hiding) address(address string) string {
	at := strings.LastIndexByte(address, '@')
	if !h.all && h.kept[strings.ToLower(address)] {
		return address
	}
	return h.pseudonym(address) + address[at:]
}

// pseudonym stands for a name: 50 bits of a keyed hash. Nothing stays nothing.
func (r *Redactor) pseudonym(name string) string {
	if name == "" {
		return ""
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(strings.ToLower(name)))
	return "x-" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:10])
}

// nextAddress finds the next mail address in a text, or what could be read as one: the text around an @. It gives -1 for
// none.
func nextAddress(s string) (start, end int) {
	for from := 0; ; {
		at := strings.IndexByte(s[from:], '@')
		if at < 0 {
			return -1, -1
		}
		at = lastAt(s, at+from)
		start, end = localStart(s, at), at+1
		if literal := run(s[end:], inLiteral); literal > 0 && strings.HasPrefix(s[end+literal:], "]") {
			end += literal + 1
		} else {
			end += len(strings.TrimRight(s[end:end+run(s[end:], inDomain)], ".-"))
		}
		if start < at {
			return start, end
		}
		from = at + 1
	}
}

// lastAt finds the @ before the domain: the last one of what hangs together.
func lastAt(s string, at int) int {
	for {
		next := at + 1 + run(s[at+1:], func(c rune) bool { return c != '@' && (inLocal(c) || inDomain(c)) })
		if next >= len(s) || s[next] != '@' || localStart(s, next) > at {
			return at
		}
		at = next
	}
}

// run counts the bytes at the start of a text whose characters are all of one kind.
func run(s string, kind func(rune) bool) int {
	for i, c := range s {
		if !kind(c) {
			return i
		}
	}
	return len(s)
}

// localStart finds where the local part before an @ begins (RFC 5321 section 4.1.2: a dot-string or a quoted string).
func localStart(s string, at int) int {
	if at > 0 && s[at-1] == '"' {
		if open := strings.LastIndexByte(s[:at-1], '"'); open >= 0 {
			return open
		}
	}
	start := at
	for start > 0 {
		c, size := utf8.DecodeLastRuneInString(s[:start])
		if !inLocal(c) {
			break
		}
		start -= size
	}
	return start
}

// inLocal holds for the characters of an unquoted local part, an earlier @ (source routes, logins in URLs) among them.
func inLocal(c rune) bool {
	return c == '@' || c == '\\' || strings.ContainsRune("!#$%&'*+-=?^_`{|}~.", c) || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)
}

func inDomain(c rune) bool {
	return c == '.' || c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)
}

// inLiteral holds for the characters of an address literal before its ] (RFC 5321 section 4.1.3).
func inLiteral(c rune) bool {
	return c == '[' || c == '.' || c == ':' || c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

// replaceWord replaces a text where it stands by itself: not inside a longer word, name or address.
func replaceWord(s, word string, with func(string) string) string {
	return replaceWhere(s, word, with, func(before, after string) bool { return endsWord(before) && startsWord(after) })
}

// replaceLabel replaces a text where it stands in a domain name as the labels before others.
func replaceLabel(s, label, with string) string {
	return replaceWhere(s, label, func(string) string { return with }, func(before, after string) bool {
		return strings.HasPrefix(after, ".") && (endsWord(before) || strings.HasSuffix(before, "."))
	})
}

// replaceWhere replaces a text where what stands before and after it allows that.
func replaceWhere(s, text string, with func(string) string, allowed func(before, after string) bool) string {
	if text == "" || !strings.Contains(s, text) {
		return s
	}
	var out strings.Builder
	done := 0
	for from := 0; ; {
		at := strings.Index(s[from:], text)
		if at < 0 {
			return out.String() + s[done:]
		}
		at += from
		from = at + len(text)
		if allowed(s[:at], s[from:]) {
			out.WriteString(s[done:at] + with(text))
			done = from
		}
	}
}

// endsWord tells that a name which follows this text begins there.
func endsWord(before string) bool {
	c, size := utf8.DecodeLastRuneInString(before)
	return size == 0 || !inName(c)
}

// startsWord tells that a name before this text ends there; full stops at the end of a sentence end it, too.
func startsWord(after string) bool {
	c, size := utf8.DecodeRuneInString(strings.TrimLeft(after, "."))
	return size == 0 || !inName(c)
}

func inName(c rune) bool {
	return c == '.' || c == '-' || c == '_' || c == '@' || unicode.IsLetter(c) || unicode.IsDigit(c)
}

// redacted is a deep copy in which every text has been gone through.
func redacted[T any](h *hiding, v T) T {
	return mapStrings(reflect.ValueOf(&v).Elem(), h.text).Interface().(T)
}
