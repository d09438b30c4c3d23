package trace

import (
	"strings"
)

// softwareMark tells who wrote a line, by what stands right of "by": nothing there is the client's text.
type softwareMark struct {
	name     string
	comment  string // a comment there begins so
	protocol string // the protocol begins so
	by       string // the by name ends so
	via      string // the word behind "via" is this
	beside   string // a dash and these words follow the by name
	last     string // a comment there ends with a comment that begins so
}

// softwareMarks, first match wins. Sources: the servers' own code or documentation, and lines in the field.
var softwareMarks = []softwareMark{
	{name: "postfix", comment: "postfix"}, // smtpd.c, pickup.c, cleanup_message.c
	{name: "exim", comment: "exim "},      // received_header_text
	{name: "opensmtpd", comment: "opensmtpd"},
	{name: "haraka", comment: "haraka/"},
	{name: "chasquid", comment: "chasquid"},
	{name: "dma", comment: "dragonfly mail agent"},
	{name: "amavis", comment: "amavis"},
	{name: "james", comment: "james "},
	{name: "communigate", comment: "communigate pro smtp"},
	{name: "mdaemon", comment: "mdaemon"},
	{name: "imail", comment: "smtpd32-"},
	{name: "imail", comment: "smtpd-"},
	{name: "domino", comment: "lotus domino"},
	{name: "domino", comment: "ibm domino"},
	{name: "domino", comment: "hcl domino"},
	{name: "fetchmail", comment: "fetchmail-"},
	{name: "mxlogic", comment: "mxl_mta-"},
	{name: "powermta", comment: "powermta"},
	{name: "qpsmtpd", comment: "qpsmtpd/"},
	{name: "qmail", comment: "qmail-ldap"},
	{name: "oracle", comment: "oracle communications messaging"},
	{name: "maddy", comment: "envelope-sender <"},
	{name: "interscan", comment: "interscan e-mail viruswall"},
	{name: "email-firewall", last: "(email firewall v"}, // Tumbleweed: (COMPANY SMTP Relay (Email Firewall v6.3))
	{name: "postmaster", comment: "postmaster.v"},
	{name: "surfcontrol", beside: "surfcontrol e-mail filter"},
	{name: "mail2000", protocol: "mail2000 esmtp server"},
	{name: "mail2000", protocol: "mailaudit esmtp server"}, // its filter, same form
	{name: "emfmta", protocol: "emfmta"},
	{name: "smap", via: "smap"},  // TIS firewall toolkit
	{name: "smap", via: "csmap"}, // Gauntlet
	{name: "usanet", via: "mtad"},
	{name: "usanet", via: "smtad"},
	{name: "exchange", protocol: "microsoft smtp server"},
	{name: "exchange", protocol: "mapi"},
	{name: "microsoft-smtp", protocol: "microsoft smtpsvc"},
	{name: "google", by: ".google.com"},
	{name: "google", by: ".gmail.com"},
	{name: "yahoo", by: ".yahoo.com"},
	{name: "messagelabs", by: ".messagelabs.com"},
}

// addressBeforeHELO: these print [ADDR], or one word and [ADDR], and no HELO or the HELO behind it.
var addressBeforeHELO = map[string]bool{"messagelabs": true, "mxlogic": true}

// bareAddress: these print "NAME [ADDR]" without parentheses, whatever NAME is.
var bareAddress = map[string]bool{"imail": true, "mdaemon": true, "fetchmail": true, "surfcontrol": true, "postmaster": true, "usanet": true}

// addressOnly: these print the client's address, bare or in brackets, and never a HELO. Their clients are mail servers that
// say a name in their HELO, and no name is seen there.
var addressOnly = map[string]bool{"interscan": true, "email-firewall": true, "mail2000": true}

// softwareOf finds the writer of a line; via is what stands behind that word.
func softwareOf(h *Hop, right []token, via string) string {
	if i := marked(h, right, via); i < len(softwareMarks) {
		return softwareMarks[i].name
	}
	switch {
	case eximID(h.ID) && h.Protocol == strings.ToLower(h.Protocol): // Exim writes its protocols in lower case
		return "exim"
	case courierID(h.ID):
		return "courier"
	case sendmailVersion(right):
		return "sendmail"
	}
	return ""
}

// marked gives the first row that fits, len(softwareMarks) if none does. Only rows that begin with the letters seen in the
// line are held against it.
func marked(h *Hop, right []token, via string) int {
	first := len(softwareMarks)
	try := func(rows []int) {
		for _, i := range rows {
			if i < first && softwareMarks[i].fits(h, right, via) {
				first = i
			}
		}
	}
	try(marksByLetter.protocol[letterOf(h.Protocol)])
	for i := 1; i < len(right); i++ {
		if right[i].comment {
			try(marksByLetter.comment[letterOf(right[i].text)])
			try(marksByLetter.others)
		}
	}
	if via != "" || len(right) > 1 && right[1].is("-") {
		try(marksByLetter.others)
	}
	if hasSuffixFold(h.By, ".com") {
		try(marksByLetter.by)
	}
	return first
}

// fits tells whether a line bears the mark.
func (m *softwareMark) fits(h *Hop, right []token, via string) bool {
	switch {
	case m.protocol != "":
		return hasPrefixFold(h.Protocol, m.protocol)
	case m.by != "":
		return hasSuffixFold(h.By, m.by)
	case m.via != "":
		return strings.EqualFold(via, m.via)
	case m.beside != "":
		return beside(right, m.beside)
	case m.last != "":
		return hasLastComment(right, m.last)
	}
	return hasComment(right, m.comment)
}

