package ndrscan_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/imapfetch"
	"ndrscan/internal/imaptest"
	"ndrscan/mailbox"
	"ndrscan/resolve"
)

// The lab holds five floods made by real mail servers, with ground truth (its README says how its words map to ours).
const lab = "../shared/corpus/lab"

func needShared(t testing.TB, folder string) {
	t.Helper()
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is absent", folder)
		}
		t.Skipf("%s is absent", folder)
	}
}

// truth is one row of truth.tsv in our words.
type truth struct {
	file, mta, origin, cause string

	returned string
	kinds    []string // any of them is right
	class    classify.Class
	ip       string // what can be proved from the header fields
}

// readTruth reads the lab's own truth.tsv.
func readTruth(t testing.TB, file string) []truth {
	t.Helper()
	var rows []truth
	for _, col := range readTable(t, file) {
		row := truth{file: path.Base(col["file"]), mta: col["bounce_mta"], origin: col["origin"], cause: col["cause"],
			ip: col["observable_source_ip"], returned: col["returned"]}
		row.kinds, row.class = ourWords(col["kind"], col["origin"], col["action"])
		rows = append(rows, row)
	}
	return rows
}

// readExpect reads the expected findings beside a mailbox of ours.
func readExpect(t testing.TB, file string) []truth {
	t.Helper()
	var rows []truth
	for _, col := range readTable(t, file) {
		class := classify.Class(strings.Trim(col["class"], "-"))
		rows = append(rows, truth{file: "message " + col["n"], mta: col["server"], cause: col["cause"], ip: col["origin"],
			returned: col["returned"],
			kinds:    strings.Split(col["kind"], "|"), class: class})
	}
	return rows
}

