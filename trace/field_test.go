package trace_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ndrscan/internal/header"
	"ndrscan/trace"
)

// The truth about the Received lines of real mail is found here by a way of its own: whole lines are matched from the left,
// form by form, as one may where no client writes what frames others. The package reads from the right and shares no code.

// role says what an address literal is in its line.
type role byte

const (
	client    role = 'c' // the address that the writing server saw
	name      role = 'n' // what the client called itself, or what DNS calls it
	writer    role = 'b' // the writing server's own
	rcpt      role = 'f' // in the recipient
	reverse   role = 'e' // in the reverse-path
	noRole    role = '-' // a version, an id, a clock
	unsettled role = '?' // no form matches
)

// literal is one address in a line.
type literal struct {
	ip   netip.Addr
	text string
	at   int
}

var literalText = regexp.MustCompile(`(?i)(?:ipv6:)?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,}(?:\.\d+){0,3}|\d+\.\d+\.\d+\.\d+`)

// literalsOf finds the addresses of a line: no part of a longer name or number.
func literalsOf(value string) []literal {
	var list []literal
	for _, at := range literalText.FindAllStringIndex(value, -1) {
		text := value[at[0]:at[1]]
		bare := text
		if len(text) > 5 && strings.EqualFold(text[:5], "ipv6:") {
			bare = text[5:]
		}
		ip, err := netip.ParseAddr(bare)
		before, after := value[:at[0]], value[at[1]:]
		if err != nil || wordBefore.MatchString(before) || wordAfter.MatchString(after) {
			continue
		}
		list = append(list, literal{ip.Unmap(), text, at[0]})
	}
	return list
}

var (
	wordBefore = regexp.MustCompile(`[\w.-]$`)
	wordAfter  = regexp.MustCompile(`^(?:[\w-]|\.\w)`)
	blanks     = regexp.MustCompile(`[\s\x00]+`)
)

// In the forms, @ stands for a literal; the one in parentheses is the client's. A form with a second pattern holds only
// where what stands behind "by" matches it.
var clientForms = []struct{ left, right string }{
	{`^from \S+ \([EHL]{2}LO [^()]*\) \((?:\S+&)?\[?(@)\]?(?: with \w+)?\)(?: \(.*\))?$`, ``},        // RDNS (HELO H) (@), (USER@@)
	{`^from (?:\S+ )?\( ?(?:\S+ |\S+&)?\[(@)\](?::\d+)?(?: [^()]*| \(.*\))?\)(?: \(.*\))?;?$`, ``},   // HELO (RDNS [@])
	{`^from (?:\S+ )?\((?:\S+&)?(@)(?: with \w+)?\)$`, ``},                                           // HELO (@)
	{`^from \[(@)\](?::\d+)? \((?:account|helo=|ident=|port=|HELO|\S+ helo=|\S+(?: \w+)?\)).*$`, ``}, // Exim, CommuniGate: [@] (helo=H)
	{`^from \[?(@)\]?(?: \(SquirrelMail .*\);?)?$`, `(?i)(?:with|via) HTTP|NNFMP|Mail2000|MailAudit|InterScan E-Mail VirusWall NT|Email Firewall v|mailnotify`},
	{`^from \[(@)\](?: \(using .*\))?$`, `messagelabs| id [0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}\b`},
	{`^from \S+ \[(@)\](?: \(EHLO .*\))?$`, ``}, // NAME [@]
	{`^from \S+\((@)\)$`, `via c?smap`},
}

type form struct{ left, right *regexp.Regexp }

var forms = func() (list []form) {
	for _, f := range clientForms {
		list = append(list, form{regexp.MustCompile("(?i)" + f.left), regexp.MustCompile(f.right)})
	}
	return list
}()

// oddLines are those that no form fits, each read by eye: file and number of the Received line in it.
var oddLines = map[string]string{
	"flufl__bounce__tests__data__dsn_14.txt#2":     "c",
	"maildir__bsd__lhost-amavis-03.eml#2":          "c",
	"maildir__bsd__lhost-messagingserver-02.eml#3": "c",
	"maildir__bsd__rhost-franceptt-03.eml#2":       "c",
}

