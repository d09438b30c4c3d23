package trace_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ndrscan/internal/header"
	"ndrscan/trace"
)

var (
	receivedField = regexp.MustCompile(`(?mi)^Received:((?:.*)(?:\n[ \t].*)*)`)
	addressText   = regexp.MustCompile(`[0-9A-Fa-f:.]{3,}`)
)

// fromLiteral finds an address literal left of " by ".
func fromLiteral(value string) bool {
	from, _, _ := strings.Cut(strings.ToLower(value), " by ")
	if !strings.HasPrefix(from, "from") {
		return false
	}
	for _, text := range addressText.FindAllString(from, -1) {
		if _, err := netip.ParseAddr(strings.Trim(text, ".")); err == nil && len(text) > 6 {
			return true
		}
	}
	return false
}

// TestField reads every Received line of real bounces that holds an address left of "by": nine in ten must give one.
// The rest shows an address that may be the HELO's (from [ADDR] by HOST with ESMTP), or is mangled.
func TestField(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "field"), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	lines, literals, read, dated := 0, 0, 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raw = header.CRToLF(raw)
		for _, m := range receivedField.FindAllSubmatch(raw, -1) {
			value := header.Unfold(m[1])
			h := trace.ParseReceived(value)
			lines++
			if !h.Time.IsZero() {
				dated++
			}
			if !fromLiteral(value) {
				continue
			}
			literals++
			if h.IP.IsValid() {
				read++
			} else if testing.Verbose() && os.Getenv("NDRSCAN_SHOW_MISSES") != "" {
				t.Logf("%s: %s", filepath.Base(file), value)
			}
		}
	}
	t.Logf("%d Received lines, %d with a date; %d with an address left of by, %d read", lines, dated, literals, read)
	if read*10 < literals*9 {
		t.Errorf("read %d of %d addresses", read, literals)
	}
}