// readTable reads a tab separated file with a header line.
func readTable(t testing.TB, file string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	names := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range strings.Split(line, "\t") {
			row[names[i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func ourWords(kind, origin, action string) ([]string, classify.Class) {
	switch kind {
	case "backscatter":
		return []string{"bounce"}, classify.Forged
	case "compromise":
		return []string{"bounce"}, classify.Compromised
	case "genuine-bounce":
		if origin == "forward" {
			return []string{"bounce"}, classify.Forwarded
		}
		return []string{"bounce"}, classify.Genuine
	case "misconfigured-own-source":
		return []string{"bounce"}, classify.Misconfigured
	case "delayed":
		return []string{"delay"}, ""
	case "autoreply":
		return []string{"autoreply", "challenge"}, ""
	}
	if action == "delivered" || action == "relayed" {
		return []string{"success"}, ""
	}
	return []string{"other", "receipt"}, ""
}

// score is how many of the messages came out right.
type score struct{ kind, kindAll, origin, originAll, class, classAll int }

func (s score) String() string {
	return fmt.Sprintf("kind %d/%d, origin %d/%d, class %d/%d", s.kind, s.kindAll, s.origin, s.originAll, s.class, s.classAll)
}

// check compares findings with the truth, in order.
func check(t *testing.T, rows []truth, findings []classify.Finding) score {
	t.Helper()
	var s score
	for i, row := range rows {
		f := findings[i]
		s.kindAll++
		if slices.Contains(row.kinds, f.Kind) {
			s.kind++
		} else {
			t.Logf("%s (%s, %s): kind %s, want %v", row.file, row.mta, row.cause, f.Kind, row.kinds)
		}
		if row.kinds[0] != "bounce" || f.Kind != "bounce" {
			continue
		}
		if f.Original != nil && f.Original.Received > 0 {
			s.originAll++
			if got := originOf(f); got == row.ip || row.cause == "loop" || row.ip == "-" && beganHere(f) {
				s.origin++
			} else {
				t.Logf("%s (%s): origin %s, want %s", row.file, row.mta, got, row.ip)
			}
		}
		s.classAll++
		if f.Class == row.class || row.returned == "none" && f.Class == classify.Undetermined {
			s.class++
		} else if testing.Verbose() {
			t.Logf("%s (%s, %s): class %s, want %s: %v", row.file, row.mta, row.origin, f.Class, row.class, codes(f))
		}
	}
	return s
}

// originOf is the address that the lab's truth names: the client where the border is ours, else the border's.
func originOf(f classify.Finding) string {
	switch {
	case f.Origin == nil:
		return ""
	case f.Origin.Own && f.Origin.ClientIP != "":
		return f.Origin.ClientIP
	}
	return f.Origin.IP
}

// beganHere tells that a server of ours wrote the message itself: then the truth names no client, and neither do we.
func beganHere(f classify.Finding) bool {
	return f.Origin.Own && f.Origin.ClientIP == "" && f.Origin.Entry == "script"
}

func codes(f classify.Finding) []string {
	var list []string
	for _, r := range f.Reasons {
		list = append(list, r.Code)
	}
	return list
}

// scanLab scans a source with the lab's hosts and DNS.
func scanLab(t *testing.T, source mailbox.Source, sent ...mailbox.Source) (*classify.Report, []classify.Finding) {
	t.Helper()
	return scanAll(t, source, ndrscan.Options{Own: []string{"example.com", "example.org"}, Sent: sent,
		Resolver: zoneFile(t, "testdata/mbox/lab.zone")})
}

func zoneFile(t *testing.T, file string) *resolve.Client {
	t.Helper()
	dns, err := resolve.Open("zone:"+file, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dns
}

// scanAll scans a source, on the day after the floods unless opts has a clock, and gives all its findings.
func scanAll(t *testing.T, source mailbox.Source, opts ndrscan.Options) (*classify.Report, []classify.Finding) {
	t.Helper()
	opts.KeepFindings = true
	if opts.Now == nil {
		opts.Now = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	}
	result, err := ndrscan.Scan(context.Background(), []mailbox.Source{source}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	var findings []classify.Finding
	for f, err := range result.Findings() {
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, f)
	}
	return result.Report, findings
}

func open(t *testing.T, path string) mailbox.Source {
	t.Helper()
	source, err := mailbox.Open(path, mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// labFlood is one of the five floods: its name in the lab and among our mailboxes, and what it is.
type labFlood struct {
	lab, name string
	verdict   classify.Judgement
}

var labFloods = []labFlood{
	{"A", "joe-job", classify.JoeJob},
	{"B", "compromise", classify.Compromise},
	{"C", "mixed", classify.Both},
	{"D", "misconfigured", classify.MisconfiguredSender},
	{"E", "framed", classify.JoeJob},
}

func (l labFlood) mbox() string { return "testdata/mbox/" + l.name + ".mbox.gz" }
func (l labFlood) sent() string { return "testdata/mbox/" + l.name + ".sent.mbox.gz" }

func TestFloodFromMbox(t *testing.T) {
	for _, flood := range labFloods {
		rows := readExpect(t, "testdata/mbox/"+flood.name+".expect.tsv")
		t.Run(flood.name, func(t *testing.T) {
			report, findings := scanLab(t, open(t, flood.mbox()))
			flood.check(t, rows, report, findings)
			flood.checkWithoutSent(t, report, findings)
		})
		t.Run(flood.name+"/with Sent", func(t *testing.T) {
			report, findings := scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
			flood.checkClasses(t, flood.check(t, rows, report, findings))
		})
	}
}

func TestFloodFromFolder(t *testing.T) {
	needShared(t, lab)
	for _, flood := range labFloods {
		t.Run(flood.name, func(t *testing.T) {
			rows := readTruth(t, filepath.Join(lab, flood.lab, "truth.tsv"))
			report, findings := scanLab(t, open(t, filepath.Join(lab, flood.lab, "eml")), open(t, flood.sent()))
			flood.checkClasses(t, flood.check(t, rows, report, findings))
		})
	}
}

// TestFloodFromDovecot reads each flood over TLS from a real Dovecot: the same findings as from the mbox, and the mailbox
// is as it was.
func TestFloodFromDovecot(t *testing.T) {
	for _, flood := range labFloods {
		t.Run(flood.name, func(t *testing.T) {
			mbox := open(t, flood.mbox())
			server := imaptest.StartDovecot(t, "alice@example.com", "secret", map[string][]imaptest.Message{"INBOX": messages(t, mbox)})
			before := server.Files(t)
			source := openDovecot(t, server)
			report, findings := scanLab(t, source)
			flood.check(t, readExpect(t, "testdata/mbox/"+flood.name+".expect.tsv"), report, findings)
			if after := server.Files(t); !slices.Equal(before, after) {
				t.Error("the scan changed the mailbox: names or flags of files differ")
			}
			_, fromMbox := scanLab(t, mbox)
			for i, f := range findings {
				want := fromMbox[i]
				f.Source, f.Mailbox, f.ID, f.Received, f.Original, want.Source, want.ID, want.Received, want.Original = "", "", "", nil, nil, "", "", nil, nil
				if !reflect.DeepEqual(f, want) {
					t.Fatalf("message %d: over IMAP\n%+v\nfrom the mbox\n%+v", i+1, f, want)
				}
			}
		})
	}
}

// messages reads a source into memory, as mail that was seen, so that its flags can change.
func messages(t *testing.T, source mailbox.Source) []imaptest.Message {
	t.Helper()
	var list []imaptest.Message
	for m, err := range source.Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, imaptest.Message{Raw: m.Raw, Date: m.Received})
	}
	return list
}

func openDovecot(t *testing.T, server *imaptest.Dovecot) mailbox.Source {
	t.Helper()
	config, err := imapfetch.ParseURL("imaps://alice%40example.com@" + server.Addr + "/INBOX")
	if err != nil {
		t.Fatal(err)
	}
	config.CAFile, config.All = server.CAFile, true
	config.Password = imaptest.Password("secret")
	source, err := imapfetch.Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	return source
}

// floors are what must hold on each flood, in percent. Classes are held to it where Sent is at hand: without it some can't be
// told (METHOD 8).
const (
	kindFloor   = 99
	originFloor = 100
	classFloor  = 99
)

// check holds a scan against the truth: all is read, kinds and origins are right, and the verdict.
func (l labFlood) check(t *testing.T, rows []truth, report *classify.Report, findings []classify.Finding) score {
	t.Helper()
	if report.Read != len(rows) || len(findings) != len(rows) || len(report.LeftOut) > 0 {
		t.Fatalf("read %d, %d findings, left out %v; the flood has %d messages", report.Read, len(findings), report.LeftOut, len(rows))
	}
	s := check(t, rows, findings)
	t.Logf("%s also %v; %v; classes %v", report.Verdict.Verdict, report.Verdict.Also, s, report.Classes)
	if 100*s.kind < kindFloor*s.kindAll {
		t.Errorf("kind right for %d of %d", s.kind, s.kindAll)
	}
	if 100*s.origin < originFloor*s.originAll {
		t.Errorf("origin right for %d of %d", s.origin, s.originAll)
	}
	if report.Verdict.Verdict != l.verdict {
		t.Errorf("verdict %s, want %s", report.Verdict.Verdict, l.verdict)
	}
	if n := report.Classes[classify.Compromised]; n > 0 && l.verdict != classify.Compromise && l.verdict != classify.Both {
		t.Errorf("%d messages are called compromised", n)
	}
	return s
}

func (l labFlood) checkClasses(t *testing.T, s score) {
	t.Helper()
	if 100*s.class < classFloor*s.classAll {
		t.Errorf("class right for %d of %d", s.class, s.classAll)
	}
}

// checkWithoutSent holds what must be true without Sent: what can't be told for certain is undetermined, says what it could be
// and what would settle it, and the verdict names Sent as missing.
func (l labFlood) checkWithoutSent(t *testing.T, report *classify.Report, findings []classify.Finding) {
	t.Helper()
	open := 0
	for _, f := range findings {
		if f.Class == classify.Undetermined {
			open++
			if len(f.CouldBe) == 0 || f.Settle == "" {
				t.Errorf("%s is undetermined; could be %v, settled by %q", f.ID, f.CouldBe, f.Settle)
			}
		}
	}
	if open == 0 {
		return
	}
	names := slices.ContainsFunc(report.Verdict.Missing, func(m classify.Missing) bool { return strings.Contains(m.What, "Sent") })
	if !names {
		t.Errorf("%d are undetermined and Sent is not named as missing: %v", open, report.Verdict.Missing)
	}
}