// rolesOf gives the role of each literal.
func rolesOf(key, value string, list []literal) []role {
	if odd, ok := oddLines[key]; ok {
		return []role(odd)
	}
	masked, places := mask(value, list)
	left, right := masked, ""
	if by := regexp.MustCompile(`(?i)(?:^|[ )])by `).FindStringIndex(masked); by != nil {
		left, right = strings.TrimSpace(masked[:by[1]-3]), masked[by[1]-3:]
	}
	roles := make([]role, len(list))
	at := clientPlace(left, right)
	for i, place := range places {
		switch {
		case place >= len(masked)-len(right):
			roles[i] = roleRight(masked[len(masked)-len(right):place], masked[place+1:])
		case place == at:
			roles[i] = client
		case at >= 0:
			roles[i] = name
		case regexp.MustCompile(`^from \[?@\]?$`).MatchString(left):
			roles[i] = name // all that is there, from a server that prints the HELO so
		default:
			roles[i] = unsettled
		}
	}
	return roles
}

// mask squeezes white space and puts @ for each literal.
func mask(value string, list []literal) (masked string, places []int) {
	from := 0
	for _, l := range list {
		masked += blanks.ReplaceAllString(strings.ReplaceAll(value[from:l.at], "@", "&"), " ")
		places = append(places, len(masked))
		masked += "@"
		from = l.at + len(l.text)
	}
	return masked + blanks.ReplaceAllString(strings.ReplaceAll(value[from:], "@", "&"), " "), places
}

// clientPlace finds the client's address left of "by", -1 if no form fits.
func clientPlace(left, right string) int {
	for _, f := range forms {
		if m := f.left.FindStringSubmatchIndex(left); m != nil && f.right.MatchString(right) {
			return m[2]
		}
	}
	return -1
}

var (
	byPlace  = regexp.MustCompile(`(?i)^by (?:\[?|\S+ [(\[]{1,2}|\S+ \(\S* \[)$`)
	forPlace = regexp.MustCompile(`(?i) for <?[^\s>]*$`)
	envPlace = regexp.MustCompile(`(?i)envelope.{0,10}<?[^\s>]*$`)
)

// roleRight judges a literal by what stands before it, from "by" on. Sendmail's versions have the shape of addresses.
func roleRight(before, after string) role {
	switch {
	case strings.HasPrefix(after, "/"):
		return noRole
	case forPlace.MatchString(before):
		return rcpt
	case envPlace.MatchString(before):
		return reverse
	case byPlace.MatchString(before):
		return writer
	}
	return noRole
}

// misread tells what is wrong with a hop, "" if every literal has its role.
func misread(h trace.Hop, list []literal, roles []role) string {
	seen := false
	for i, l := range list {
		switch roles[i] {
		case client:
			seen = true
			if h.IP != l.ip {
				return fmt.Sprintf("client %v, not %v", h.IP, l.ip)
			}
		case name:
			if !strings.Contains(h.HELO+" "+h.RDNS, l.text) && h.IP != l.ip { // some print the address for a missing name, too
				return fmt.Sprintf("%v is in no name", l.text)
			}
		case writer:
			if h.ByIP != l.ip {
				return fmt.Sprintf("by %v, not %v", h.ByIP, l.ip)
			}
		case rcpt:
			if !strings.Contains(h.For, l.text) {
				return "not in for"
			}
		case reverse:
			if !strings.Contains(h.EnvelopeFrom, l.text) {
				return "not in the reverse-path"
			}
		case noRole:
			if h.ByIP == l.ip {
				return "no address of the writer's"
			}
		default:
			return "no form fits the line: say in oddLines what it means"
		}
	}
	if h.IP.IsValid() && !seen {
		return fmt.Sprintf("client %v out of nothing", h.IP)
	}
	return ""
}

var (
	receivedStart = regexp.MustCompile(`(?i)^[> \t]{0,4}Received:`)
	fieldStart    = regexp.MustCompile(`^[> \t]{0,4}[A-Za-z][\w-]*:(?:\s|$)`)
	clock         = regexp.MustCompile(`\d\d:\d\d:\d\d`)
)

