package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/internal/header"
)

// labFloods are the lab's five scenarios.
var labFloods = []string{"joe-job", "compromise", "mixed", "misconfigured", "framed"}

const floods = "../../testdata/mbox/"

// scanTo runs a scan of a flood of the lab and gives what it prints.
func scanTo(t *testing.T, flood string, more ...string) string {
	t.Helper()
	args := append([]string{"scan", floods + flood + ".mbox.gz", "--sent", floods + flood + ".sent.mbox.gz", "--dns", "zone:" + floods + "lab.zone",
		"--own", "example.com", "--own", "example.org"}, more...)
	return output(t, args...)
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(args, strings.NewReader(""), &out, &errs); code != exitDone && code != exitLeftOut {
		t.Fatalf("ndrscan %s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
	}
	messages = errs.String()
	return out.String()
}

// messages is what the last run wrote to standard error.
var messages string

func reportOf(t *testing.T, text string) *classify.Report {
	t.Helper()
	r := new(classify.Report)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
	return r
}

// TestBundle holds that the bundle of each scenario, scanned again without mailbox and DNS, gives the same report; a redacted
// one the same verdict.
func TestBundle(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, flood := range labFloods {
		t.Run(flood, func(t *testing.T) {
			dir := t.TempDir()
			whole, redacted := filepath.Join(dir, "whole.zip"), filepath.Join(dir, "redacted.zip")
			first := reportOf(t, scanTo(t, flood, "--format", "json", "--bundle", whole))
			again := reportOf(t, output(t, "scan", "-q", "--format", "json", whole))
			for _, r := range []*classify.Report{first, again} {
				r.Sources, r.Run, r.Generated = nil, classify.Run{}, first.Generated
				for i := range r.Verdict.Missing {
					r.Verdict.Missing[i].Command = ""
				}
				for i, a := range r.Actions { // they name what was read
					if strings.HasPrefix(a.Command, "ndrscan ") {
						r.Actions[i].Command = ""
					}
				}
			}
			// What is no bounce is in a bundle only where an account of ours sent it.
			first.Read, first.Kinds = again.Read, again.Kinds
			compare(t, first, again)

			third := reportOf(t, scanTo(t, flood, "--format", "json", "--bundle", redacted, "--redact", "all"))
			fourth := reportOf(t, output(t, "scan", "-q", "--format", "json", redacted))
			if third.Verdict.Verdict != first.Verdict.Verdict || fourth.Verdict.Verdict != first.Verdict.Verdict {
				t.Errorf("verdicts %s, redacted %s, again %s", first.Verdict.Verdict, third.Verdict.Verdict, fourth.Verdict.Verdict)
			}
			if a, b := asText(t, third.Classes), asText(t, fourth.Classes); a != b || a != asText(t, first.Classes) {
				t.Errorf("classes %s, redacted %s, again %s", asText(t, first.Classes), a, b)
			}
		})
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compare(t *testing.T, a, b any) {
	t.Helper()
	want, got := strings.Split(asText(t, a), "\n"), strings.Split(asText(t, b), "\n")
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			t.Fatalf("line %d:\n%s\nwant\n%s", i, strings.Join(got[max(0, i-5):min(len(got), i+5)], "\n"), strings.Join(want[max(0, i-5):min(len(want), i+5)], "\n"))
		}
	}
}

var mailAddress = regexp.MustCompile(`[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)

// failedRecipient finds the local part of a recipient that has a dot and a digit: no word of ours, and no host.
var failedRecipient = regexp.MustCompile(`(?i)final-recipient: *rfc822; *<?([a-z]+\.[a-z]+[0-9]+)@`)

var pseudonyms = regexp.MustCompile(`x-[a-z2-7]{10}`)

// TestRedactAll holds that with --redact all nothing of the input that names people is in any output: it looks for every
// address, every subject and every recipient's local part of every message, in every format, in the bundle and in what explain says.
func TestRedactAll(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, flood := range labFloods {
		t.Run(flood, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name string) string { return filepath.Join(dir, name) }
			screen := scanTo(t, flood, "--redact", "all", "--bundle", file("b.zip"), "-o", file("r.json"), "-o", file("r.jsonl"), "-o", file("r.csv"),
				"-o", file("findings.csv"), "-o", file("r.md"), "-o", file("r.html"), "--format", "table")
			secrets := secretsOf(t, floods+flood+".mbox.gz")
			if len(secrets) < 100 {
				t.Fatalf("only %d secrets found: the test looks at nothing", len(secrets))
			}
			outputs := map[string]string{"screen": screen + messages, "verbose": scanTo(t, flood, "--redact", "all", "-v")}
			var id string
			for _, line := range strings.Split(readAll(t, file("r.jsonl")), "\n") {
				if strings.Contains(line, `"class":`) {
					id = line[strings.Index(line, `"id":"`)+6:]
					id = id[:strings.Index(id, `"`)]
				}
			}
			outputs["explain"] = output(t, "explain", floods+flood+".mbox.gz", id, "--own", "example.com", "--dns", "zone:"+floods+"lab.zone", "--redact", "all")
			for _, name := range []string{"r.json", "r.jsonl", "r.csv", "findings.csv", "r.md", "r.html"} {
				outputs[name] = readAll(t, file(name))
			}
			for name, content := range unzip(t, file("b.zip")) {
				outputs["bundle "+name] = content
			}
			for name, text := range outputs {
				if len(text) < 20 {
					t.Errorf("%s is empty", name)
				}
				text = strings.ReplaceAll(strings.ToLower(text), "\n", " ")
				text = pseudonyms.ReplaceAllString(text, "") // one may end like a short address
				for _, secret := range secrets {
					if strings.Contains(text, secret) {
						t.Errorf("%s holds %q", name, secret)
					}
				}
			}
		})
	}
}

