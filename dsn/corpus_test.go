package dsn

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"ndrscan/internal/header"
)

// shared gives a folder of the shared corpora, which are read where they stand.
func shared(t testing.TB, name string) string {
	dir := filepath.Join("..", "..", "shared", "corpus", name)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus is missing: %v", err)
		}
		t.Skipf("no shared corpus here: %v", err)
	}
	return dir
}

// truthRows reads a truth.tsv: one map of column to value a line.
func truthRows(t testing.TB, file string) []map[string]string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := make(map[string]string)
		for i, value := range strings.Split(line, "\t") {
			row[columns[i]] = value
		}
		rows = append(rows, row)
	}
	return rows
}

// score counts what was right of what was asked, by column.
type score map[string][2]int

func (s score) add(column string, right bool) {
	n := s[column]
	n[1]++
	if right {
		n[0]++
	}
	s[column] = n
}

func (s score) percent(column string) float64 {
	n := s[column]
	if n[1] == 0 {
		return 100
	}
	return 100 * float64(n[0]) / float64(n[1])
}

var fieldColumns = []string{"kind", "recipients", "status", "returned", "orig_message_id", "orig_from", "orig_subject", "orig_received"}

// fieldFloors are just under what was reached, so that a loss fails.
var fieldFloors = map[string]float64{"kind": 99.8, "recipients": 99.8, "status": 99.3, "returned": 99.6, "orig_message_id": 99.3, "orig_from": 99.3, "orig_subject": 99.3, "orig_received": 99.1}

func TestFieldCorpus(t *testing.T) {
	dir := shared(t, "field")
	scores := make(map[string]score)
	total := make(score)
	files := 0
	for _, row := range truthRows(t, filepath.Join(dir, "truth.tsv")) {
		raw, err := os.ReadFile(filepath.Join(dir, row["file"]))
		if err != nil {
			t.Fatal(err)
		}
		files++
		b := Parse(raw)
		s := scores[row["software"]]
		if s == nil {
			s = make(score)
			scores[row["software"]] = s
		}
		for _, column := range fieldColumns {
			if slices.Contains(strings.Split(row["unscored"], ","), column) || column == "status" && strings.Contains(row[column], "?") {
				continue
			}
			got, want := fieldValue(b, column), row[column]
			right := matches(column, got, want)
			s.add(column, right)
			total.add(column, right)
			if !right && os.Getenv("MISSES") != "" && (os.Getenv("MISSES") == "1" || strings.Contains(os.Getenv("MISSES"), column)) {
				t.Logf("MISS %s %s: got %q, want %q (software %s, row %s)", row["file"], column, got, want, row["software"], b.Software)
			}
		}
	}
	scores["total"] = total
	t.Logf("%d files\n%s", files, scoreTable(scores, fieldColumns))
	for column, floor := range fieldFloors {
		if got := total.percent(column); got < floor {
			t.Errorf("%s: %.1f %%, was above %.1f %%", column, got, floor)
		}
	}
}

// fieldValue writes what Parse found in the form of truth.tsv.
func fieldValue(b *Bounce, column string) string {
	o := &b.Original
	value := ""
	switch column {
	case "kind":
		value = string(b.Kind)
	case "recipients", "status":
		list := slices.Clone(b.Recipients)
		slices.SortStableFunc(list, func(x, y Recipient) int { return strings.Compare(x.Address, y.Address) })
		var values []string
		for _, r := range list {
			if column == "recipients" {
				values = append(values, r.Address)
			} else {
				values = append(values, or(r.Status, "-"))
			}
		}
		value = strings.Join(values, ",")
	case "returned":
		value = string(o.Returned)
	case "orig_message_id":
		value = o.MessageID
	case "orig_from":
		value = o.From
	case "orig_subject":
		value = o.Subject
	case "orig_received":
		value = fmt.Sprint(o.Header.Count("Received"))
	}
	return or(value, "-")
}