// receivedOf gives the Received fields of a file, in the message and in whatever came back inside it, in any form: as a part,
// as text, quoted. Soft line breaks are undone (RFC 2045 section 6.7). Where a mail program pasted a header section into text
// and lost the blanks that fold it, a field goes on to the line that holds its date: mended counts those.
func receivedOf(raw []byte) (values []string, mended int) {
	lines := strings.Split(strings.ReplaceAll(string(header.CRToLF(raw)), "\r", ""), "\n")
	for i := 0; i < len(lines); i++ {
		if !receivedStart.MatchString(lines[i]) {
			continue
		}
		quoted := strings.HasPrefix(lines[i], "> ")
		_, value, _ := strings.Cut(lines[i], ":")
		lost := false
		for ; i+1 < len(lines); i++ {
			next := lines[i+1]
			if quoted {
				next = strings.TrimPrefix(next, "> ")
			}
			soft := strings.HasSuffix(value, "=")
			folded := next != "" && (next[0] == ' ' || next[0] == '\t') && strings.TrimSpace(next) != ""
			if !soft && !folded && (clock.MatchString(value) || next == "" || fieldStart.MatchString(next)) {
				break
			}
			lost = lost || !soft && !folded
			if soft {
				value = strings.TrimSuffix(value, "=") + next
			} else {
				value += " " + strings.TrimSpace(next)
			}
		}
		if lost {
			mended++
		}
		values = append(values, strings.TrimSpace(value))
	}
	return values, mended
}

// knownMisses are lines whose client is not read, with the reason: what is printed there could as well be the HELO's
// (METHOD 3.7), or the line is damaged.
var knownMisses = map[string]string{
	"flufl__bounce__tests__data__dsn_14.txt#2":     "no by: nothing tells the end of what a client wrote",
	"maildir__bsd__lhost-messagingserver-02.eml#3": "no by: nothing tells the end of what a client wrote",
	"maildir__bsd__lhost-amavis-03.eml#2":          "damaged: the word from is gone",
	"maildir__bsd__rhost-franceptt-03.eml#2":       "damaged: Exim's brackets are gone",
	"maildir__bsd__rfc3834-03.eml#4":               "a bare address from software that nobody knows: it may be the HELO",
	"maildir__dos__lhost-notes-01.eml#2":           "NAME [ADDR] from a server that doesn't say what it is: both may be the HELO",
	"maildir__dos__lhost-notes-01.eml#4":           "NAME [ADDR] from a server that doesn't say what it is: both may be the HELO",
	"maildir__mac__lhost-notes-01.eml#2":           "NAME [ADDR] from a server that doesn't say what it is: both may be the HELO",
	"maildir__mac__lhost-notes-01.eml#4":           "NAME [ADDR] from a server that doesn't say what it is: both may be the HELO",
}

// TestField reads every Received line of real mail. Of those that hold an address, ninety-nine in a hundred must give each
// its role; the rest is listed, and no line may give an address a role that it hasn't. Verbose, it prints the table by the
// software that wrote the lines.
func TestField(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "field"), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	type tally struct{ lines, right, literals int }
	table := map[string]tally{}
	total, lines, mended, dated := tally{}, 0, 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		values, n := receivedOf(raw)
		mended += n
		for i, value := range values {
			lines++
			h := trace.ParseReceived(value)
			if !h.Time.IsZero() {
				dated++
			}
			key := fmt.Sprintf("%s#%d", filepath.Base(file), i+1)
			list := literalsOf(value)
			wrong := misread(h, list, rolesOf(key, value, list))
			if len(list) == 0 && wrong == "" {
				continue
			}
			row := table[cmp.Or(h.Software, "others")]
			row.lines++
			row.literals += len(list)
			total.lines++
			total.literals += len(list)
			if wrong == "" {
				row.right++
				total.right++
				if knownMisses[key] != "" {
					t.Errorf("%s is read now: take it off knownMisses", key)
				}
			} else if reason, ok := knownMisses[key]; !ok || h.IP.IsValid() {
				t.Errorf("%s: %s: %s", key, wrong, value)
			} else {
				t.Logf("missed: %s: %s", key, reason)
			}
			table[cmp.Or(h.Software, "others")] = row
		}
	}
	for _, software := range slices.Sorted(maps.Keys(table)) {
		row := table[software]
		t.Logf("%-14s %4d lines, %4d addresses, %4d lines read", software, row.lines, row.literals, row.right)
	}
	t.Logf("%d Received lines, %d with a date, %d mended; %d hold %d addresses, %d read right (%.2f %%)", lines, dated, mended,
		total.lines, total.literals, total.right, 100*float64(total.right)/float64(total.lines))
	if total.right*100 < total.lines*99 {
		t.Errorf("read %d of %d lines", total.right, total.lines)
	}
}
