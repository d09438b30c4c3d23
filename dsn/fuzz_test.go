package dsn

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// FuzzParse holds that Parse keeps its promises for any bytes: the original lies inside the message if no part had to be
// decoded, its fields lie inside it, and copies with LF, CRLF and bare CR line ends say the same.
func FuzzParse(f *testing.F) {
	for _, msg := range seeds(f) {
		f.Add(msg)
	}
	for _, tt := range hostile {
		f.Add([]byte(tt.make(200)))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkInside(t, msg, Parse(msg))
		checkLineEnds(t, msg)
	})
}

// seeds are the samples of the table, the providers' reports and a few messages of the lab.
func seeds(t testing.TB) [][]byte {
	var list [][]byte
	for _, msg := range samples(t) {
		list = append(list, []byte(msg))
	}
	data, err := os.ReadFile("testdata/providers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range strings.Split(string(data), "\n== ")[1:] {
		_, msg, _ := strings.Cut(entry, "\nReturn-Path")
		list = append(list, []byte("Return-Path"+fillIn(msg+"\n")))
	}
	shapes, _ := filepath.Glob(filepath.Join("testdata", "lab", "*.eml"))
	for _, name := range shapes {
		if data, err := os.ReadFile(name); err == nil {
			list = append(list, data)
		}
	}
	return list
}

// checkLineEnds holds that the same message with other line ends says the same.
func checkLineEnds(t *testing.T, msg []byte) {
	t.Helper()
	if bytes.IndexByte(msg, '\r') >= 0 || bytes.IndexByte(msg, '\n') < 0 || bytes.HasPrefix(msg, []byte("\xff\xfe")) || bytes.HasPrefix(msg, []byte("\xfe\xff")) {
		return
	}
	want := summary(Parse(msg))
	if got := summary(Parse(bytes.ReplaceAll(msg, []byte("\n"), []byte("\r\n")))); got != want && !isLong(msg) {
		t.Fatalf("with LF  %s\nwith CRLF %s", want, got)
	}
	if got := summary(Parse(bytes.ReplaceAll(msg, []byte("\n"), []byte("\r")))); got != want {
		t.Fatalf("with LF %s\nwith CR %s", want, got)
	}
}

// isLong tells messages in which line ends of two bytes move something over a limit counted in bytes.
func isLong(msg []byte) bool { return len(msg) > maxDiagnostic }

// FuzzDialects holds that the readers of text give recipients that are addresses in the text, within their bounds, and
// that the index of marks agrees with its twin.
func FuzzDialects(f *testing.F) {
	for _, msg := range samples(f) {
		_, text, _ := strings.Cut(msg, "\n\n")
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkMarks(t, text)
		for i := range dialects {
			read := dialects[i].read
			if read == nil {
				read = genericReader
			}
			for _, r := range read(text) {
				if len(r.Address) > 3*maxAddress && !strings.Contains(dialects[i].id, "amazonworkmail") {
					t.Fatalf("%s: an address of %d bytes", dialects[i].id, len(r.Address))
				}
				if len(r.Diagnostic) > 3*maxDiagnostic+maxFieldValue {
					t.Fatalf("%s: a diagnostic of %d bytes", dialects[i].id, len(r.Diagnostic))
				}
				// Report fields in the text may be in xtext.
				if isASCII(text) && !containsFold(text, r.Address) && !containsFold(text, "-recipient") {
					t.Fatalf("%s: %q is not in the text", dialects[i].id, r.Address)
				}
			}
		}
		report, quoted := splitQuoted(text)
		if len(report)+len(quoted) != len(text) || !inside(text, quoted) {
			t.Fatalf("report %q and original %q of %q", report, quoted, text)
		}
	})
}

// FuzzAddresses holds that what is taken for an address in a line or a report field is one, lies in it, and is in lower
// case.
func FuzzAddresses(f *testing.F) {
	for _, line := range []string{"<Bad@Remote.example>: no", " * bad@remote.example", "rfc822; bad+40remote.example", "utf-8; jos\\x{e9}@remote.example", "\"a b\"@c.example", "mailto:bad@[192.0.2.1]", "Bad Person (bad@remote.example)<mailto:bad@remote.example>",
		"<bad@remote.example> (expanded from <info@remote.example>): x", "smtp; 550 5.1.1 <bad@remote.example>... User unknown", "for <a@b> ; x"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, read := range []lineReader{leadingAddress, angledAddress, exchangeAddress} {
			addr, tail, ok := read(line)
			if !inside(line, tail) {
				t.Fatalf("tail %q is not in %q", tail, line)
			}
			if ok && isASCII(line) && (!isAddress([]byte(addr)) || !containsFold(line, addr)) {
				t.Fatalf("%q is no address of %q", addr, line)
			}
		}
		if addr := reportAddress(line); addr != strings.ToLower(addr) {
			t.Fatalf("%q is not in lower case", addr)
		}
		if addr := forAddress(line); addr != "" && isASCII(line) && !isAddress([]byte(addr)) {
			t.Fatalf("%q is no address", addr)
		}
		if status := findStatus(line); status != "" && !bytes.Contains(line, []byte(status)) {
			t.Fatalf("status %q is not in %q", status, line)
		}
		reasonOf(&Recipient{Diagnostic: string(line)})
		undoXtext(string(line))
	})
}

