package ndrscan

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the house: which of our packages may import which. An import of ours that is not listed fails the test;
// so does a package that is not listed. Tests may import what they like.
var mayImport = map[string][]string{
	".": {"mailbox", "dsn", "trace", "spf", "proof", "classify", "resolve", "internal/header"},
	"cmd/ndrscan": {".", "mailbox", "imapfetch", "dsn", "trace", "resolve", "spf", "proof", "classify", "report", "store", "bundle", "weekly", "filter",
		"internal/demo", "internal/netinfo"},
	"mailbox":              nil,
	"imapfetch":            {"mailbox"},
	"dsn":                  {"internal/header"},
	"trace":                {"internal/header"},
	"proof":                {"internal/header"},
	"resolve":              nil,
	"spf":                  nil,
	"classify":             {"dsn", "trace", "spf", "proof"},
	"weekly":               {"classify"},
	"bundle":               {"mailbox", "classify", "internal/header"},
	"report":               {"classify", "weekly", "spf"}, // spf: its explanations and complaints are data that only want printing
	"store":                {"classify"},
	"filter":               {"classify", "internal/header"},
	"internal/header":      nil,
	"internal/dnstest":     {"resolve"},
	"internal/imaptest":    nil,
	"internal/netinfo":     nil,
	"internal/browsertest": nil,
	"internal/demo":        {"internal/dnstest", "internal/imaptest"},
}

// talksTo keeps outside libraries behind the one package that wraps them.
var talksTo = map[string][]string{
	"github.com/miekg/dns":              {"resolve", "internal/dnstest", "internal/demo"},
	"github.com/emersion/go-imap/v2":    {"imapfetch", "internal/imaptest"},
	"github.com/olekukonko/tablewriter": {"report"},
	"github.com/spf13/cobra":            {"cmd/ndrscan"},
	"github.com/zalando/go-keyring":     {"cmd/ndrscan"},
	"github.com/schollz/progressbar/v3": {"cmd/ndrscan"},
	"github.com/chromedp":               {"internal/browsertest"},
	"github.com/emersion/go-msgauth":    {"proof"},
	"github.com/emersion/go-smtp":       {"cmd/ndrscan"},
	"github.com/BurntSushi/toml":        {"cmd/ndrscan"},
	"modernc.org/sqlite":                {"store"},
}

func TestImportsFollowTheHouse(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		seen[pkg] = true
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("package %s has no place in the house: add it to mayImport, with a reason in docs/house.md", pkg)
		}
		for _, imported := range imports(t, file) {
			checkImport(t, file, pkg, imported, allowed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range mayImport {
		if !seen[pkg] {
			t.Errorf("mayImport names %s, which has no Go file", pkg)
		}
	}
}

func checkImport(t *testing.T, file, pkg, imported string, allowed []string) {
	t.Helper()
	if imported == "ndrscan" || strings.HasPrefix(imported, "ndrscan/") {
		ours := path.Clean(strings.TrimPrefix(strings.TrimPrefix(imported, "ndrscan"), "/"))
		if !slices.Contains(allowed, ours) {
			t.Errorf("%s: %s may not import %s", file, pkg, ours)
		}
		return
	}
	for library, owners := range talksTo {
		if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(owners, pkg) {
			t.Errorf("%s: only %v may import %s", file, owners, library)
		}
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range parsed.Imports {
		list = append(list, strings.Trim(spec.Path.Value, `"`))
	}
	return list
}
