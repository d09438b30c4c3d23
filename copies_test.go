package ndrscan_test

import (
	"context"
	"testing"
	"time"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/mailbox"
)

// A message that lies in two places is one delivery: the flood read twice is the flood read once, and each copy has its
// finding. Counted again from the findings, too.
func TestCopiesCountOnce(t *testing.T) {
	for _, flood := range []labFlood{labFloods[2], labFloods[3]} {
		scan := func(sources ...mailbox.Source) (*classify.Report, []classify.Finding) {
			result, err := ndrscan.Scan(context.Background(), sources, ndrscan.Options{Own: []string{"example.com", "example.org"}, Resolver: zoneFile(t, "testdata/mbox/lab.zone"),
				KeepFindings: true, Now: func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }})
			if err != nil {
				t.Fatal(err)
			}
			defer result.Close()
			var list []classify.Finding
			for f, err := range result.Findings() {
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, f)
			}
			return result.Report, list
		}
		once, findings := scan(open(t, flood.mbox()))
		twice, both := scan(open(t, flood.mbox()), open(t, flood.mbox()))
		if once.Copies != 0 || twice.Copies != once.Read || twice.Read != 2*once.Read {
			t.Errorf("%s: read %d with %d copies, then %d with %d", flood.name, once.Read, once.Copies, twice.Read, twice.Copies)
		}
		for kind, n := range once.Kinds {
			if twice.Kinds[kind] != n {
				t.Errorf("%s: %d of kind %s, want %d", flood.name, twice.Kinds[kind], kind, n)
			}
		}
		for class, n := range once.Classes {
			if twice.Classes[class] != n {
				t.Errorf("%s: %d %s, want %d", flood.name, twice.Classes[class], class, n)
			}
		}
		if twice.Verdict.Verdict != once.Verdict.Verdict || twice.Verdict.Witnesses != once.Verdict.Witnesses {
			t.Errorf("%s: %+v, want %+v", flood.name, twice.Verdict, once.Verdict)
		}
		for i, f := range findings {
			if class, copied := both[i].Class, both[len(findings)+i].Class; class != f.Class || copied != f.Class {
				t.Fatalf("%s: message %d is %s, its copy %s, want %s", flood.name, i+1, class, copied, f.Class)
			}
		}
		if again := recounted(t, twice, both); again.Copies != twice.Copies || again.Verdict.Witnesses != twice.Verdict.Witnesses {
			t.Errorf("%s: counted again there are %d copies, want %d: %+v", flood.name, again.Copies, twice.Copies, again.Verdict)
		}
	}
}