// secretsOf are the addresses and subjects of a gzipped mbox, in lower case. Subjects of one word may be words of ours.
func secretsOf(t *testing.T, path string) []string {
	t.Helper()
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	in, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, address := range mailAddress.FindAll(text, -1) {
		seen[strings.ToLower(string(address))] = true
	}
	for _, match := range failedRecipient.FindAllSubmatch(text, -1) { // sites name mailboxes without their domain, too
		seen[strings.ToLower(string(match[1]))] = true
	}
	for _, line := range strings.Split(string(text), "\n") {
		if value, found := strings.CutPrefix(line, "Subject: "); found && strings.Contains(strings.TrimSpace(value), " ") {
			seen[strings.ToLower(strings.TrimSpace(header.Decode(value)))] = true
		}
	}
	var list []string
	for secret := range seen {
		list = append(list, secret)
	}
	return list
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func unzip(t *testing.T, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// TestChangedBundle holds that what a bundle shows is what its manifest says, for show as for scan.
func TestChangedBundle(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := t.TempDir()
	scanTo(t, "misconfigured", "--bundle", filepath.Join(dir, "good.zip"), "-q")
	scanTo(t, "misconfigured", "--bundle", filepath.Join(dir, "redacted.zip"), "--redact", "all", "-q")
	tests := []struct {
		name, of, file, from, to string
		args                     []string
		refused                  bool
	}{
		{name: "good", of: "good", args: []string{"show", "--format", "jsonl"}},
		{"report", "good", "report.json", `"messages": 30`, `"messages": 31`, []string{"show"}, true},
		{"findings", "good", "findings.jsonl", `"class":"misconfigured"`, `"class":"compromised"`, []string{"show", "--format", "jsonl"}, true},
		{"findings, which a report does not show", "good", "findings.jsonl", `"class":"misconfigured"`, `"class":"compromised"`, []string{"show"}, false},
		{"findings of a redacted one", "redacted", "findings.jsonl", `"class":"misconfigured"`, `"class":"compromised"`, []string{"scan"}, true},
		{"manifest", "good", "manifest.json", "ndrscan.bundle/1", "ndrscan.bundle/9", []string{"show"}, true},
	}
	for _, tt := range tests {
		changed := filepath.Join(t.TempDir(), "changed.zip")
		rewriteBundle(t, filepath.Join(dir, tt.of+".zip"), changed, tt.file, tt.from, tt.to)
		var out, errs bytes.Buffer
		code := run(append(tt.args, changed), strings.NewReader(""), &out, &errs)
		if tt.refused && (code != exitFailed || out.Len() > 0 || !strings.Contains(errs.String(), tt.file) && tt.file != "manifest.json") {
			t.Errorf("%s: exit code %d: %s%.200s", tt.name, code, errs.String(), out.String())
		}
		if !tt.refused && code != exitDone {
			t.Errorf("%s: exit code %d: %s", tt.name, code, errs.String())
		}
	}
}

// rewriteBundle copies a bundle and changes a text in one of its files.
func rewriteBundle(t *testing.T, path, changed, file, from, to string) {
	t.Helper()
	in, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var text bytes.Buffer
	out := zip.NewWriter(&text)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == file {
			if !bytes.Contains(content, []byte(from)) {
				t.Fatalf("no %s in %s", from, file)
			}
			content = bytes.ReplaceAll(content, []byte(from), []byte(to))
		}
		w, err := out.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
