package classify

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/reasons.md; read the diff")

func TestReasonsPage(t *testing.T) {
	const page = "../docs/reasons.md"
	fresh := ReasonsPage()
	if *update {
		if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != fresh {
		t.Errorf("%s is stale: run go test ./classify -run TestReasonsPage -update and read the diff", page)
	}
}

func TestRules(t *testing.T) {
	for _, r := range Rules() {
		if r.Says == "" || r.Means == "" || r.Source == "" || WeightText(r.Weight) == "" {
			t.Errorf("%+v is not whole", r)
		}
		if got, ok := Rule(r.Code); !ok || got.Code != r.Code {
			t.Errorf("%s is not found", r.Code)
		}
	}
	if _, ok := Rule("no-such-code"); ok {
		t.Error("a code that is none was found")
	}
}
