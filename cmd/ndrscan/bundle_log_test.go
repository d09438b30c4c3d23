package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

// TestLogInBundle holds which lines of a mail log a bundle takes: the first and the last, those about the flood, and those
// about the same message behind a content filter.
func TestLogInBundle(t *testing.T) {
	lines := `Nov 23 00:00:01 mx postfix/master[1]: daemon started
Nov 23 10:00:00 mx postfix/smtpd[2]: AAAAAAA1: client=unknown[203.0.113.7], sasl_username=bob
Nov 23 10:00:00 mx postfix/smtp[3]: AAAAAAA1: to=<x@y.test>, status=sent (250 2.0.0 Ok: queued as BBBBBBB2)
Nov 23 10:00:01 mx postfix/smtp[3]: BBBBBBB2: to=<x@y.test>, status=bounced
Nov 23 10:00:02 mx postfix/smtp[3]: CCCCCCC3: to=<other@y.test>, status=sent
Nov 23 23:59:59 mx postfix/master[1]: terminating
`
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write([]byte(lines))
	w.Close()
	path := filepath.Join(t.TempDir(), "mail.log.gz")
	if err := os.WriteFile(path, zipped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	j := &job{bundle: &bundling{ids: map[string]bool{"AAAAAAA1": true}}}
	ids, err := j.widened(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := j.copyLog(t.Context(), &got, path, ids); err != nil {
		t.Fatal(err)
	}
	want := bytes.ReplaceAll([]byte(lines), []byte("Nov 23 10:00:02 mx postfix/smtp[3]: CCCCCCC3: to=<other@y.test>, status=sent\n"), nil)
	if got.String() != string(want) {
		t.Errorf("%s\nwant\n%s", got.String(), want)
	}
}
