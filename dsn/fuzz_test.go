package dsn

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// FuzzParse holds that Parse keeps its promises for any bytes: the original lies inside the message if no part had to be
// decoded, its fields lie inside it, and LF and CRLF copies say the same.
func FuzzParse(f *testing.F) {
	for _, msg := range samples(f) {
		f.Add([]byte(msg))
	}
	for _, tt := range hostile {
		f.Add([]byte(tt.make(200)))
	}
	shapes, _ := filepath.Glob(filepath.Join("testdata", "lab", "*.eml"))
	for _, name := range shapes {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkInside(t, msg, Parse(msg))
		if bytes.IndexByte(msg, '\r') >= 0 {
			return
		}
		lf, crlf := Parse(msg), Parse(bytes.ReplaceAll(msg, []byte("\n"), []byte("\r\n")))
		if a, b := summary(lf), summary(crlf); a != b {
			t.Fatalf("with LF  %s\nwith CRLF %s", a, b)
		}
	})
}

func checkInside(t *testing.T, msg []byte, b *Bounce) {
	o := &b.Original
	if len(o.Raw) == 0 && o.Returned != ReturnedNone {
		t.Fatal("an original without bytes")
	}
	for _, field := range o.Header {
		if !inside(o.Raw, field.Raw) || !inside(field.Raw, field.Body) {
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