// letterOf gives a place for the letter that a text begins with.
func letterOf(s string) byte {
	if s == "" {
		return 0
	}
	return s[0] & 0x1f
}

// marksByLetter are the rows of softwareMarks, by what they look at and how that begins.
var marksByLetter = func() (by struct {
	comment, protocol [32][]int
	by, others        []int
}) {
	for i, m := range softwareMarks {
		switch {
		case m.comment != "":
			by.comment[letterOf(m.comment)] = append(by.comment[letterOf(m.comment)], i)
		case m.protocol != "":
			by.protocol[letterOf(m.protocol)] = append(by.protocol[letterOf(m.protocol)], i)
		case m.by != "":
			by.by = append(by.by, i)
		default:
			by.others = append(by.others, i)
		}
	}
	return by
}()

func hasComment(list []token, prefix string) bool {
	for i := range list {
		if list[i].comment && hasPrefixFold(list[i].text, prefix) {
			return true
		}
	}
	return false
}

// hasLastComment tells a comment with another at its end that begins so and holds no more than a version: an envelope sender,
// which some print in a comment, can't end so.
func hasLastComment(list []token, prefix string) bool {
	for _, t := range list {
		at := strings.LastIndexByte(t.text, '(')
		if t.comment && at >= 0 && hasPrefixFold(t.text[at:], prefix) && strings.Trim(t.text[at+len(prefix):], "0123456789.") == ")" {
			return true
		}
	}
	return false
}

// beside tells "by NAME - WORDS".
func beside(right []token, words string) bool {
	if len(right) < 3 || !right[1].is("-") {
		return false
	}
	i := 2
	for word := range strings.FieldsSeq(words) {
		if i == len(right) || !right[i].is(word) {
			return false
		}
		i++
	}
	return true
}

// eximID tells Exim's message ids: six, six and two letters or digits; since 4.97 six, eleven and four.
func eximID(id string) bool {
	switch len(id) {
	case 16:
		return id[6] == '-' && id[13] == '-'
	case 23:
		return id[6] == '-' && id[18] == '-'
	}
	return false
}

// courierID tells Courier's queue ids: inode, time and process in upper-case hexadecimal.
func courierID(id string) bool {
	parts := strings.Split(id, ".")
	if len(parts) != 3 || len(id) > 60 {
		return false
	}
	for _, part := range parts {
		if len(part) < 8 || strings.Trim(part, "0123456789ABCDEF") != "" {
			return false
		}
	}
	return true
}

// sendmailVersion tells Sendmail's (VERSION/CONFIG) behind the by name.
func sendmailVersion(right []token) bool {
	return len(right) > 1 && right[1].comment && len(right[1].text) > 3 && right[1].text[0] == '8' &&
		right[1].text[1] == '.' && strings.IndexByte(right[1].text, '/') > 0
}

// authProtocols are the protocols that say the client logged in (RFC 3848, RFC 6531 section 4.3; Exim before 4.60 and
// IceWarp write ASMTP; the word AUTH follows ESMTP in some).
var authProtocols = map[string]bool{
	"ESMTPA": true, "ESMTPSA": true, "LMTPA": true, "LMTPSA": true, "UTF8SMTPA": true, "UTF8SMTPSA": true,
	"UTF8LMTPA": true, "UTF8LMTPSA": true, "UTF8ESMTPA": true, "UTF8ESMTPSA": true, "ASMTP": true, "AUTH": true,
}

func authProtocol(protocol string) bool {
	for word := range strings.FieldsSeq(protocol) {
		last := word[len(word)-1] | 0x20
		if (last == 'a' || last == 'p' || last == 'h') && authProtocols[strings.ToUpper(word)] {
			return true
		}
	}
	return false
}

// webProtocol tells that a page took the message: there is no HELO then.
func webProtocol(protocol string) bool {
	if !hasPrefixFold(protocol, "http") {
		return false
	}
	first, _, _ := strings.Cut(strings.ToUpper(protocol), " ")
	return first == "HTTP" || first == "HTTPS" || first == "HTTPREST" || first == "HTTPU"
}

// authMarks are the comments that name a login; the login follows, up to a blank or comma.
var authMarks = []string{
	"authenticated sender: ",           // Postfix, smtpd_sasl_authenticated_header
	"authenticated as ",                // Exim recipes, Zimbra
	"authenticated user ",              // Kerio
	"squirrelmail authenticated user ", //
	"authenticated user=",              //
}

// readAuth reads a comment that the server added behind the client's address.
func (h *Hop) readAuth(text string) {
	for _, mark := range authMarks {
		if hasPrefixFold(text, mark) {
			h.Auth, h.AuthUser = true, login(text[len(mark):])
			return
		}
	}
	switch {
	case hasPrefixFold(text, "auth: "): // Courier: AUTH: LOGIN user, TLS: ...
		if words := strings.Fields(text); len(words) > 2 {
			h.Auth, h.AuthUser = true, login(words[2])
		}
	case strings.EqualFold(text, "authenticated"), hasPrefixFold(text, "authenticated bits="): // Sendmail
		h.Auth = true
	}
}

// hasSuffixFold tells the same of the end of s.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// hasPrefixFold tells whether s begins with prefix, which is in lower case ASCII; case does not count.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && s[0]|0x20 == prefix[0] && strings.EqualFold(s[:len(prefix)], prefix)
}

func login(s string) string {
	s = firstWord(s)
	return strings.Trim(s, ",<>")
}
