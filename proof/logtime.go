package proof

import (
	"strings"
	"time"
)

// logLine is a line of a server's log, cut into its parts.
type logLine struct {
	at      time.Time
	noYear  bool
	host    string // "" in a log of Exim's own
	program string // tag without the process id: postfix/smtpd, sendmail; "" in a log of Exim's own
	process string // "[123]" or "123"; "" if there is none
	text    string
}

// cutSyslog reads what stands before the text of a line: a priority, a time, the host, the program and its process. Times
// are RFC 3164's (without a year), RFC 5424's, ISO 8601 as journalctl and rsyslog write it, or Exim's own. A time without
// a zone is taken as UTC: what is compared with it may stray by a day.
func (r *logReader) cutSyslog(text string) (line logLine, ok bool) {
	text = cutPriority(text)
	if rest, isNew := strings.CutPrefix(text, "1 "); isNew {
		return cutRFC5424(rest)
	}
	if line.at, text, ok = cutISOTime(text); !ok {
		if line.at, text, ok = r.cutOldTime(text); !ok {
			return logLine{}, false
		}
		line.noYear = true
	}
	if process, rest, found := cutProcess(text); found || isEximID(firstWord(text)) {
		line.process, line.text = process, rest // a log that Exim itself writes
		return line, true
	}
	host, tagged, found := strings.Cut(text, " ")
	tag, message, foundTag := strings.Cut(tagged, ": ")
	if !found || !foundTag || strings.Contains(tag, " ") {
		return logLine{}, false
	}
	line.program, line.process = cutTag(tag)
	line.host, line.text = host, message
	// Exim writes its own time into syslog, too.
	if at, rest, ok := cutISOTime(message); ok && strings.HasPrefix(line.program, "exim") {
		_, line.text, _ = cutProcess(rest)
		line.at, line.noYear = at, false
	}
	return line, true
}

// cutPriority takes the <PRI> that syslog sends and few files keep.
func cutPriority(text string) string {
	if strings.HasPrefix(text, "<") {
		if number, rest, found := strings.Cut(text[1:], ">"); found && len(number) <= 3 && strings.Trim(number, "0123456789") == "" {
			return rest
		}
	}
	return text
}

// cutRFC5424 reads TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG (RFC 5424 section 6).
func cutRFC5424(text string) (line logLine, ok bool) {
	if line.at, text, ok = cutISOTime(text); !ok {
		return logLine{}, false
	}
	parts := strings.SplitN(text, " ", 5)
	if len(parts) < 5 {
		return logLine{}, false
	}
	line.host, line.program, line.process = parts[0], parts[1], parts[2]
	line.text = strings.TrimPrefix(cutStructured(parts[4]), "\ufeff")
	return line, true
}

// cutStructured steps over "-" or [ID NAME="VALUE" ...]... (RFC 5424 section 6.3).
func cutStructured(text string) string {
	if rest, none := strings.CutPrefix(text, "-"); none {
		return strings.TrimPrefix(rest, " ")
	}
	quoted, inside := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == ' ' && !inside:
			return text[i+1:]
		}
	}
	return ""
}

// cutTag splits NAME[PROCESS].
func cutTag(tag string) (program, process string) {
	program, process, _ = strings.Cut(tag, "[")
	return program, strings.TrimSuffix(process, "]")
}

// cutProcess takes the [PROCESS] that Exim can be told to log.
func cutProcess(text string) (process, rest string, ok bool) {
	if strings.HasPrefix(text, "[") {
		if process, rest, ok = strings.Cut(text[1:], "] "); ok && strings.Trim(process, "0123456789") == "" {
			return process, rest, true
		}
	}
	return "", text, false
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// isoLayouts are those of one word, and of two with a blank between date and time.
var isoLayouts = [2][]string{
	{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05"},
	{"2006-01-02 15:04:05"}, // with a fraction or without
}

// cutISOTime takes 2026-11-23T10:00:00.123+01:00, or 2026-11-23 10:00:00.123 with a zone (+0100) or without.
func cutISOTime(text string) (at time.Time, rest string, ok bool) {
	if len(text) < 19 || text[4] != '-' || text[7] != '-' {
		return time.Time{}, text, false
	}
	word, rest, _ := strings.Cut(text, " ")
	for _, layout := range isoLayouts[0] {
		if t, err := time.Parse(layout, word); err == nil {
			return t, rest, true
		}
	}
	clock, rest, _ := strings.Cut(rest, " ")
	at, err := time.Parse(isoLayouts[1][0], word+" "+clock)
	if err != nil {
		return time.Time{}, text, false
	}
	if zone := firstWord(rest); len(zone) == 5 && (zone[0] == '+' || zone[0] == '-') {
		if t, err := time.Parse(isoLayouts[1][0]+" -0700", word+" "+clock+" "+zone); err == nil {
			return t, strings.TrimPrefix(rest[5:], " "), true
		}
	}
	return at, rest, true
}

// cutOldTime takes "Nov 23 10:00:00" (RFC 3164 section 4.1.2); the year is the latest that puts it before the log was
// written, with a day for clocks and zones.
func (r *logReader) cutOldTime(text string) (at time.Time, rest string, ok bool) {
	const length = len("Nov 23 10:00:00")
	if len(text) <= length || text[length] != ' ' {
		return time.Time{}, text, false
	}
	// A leap year: the 29th of February must be read before its year is known.
	t, err := time.Parse("2006 Jan _2 15:04:05", "2000 "+text[:length])
	if err != nil {
		return time.Time{}, text, false
	}
	latest := r.written.Add(maxDateDrift)
	for year := latest.Year(); year > latest.Year()-8; year-- {
		at = time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if !at.After(latest) && at.Day() == t.Day() {
			break
		}
	}
	return at, text[length+1:], true
}