// TestSpoilt cuts every sample at 50 places and turns bytes of it around: no panic, and the original stays inside.
func TestSpoilt(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	list := seeds(t)
	if dir := filepath.Join("..", "..", "shared", "corpus", "field"); os.Getenv("CI") == "true" || exists(dir) {
		for _, row := range truthRows(t, filepath.Join(shared(t, "field"), "truth.tsv")) {
			if data, err := os.ReadFile(filepath.Join(dir, row["file"])); err == nil {
				list = append(list, data)
			}
		}
	}
	for _, msg := range list {
		for range 50 {
			cut := msg[:random.IntN(len(msg)+1)]
			checkInside(t, cut, Parse(cut))
			spoilt := bytes.Clone(msg)
			for range 1 + random.IntN(10) {
				spoilt[random.IntN(len(spoilt))] ^= 1 << random.IntN(8)
			}
			checkInside(t, spoilt, Parse(spoilt))
		}
	}
	t.Logf("%d messages", len(list))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func checkInside(t *testing.T, msg []byte, b *Bounce) {
	o := &b.Original
	if len(o.Raw) == 0 && o.Returned != ReturnedNone {
		t.Fatal("an original without bytes")
	}
	for _, field := range o.Header {
		if !inside(o.Raw, field.Raw) || !inside(field.Raw, field.Body()) {
			t.Fatalf("field %q is not in the original", field.Raw)
		}
	}
	decoded := bytes.Contains(bytes.ToLower(msg), []byte("encoding")) || bytes.IndexByte(msg, '>') >= 0 || bytes.IndexByte(msg, '<') >= 0 ||
		bytes.Contains(bytes.ToLower(msg), []byte("charset")) || bytes.IndexByte(msg, '\n') < 0
	if !decoded && !inside(msg, o.Raw) {
		t.Fatal("the original is not in the message")
	}
}

// inside tells whether part is a slice of whole.
func inside(whole, part []byte) bool {
	if len(part) == 0 {
		return true
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	return at >= start && at+uintptr(len(part)) <= start+uintptr(len(whole))
}

// summary is what LF and CRLF copies must have in common.
func summary(b *Bounce) string {
	var out []string
	for _, r := range b.Recipients {
		out = append(out, r.Address, r.Original, string(r.Action), r.Status, string(r.Reason), r.RemoteMTA)
	}
	o := &b.Original
	out = append(out, string(b.Kind), b.Account, b.Software, string(o.Returned), o.From, o.ReturnPath, o.Subject, o.MessageID, strings.Join(o.To, ","))
	for _, f := range o.Header {
		out = append(out, f.Value())
	}
	return strings.Join(slices.Concat(out), "|")
}

// FuzzReport holds that report fields are read within their bounds and give addresses in lower case.
func FuzzReport(f *testing.F) {
	f.Add([]byte("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; A@B.example\nAction: failed\nStatus: 5.1.1 (no)\nDiagnostic-Code: smtp; 550\n no\n"))
	f.Add([]byte("Original-Recipient: rfc822;bad+40remote.example\nFinal-Recipient: utf-8; \\x{e9}@remote.example\n"))
	f.Add([]byte("Final-Recipient: x400; /S=a/\nFinal-Recipient: <a@b>\n\nAction: delayed\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var b Bounce
		for _, r := range readReport(body, &b, nil) {
			if r.Address == "" {
				t.Fatal("a recipient without an address")
			}
			if r.Address != strings.ToLower(r.Address) {
				t.Fatalf("%q is not in lower case", r.Address)
			}
			if r.Status != "" && statusLength([]byte(r.Status), 0) != len(r.Status) {
				t.Fatalf("%q is no status", r.Status)
			}
		}
	})
}
