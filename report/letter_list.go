package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Drafts tells which letters were written, by whom they go to, and for what none was.
func Drafts(w io.Writer, letters []Letter, left []LeftOut, folder string) error {
	var out strings.Builder
	networks, sites, incidents := 0, 0, 0
	for _, l := range letters {
		if l.Site {
			sites++
		} else {
			networks++
		}
		incidents += len(l.XARF)
	}
	if len(letters) == 0 {
		out.WriteString("No letter to write.\n")
	} else {
		fmt.Fprintf(&out, "%s to networks that forged mail came from and %s to sites that bounced it, in %s.\n",
			countOf(networks, "letter", "letters"), countOf(sites, "letter", "letters"), Clean(folder))
		out.WriteString("Nothing was sent by writing them: read them first.\n")
	}
	for _, group := range byRecipient(letters) {
		fmt.Fprintf(&out, "\n%s\n", group.to)
		for _, l := range group.letters {
			fmt.Fprintf(&out, "  %s: %s\n    %s\n", Clean(l.About), countOf(l.Messages, "message", "messages"), Clean(filepath.Join(folder, l.Name+".eml")))
			if len(l.XARF) > 0 {
				fmt.Fprintf(&out, "    and %s beside it\n", countOf(len(l.XARF), "XARF report", "XARF reports"))
			}
		}
	}
	if networks > 0 && incidents == 0 {
		out.WriteString("\nNo XARF reports: required facts are missing, and each letter says which.\n")
	}
	if len(left) > 0 {
		out.WriteString("\nNot written about\n")
	}
	for _, l := range left {
		fmt.Fprintf(&out, "  %s: %s\n", countOf(l.Messages, "message", "messages"), l.Why)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

type recipientGroup struct {
	to      string
	letters []Letter
}

// byRecipient groups letters by whom they go to; those without a recipient come last.
func byRecipient(letters []Letter) (groups []recipientGroup) {
	const nobody = "No recipient known (--contacts asks for one)"
	for _, l := range letters {
		to := strings.Join(l.To, ", ")
		if to == "" {
			to = nobody
		}
		i := slices.IndexFunc(groups, func(g recipientGroup) bool { return g.to == to })
		if i < 0 {
			i = len(groups)
			groups = append(groups, recipientGroup{to: to})
		}
		groups[i].letters = append(groups[i].letters, l)
	}
	slices.SortStableFunc(groups, func(a, b recipientGroup) int {
		return boolInt(a.to == nobody) - boolInt(b.to == nobody)
	})
	return groups
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
