package report

import (
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/classify"
)

// Style is how a terminal report looks. The zero value is plain text, 80 columns wide.
type Style struct {
	Width   int  // columns; below MinWidth: MinWidth
	Color   bool // colours by meaning
	Verbose bool // every row of every table, and the reason codes
}

// MinWidth is the width that every report fits in, as far as what must be copied whole allows.
const MinWidth = 80

// maxProse bounds the lines of running text on wide terminals; tables use the whole width.
const maxProse = 100

func (s Style) width() int { return max(s.Width, MinWidth) }

// tone is what a colour means.
type tone string

const (
	quiet  tone = "2"    // side remarks
	strong tone = "1"    // headings
	alarm  tone = "1;31" // our systems or accounts are abused
	warn   tone = "33"   // somebody pretends, or something of ours is wrong
	fine   tone = "32"   // as it should be
)

const colorEnd = "\x1b[0m"

func (s Style) paint(t tone, text string) string {
	if !s.Color || text == "" || t == "" {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + colorEnd
}

var classTone = map[classify.Class]tone{
	classify.Forged:         warn,
	classify.Compromised:    alarm,
	classify.Genuine:        fine,
	classify.Forwarded:      fine,
	classify.Misconfigured:  warn,
	classify.OwnBackscatter: warn,
	classify.Undetermined:   quiet,
}

// wrap breaks running text into lines of at most width columns at blanks. A word that is longer, an address perhaps,
// stands whole on a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		w := twwidth.Width(word)
		switch {
		case line == "":
			line, used = word, w
		case used+1+w > width:
			lines, line, used = append(lines, line), word, w
		default:
			line, used = line+" "+word, used+1+w
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