func or(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

// matches compares in the way of the corpus' README: a|b means that either is right.
func matches(column, got, want string) bool {
	switch column {
	case "kind":
		return slices.Contains(strings.Split(want, "|"), got)
	case "recipients", "status":
		g, w := strings.Split(got, ","), strings.Split(want, ",")
		if len(g) != len(w) {
			return false
		}
		if column == "recipients" {
			return matchesAny(g, w)
		}
		for i := range g {
			if !slices.Contains(strings.Split(w[i], "|"), g[i]) {
				return false
			}
		}
		return true
	case "orig_subject", "orig_message_id":
		return strings.Join(strings.Fields(got), " ") == strings.Join(strings.Fields(want), " ")
	}
	return got == want
}

// matchesAny pairs off lists in which an alternative can change the sorting.
func matchesAny(got, want []string) bool {
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g string) bool { return slices.Contains(strings.Split(w, "|"), g) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return len(left) == 0
}

func scoreTable(scores map[string]score, columns []string) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "software\t%s\t\n", strings.Join(columns, "\t"))
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		fmt.Fprintf(w, "%s\t", name)
		for _, column := range columns {
			n := scores[name][column]
			fmt.Fprintf(w, "%d/%d\t", n[0], n[1])
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "percent\t")
	for _, column := range columns {
		fmt.Fprintf(w, "%.1f\t", scores["total"].percent(column))
	}
	fmt.Fprintln(w)
	w.Flush()
	return out.String()
}

var labColumns = []string{"kind", "final_recipient", "returned", "orig_message_id", "orig_subject", "account"}

// labFloors are just under what was reached.
var labFloors = map[string]float64{"kind": 100, "final_recipient": 100, "returned": 100, "orig_message_id": 100, "orig_subject": 100, "account": 100}

func TestLabCorpus(t *testing.T) {
	dir := shared(t, "lab")
	scores := make(map[string]score)
	total := make(score)
	for _, scenario := range []string{"A", "B", "C", "D", "E"} {
		for _, row := range truthRows(t, filepath.Join(dir, scenario, "truth.tsv")) {
			raw, err := os.ReadFile(filepath.Join(dir, scenario, row["file"]))
			if err != nil {
				t.Fatal(err)
			}
			b := Parse(raw)
			name, _, _ := strings.Cut(row["bounce_mta"], " ")
			s := scores[name]
			if s == nil {
				s = make(score)
				scores[name] = s
			}
			row["account"] = row["mailbox"]
			for _, column := range labColumns {
				if labUnscored(row, column) {
					continue
				}
				got, want := labValue(b, column), row[column]
				if column == "kind" {
					want = labKind(row)
				}
				right := matches(map[string]string{"final_recipient": "recipients"}[column], got, want)
				if column == "kind" || column == "orig_subject" {
					right = matches(column, got, want)
				}
				s.add(column, right)
				total.add(column, right)
				if !right && os.Getenv("MISSES") != "" {
					t.Logf("MISS %s/%s %s: got %q, want %q (%s, cause %s action %s)", scenario, row["file"], column, got, want, name, row["cause"], row["action"])
				}
			}
		}
	}
	scores["total"] = total
	t.Logf("\n%s", scoreTable(scores, labColumns))
	for column, floor := range labFloors {
		if got := total.percent(column); got < floor {
			t.Errorf("%s: %.1f %%, was above %.1f %%", column, got, floor)
		}
	}
}

// labUnscored tells the columns that say nothing about a row: an answer returns no original.
func labUnscored(row map[string]string, column string) bool {
	if column == "kind" || column == "account" {
		return false
	}
	if column == "orig_message_id" && row[column] == "-" || column == "orig_subject" && row["returned"] == "none" {
		return true // the reporter added a Message-ID of its own; a notice quotes no subject
	}
	if column == "final_recipient" && strings.HasPrefix(row["bounce_mta"], "notqmail") && !sameDomain(row[column]) {
		return true // the row lists the recipients of other sites, too, which are not in this report
	}
	kind := labKind(row)
	return !strings.Contains(kind, "bounce") && kind != "delay"
}

// labKind gives our word for the lab's kind (its README, "Their words and ours").
func labKind(row map[string]string) string {
	switch row["kind"] {
	case "delayed":
		return "delay"
	case "autoreply":
		return "autoreply|challenge"
	case "not-bounce":
		if row["cause"] == "ok" && row["action"] != "-" {
			return "success"
		}
		return "success|receipt|other|list"
	}
	return "bounce"
}

func labValue(b *Bounce, column string) string {
	switch column {
	case "final_recipient":
		return fieldValue(b, "recipients")
	case "account":
		return or(b.Account, "-")
	case "orig_message_id":
		return or(b.Original.MessageID, or(b.RefersTo, "-"))
	}
	return fieldValue(b, column)
}

func sameDomain(list string) bool {
	domains := make(map[string]bool)
	for _, addr := range strings.Split(list, ",") {
		domains[header.Domain(addr)] = true
	}
	return len(domains) == 1
}
