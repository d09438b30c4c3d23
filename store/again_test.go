package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
)

// A message that is read again counts once, wherever it lies now, and the newest run's judgement holds.
func TestReadAgain(t *testing.T) {
	s := begin(t)
	save(t, s, runAt(day), some(0, 100))
	moved := func(yield func(classify.Finding, error) bool) {
		for i := range 100 {
			f := made(i)
			f.ID, f.Mailbox, f.Class = fmt.Sprint("9", f.ID), "Junk", classify.Genuine
			if !yield(f, nil) {
				return
			}
		}
	}
	if got := save(t, s, runAt(2*day), moved); got != (Saved{Run: 2, Again: 100}) {
		t.Errorf("%+v", got)
	}
	for _, brief := range []bool{true, false} {
		found := all(t, s, Query{Brief: brief})
		if len(found) != 100 {
			t.Fatalf("%d findings", len(found))
		}
		for _, f := range found {
			if f.Class != classify.Genuine || f.Mailbox != "Junk" || f.Run != 2 {
				t.Fatalf("%s", asJSON(t, f))
			}
		}
	}
}

// Equal messages that lie in a source twice count twice, in every run anew; in two sources, once each.
func TestCopies(t *testing.T) {
	s := begin(t)
	twice := []classify.Finding{made(1), made(1), made(2), made(1)}
	for run := range 3 {
		save(t, s, runAt(day), list(twice...))
		if n := len(all(t, s, Query{})); n != 4 {
			t.Fatalf("run %d: %d findings", run, n)
		}
	}
	other := made(1)
	other.Source = "other.mbox"
	save(t, s, runAt(day), list(other))
	if n := len(all(t, s, Query{})); n != 5 {
		t.Errorf("%d findings", n)
	}
	// One source under two names is one source.
	run := runAt(day)
	run.Sources = []Source{{Name: "flood.mbox", Key: "/mail/flood.mbox"}, {Name: "../mail/flood.mbox", Key: "/mail/flood.mbox"}}
	for _, name := range []string{"flood.mbox", "../mail/flood.mbox"} {
		f := made(7)
		f.Source = name
		save(t, s, run, list(f))
	}
	if found := all(t, s, Query{Source: "/mail/flood.mbox"}); len(found) != 1 || found[0].Source != "/mail/flood.mbox" {
		t.Errorf("%s", asJSON(t, found))
	}
}

// The order of two messages doesn't depend on who was written first.
func TestOrder(t *testing.T) {
	same := func(source string, i int) classify.Finding {
		f := made(i)
		at := start
		f.Source, f.Received = source, &at
		return f
	}
	var list1 []classify.Finding
	for i := range 20 {
		list1 = append(list1, same("a", i/2), same("b", i/2))
	}
	list2 := slices.Clone(list1)
	slices.Reverse(list2)
	var orders []string
	for _, findings := range [][]classify.Finding{list1, list2} {
		s := begin(t)
		save(t, s, runAt(day), list(findings...))
		var order strings.Builder
		for _, f := range all(t, s, Query{Brief: true}) {
			order.WriteString(f.Source + f.ID + " ")
		}
		orders = append(orders, order.String())
	}
	if orders[0] != orders[1] {
		t.Errorf("%s\n%s", orders[0], orders[1])
	}
}

// A message that could not be read is known by its place. Once it can be read, its old finding is gone.
func TestUnreadable(t *testing.T) {
	s := begin(t)
	bad := classify.Finding{Source: "flood.mbox", ID: "5000", Kind: "unreadable", Problem: "cut"}
	for range 2 {
		save(t, s, runAt(day), list(made(0), bad))
	}
	found := all(t, s, Query{})
	if len(found) != 2 || found[1].Kind != "unreadable" || !found[1].Arrived.Equal(start.Add(day)) {
		t.Fatalf("%s", asJSON(t, found))
	}
	save(t, s, runAt(2*day), list(made(0), made(1))) // made(1) has the ID 5000
	if found = all(t, s, Query{}); len(found) != 2 || found[1].Kind != "bounce" {
		t.Errorf("%s", asJSON(t, found))
	}
}

// A message whose arrival is unknown or in the future arrived when it was first seen, also when it is read again.
func TestArrival(t *testing.T) {
	s := begin(t)
	undated, future := made(1), made(2)
	later := start.AddDate(10, 0, 0)
	undated.Received, future.Received = nil, &later
	for _, after := range []time.Duration{day, 9 * day} {
		save(t, s, runAt(after), list(undated, future))
	}
	found := all(t, s, Query{})
	if len(found) != 2 {
		t.Fatalf("%d findings", len(found))
	}
	for _, f := range found {
		if !f.Arrived.Equal(start.Add(day)) || f.Run != 2 {
			t.Errorf("%s", asJSON(t, f))
		}
	}
}

