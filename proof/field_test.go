package proof

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"ndrscan/internal/header"
)

// TestField reads what real hosts recorded and signed, in the bounces of the field corpus and in the messages inside them.
// Its keys are not at hand: no signature may pass or fail. Of the records that show an address in one of the known forms,
// hardly any may be read without one.
func TestField(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/field/*/*")
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../shared/corpus/field is missing")
		}
		t.Skip("../shared/corpus/field is not here")
	}
	verifier := Verifier{Resolver: keys{}}
	records, shown, read, signatures := 0, 0, 0, 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range sectionsOf(header.CRToLF(raw)) {
			for _, r := range Recorded(section) {
				records++
				if r.IP.IsValid() {
					read++
				}
				if holdsAddress(section[r.Index]) {
					shown++
				}
			}
			for _, s := range verifier.Verify(context.Background(), section, nil, false, mailDate) {
				signatures++
				if s.Result != DKIMNoKey && s.Result != DKIMError {
					t.Errorf("%s: %s of %s without its key", filepath.Base(name), s.Result, s.Domain)
				}
			}
		}
	}
	t.Logf("%d records, %d of them show an address, %d read; %d signatures", records, shown, read, signatures)
	if records < 100 || signatures < 50 || read*100 < shown*98 {
		t.Errorf("%d records, %d of them show an address, %d read; %d signatures", records, shown, read, signatures)
	}
}

// sectionsOf gives the header section of a message, and those that begin with a trace field further down.
func sectionsOf(raw []byte) []header.Section {
	section, body := header.Split(raw)
	list := []header.Section{section}
	for _, mark := range [][]byte{[]byte("\nReturn-Path:"), []byte("\nReceived:")} {
		if i := bytes.Index(body, mark); i >= 0 {
			inner, _ := header.Split(body[i+1:])
			list = append(list, inner)
			break
		}
	}
	return list
}

// holdsAddress tells whether any word of a field is an IP address.
func holdsAddress(f header.Field) bool {
	for _, w := range bytes.FieldsFunc(f.Body(), func(r rune) bool { return bytes.ContainsRune([]byte(" \t\r\n();=[]"), r) }) {
		if parseIP(string(w)).IsValid() {
			return true
		}
	}
	return false
}
