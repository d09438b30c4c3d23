package ndrscan_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/mailbox"
)

// TestPolicyInReport holds that the report shows the whole policy of a domain of ours, and what is wrong with it where it is.
func TestPolicyInReport(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "zone.db")
	text := `example.com. TXT "v=spf1 ip4:8.8.4.0/28 include:bulk.test ptr include:gone.test -all"
bulk.test. TXT "v=spf1 ip4:9.9.9.0/24 ~all"
example.com. MX 10 mx.example.com.
mx.example.com. A 8.8.4.1
`
	if err := os.WriteFile(zone, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, _ := scanAll(t, emptyMailbox{}, ndrscan.Options{Own: []string{"example.com"}, Resolver: zoneFile(t, zone)})
	domain := report.Domains[slices.IndexFunc(report.Domains, func(d classify.Domain) bool { return d.Domain == "example.com" })]
	var shape []string
	for _, term := range domain.Policy {
		shape = append(shape, strings.Repeat(">", term.Depth)+term.Term)
	}
	want := []string{"ip4:8.8.4.0/28", "include:bulk.test", ">ip4:9.9.9.0/24", ">~all", "ptr", "include:gone.test", "-all"}
	if !slices.Equal(shape, want) {
		t.Errorf("policy %q, want %q", shape, want)
	}
	gone := domain.Policy[slices.IndexFunc(domain.Policy, func(t classify.PolicyTerm) bool { return t.Term == "include:gone.test" })]
	if !slices.ContainsFunc(gone.Problems, func(p string) bool { return strings.Contains(p, "no SPF record") }) {
		t.Errorf("include of a domain without a record: problems %q", gone.Problems)
	}
	if !slices.ContainsFunc(domain.Issues, func(p string) bool { return strings.Contains(p, "gone.test") }) {
		t.Errorf("issues %q do not name the include that makes the record a permanent error", domain.Issues)
	}
}

// emptyMailbox is a source without a message.
type emptyMailbox struct{}

func (emptyMailbox) Name() string { return "empty" }

func (emptyMailbox) Messages(context.Context) iter.Seq2[mailbox.Message, error] {
	return func(func(mailbox.Message, error) bool) {}
}