func TestKeep(t *testing.T) {
	s := begin(t)
	save(t, s, runAt(40*time.Hour), list())
	save(t, s, runAt(51*time.Hour), some(0, 3000)) // of 50 hours
	before, _ := os.Stat(s.Path())
	run := runAt(3 * day)
	run.Keep = 30 * time.Hour // from hour 42
	saved := save(t, s, run, some(2000, 2700))
	found := all(t, s, Query{})
	if len(found) != 3000-42*60 || !found[0].Arrived.Equal(start.Add(42*time.Hour)) {
		t.Errorf("%d findings from %v", len(found), found[0].Arrived)
	}
	if saved.Pruned != 42*60 || saved.Outside != 42*60-2000 || saved.New != 0 || saved.Again != 2700-42*60 {
		t.Errorf("%+v", saved)
	}
	if runs, err := s.Runs(t.Context(), time.Time{}, time.Time{}); err != nil || len(runs) != 2 || runs[0].ID != 2 {
		t.Errorf("%v %v", runs, err)
	}
	if after, _ := os.Stat(s.Path()); after.Size() > before.Size()/2 {
		t.Errorf("%d bytes of %d are left", after.Size(), before.Size())
	}
	if raw, _ := os.ReadFile(s.Path()); bytes.Contains(raw, []byte("karen100@")) {
		t.Error("what was pruned is still in the file")
	}
}

func TestRunsAndSources(t *testing.T) {
	s := begin(t)
	const account = "imaps://joe@mail.example"
	imap := func(box string, uids ...int) []classify.Finding {
		var list []classify.Finding
		for _, uid := range uids {
			f := made(uid)
			f.Source, f.Mailbox, f.ID = account+"/INBOX", box, fmt.Sprint(box, "/", uid)
			list = append(list, f)
		}
		return list
	}
	run := func(after time.Duration, validity map[string]uint32, findings ...classify.Finding) {
		r := runAt(after)
		r.Sources = []Source{{Name: account + "/INBOX", Key: account, Validity: validity}}
		save(t, s, r, list(findings...))
	}
	run(day, map[string]uint32{"INBOX": 7, "Junk": 8}, imap("INBOX", 5, 9, 3)...)
	run(2*day, map[string]uint32{"INBOX": 7}, imap("INBOX", 4)...) // an earlier period
	save(t, s, runAt(3*day), list(made(20)))
	want := []Known{{Key: "flood.mbox", Positions: []Position{{Arrived: start.Add(20 * time.Minute), Messages: 1, At: start.Add(3 * day)}}},
		{Key: account, Positions: []Position{
			{Mailbox: "INBOX", UIDValidity: 7, HighestUID: 9, Arrived: start.Add(9 * time.Minute), Messages: 1, At: start.Add(2 * day)},
			{Mailbox: "Junk", UIDValidity: 8, At: start.Add(day)}}}}
	got, err := s.Sources(t.Context())
	if err != nil || asJSON(t, got) != asJSON(t, want) {
		t.Errorf("%v\n%s\n%s", err, asJSON(t, got), asJSON(t, want))
	}
	run(4*day, map[string]uint32{"INBOX": 70}, imap("INBOX", 2)...) // renumbered
	if got, err = s.Sources(t.Context()); err != nil || got[1].Positions[0].HighestUID != 2 || got[1].Positions[0].UIDValidity != 70 {
		t.Errorf("%v %s", err, asJSON(t, got))
	}

	runs, err := s.Runs(t.Context(), start.Add(2*day), start.Add(4*day))
	if err != nil || len(runs) != 2 || runs[0].ID != 2 || !runs[1].At.Equal(start.Add(3*day)) {
		t.Fatalf("%v %s", err, asJSON(t, runs))
	}
	if r := runs[0].Report; r.Domains[0].Record != "v=spf1 -all" || r.Tool != "ndrscan test" || r.Accounts != nil {
		t.Errorf("%s", asJSON(t, r))
	}
}

// An address that was forgotten is in no byte of the file; its neighbours are.
func TestForget(t *testing.T) {
	spellings := []string{"ann@example.com", "Ann@Example.COM", `"ann"@example.com`, "ann=example.com", "ann%40example.com", "example.com=ann@"}
	const near = "joann@example.com jo-ann@example.com ann@example.com.au ann@sub-example.com annabel@example.com ann@example.community"
	held := func() []classify.Finding {
		f := make([]classify.Finding, 8)
		for i := range f {
			f[i] = made(i)
		}
		f[0].Account = "ann@example.com"
		f[1].Recipients[0].Address = "ann@example.com"
		f[2].Recipients[0].Diagnostic = `550 <Ann@Example.COM>... mailbox ann is unknown, like "ann"@example.com and mann`
		f[3].Original.MailFrom = "srs0=ab=cd=example.com=ann@forwarder.example"
		f[4].Original.MailFrom = "list-return-12-ann=example.com@lists.example"
		f[4].Origin.AuthUser = "ann"
		f[5].Original.Subject = "click http://x.example/?u=ann%40example.com ann!"
		f[6].Original.Subject = near
		f[7].Mailbox, f[7].Source = "ann@example.com/Junk", "imaps://ann@example.com@mail.example.com/"
		return f
	}
	raw := func(s *Store) string {
		s.Close()
		text, err := os.ReadFile(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		onlyFile(t, s.Path())
		// What stands beside it in the brief form must not look like a part of it, so neighbours are taken out first.
		clean := strings.NewReplacer("joann@example.com", "", "jo-ann@example.com", "", "ann@example.com.au", "", "ann@example.community", "")
		return strings.ToLower(clean.Replace(string(text)))
	}
	make := func() *Store {
		s := begin(t)
		save(t, s, runAt(day), list(held()...))
		run := runAt(2 * day)
		run.Report.Run.Flags = map[string]string{"sent": "/home/ann@example.com/Sent"}
		save(t, s, run, list(held()...))
		save(t, s, runAt(3*day), some(10, 2000)) // what is deleted must lie in the middle, too
		return s
	}
	if text := raw(make()); slices.ContainsFunc(spellings, func(s string) bool { return !strings.Contains(text, strings.ToLower(strings.ReplaceAll(s, `"`, `\"`))) }) {
		t.Fatal("a spelling is not in the file to begin with")
	}
	for _, whole := range []bool{false, true} {
		s := make()
		got, err := s.Forget(t.Context(), "ANN@example.com", whole)
		if err != nil || got.Findings != 7 || got.Runs != 1 || got.Sources != 2 || (got.Mark == "") != whole {
			t.Errorf("whole %v: %+v, %v", whole, got, err)
		}
		if again, err := s.Forget(t.Context(), "ann@example.com", whole); err != nil || again.Findings+again.Runs+again.Sources != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		found := all(t, s, Query{})
		if want := map[bool]int{false: 1998, true: 1991}[whole]; len(found) != want {
			t.Fatalf("whole %v: %d findings, want %d", whole, len(found), want)
		}
		if !whole {
			checkForgotten(t, found, got.Mark)
		}
		var neighbours int
		for _, f := range found {
			if f.Original.Subject == near {
				neighbours++
			}
		}
		if neighbours != 1 {
			t.Errorf("whole %v: neighbours in %d findings", whole, neighbours)
		}
		text := raw(s)
		for _, spelling := range spellings {
			if i := strings.Index(text, strings.ToLower(spelling)); i >= 0 {
				t.Errorf("whole %v: %s is still in the file: %q", whole, spelling, text[max(i-60, 0):i+60])
			}
		}
	}
	if err := CheckAddress("ann"); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
	for _, bad := range []string{"", "@", "ann@", "@example.com", "a b@c d", "ann@example.com\x00"} {
		if _, err := begin(t).Forget(t.Context(), bad, false); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// checkForgotten looks at what stands in the place of the address.
func checkForgotten(t *testing.T, found []Finding, mark string) {
	t.Helper()
	f := found[:8]
	for _, tc := range []struct{ got, want string }{
		{f[0].Account, mark + "@example.com"},
		{f[1].Recipients[0].Address, mark + "@example.com"},
		{f[2].Recipients[0].Diagnostic, fmt.Sprintf(`550 <%s@Example.COM>... mailbox %[1]s is unknown, like "%[1]s"@example.com and mann`, mark)},
		{f[3].Original.MailFrom, "srs0=ab=cd=example.com=" + mark + "@forwarder.example"},
		{f[4].Original.MailFrom, "list-return-12-" + mark + "=example.com@lists.example"},
		{f[4].Origin.AuthUser, mark},
		{f[5].Original.Subject, "click http://x.example/?u=" + mark + "%40example.com " + mark + "!"},
		{f[7].Mailbox, mark + "@example.com/Junk"},
		{f[7].Key, "imaps://" + mark + "@example.com@mail.example.com/"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s, want %s", tc.got, tc.want)
		}
	}
}

// Brief findings count like whole ones: the report that they give is the same but for the samples shown in it.
func TestBriefRecounts(t *testing.T) {
	s := begin(t)
	save(t, s, runAt(day), some(0, 500))
	var reports []string
	for _, brief := range []bool{true, false} {
		flood := classify.NewFlood(classify.FloodOptions{})
		for f, err := range s.Findings(t.Context(), Query{Brief: brief}) {
			if err != nil {
				t.Fatal(err)
			}
			flood.Recount(&f.Finding)
		}
		report := flood.Report(classify.Context{Now: start.Add(day)})
		report.Samples = nil
		reports = append(reports, asJSON(t, report))
	}
	if reports[0] != reports[1] || len(reports[0]) < 1000 {
		t.Errorf("%s\n%s", reports[0], reports[1])
	}
}
