package ndrscan_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// What the pages under docs promise, and what these tests hold:
//
//   - A fenced block after <!-- output NAME --> is what shows[NAME] gives now.
//   - A fenced block of kind "console" is a command, typed in the root of this repository, and what it prints now.
//   - In code spans, `dir/file.go` is a file; `pkg.Name`, `pkg.Type.Name` and `pkg.name()` are declared in a package of
//     ours; `--flag` is a flag of some command.
//   - A link to a page leads to one.
//   - docs/json.md has a row for every field of the JSON, and no other.
//
// go test -run TestDocs -update rewrites the blocks; read the diff.
var updateDocs = flag.Bool("update", false, "rewrite the output shown in docs; read the diff")

// pages are the pages that are checked.
func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("docs/*.md")
	if err != nil || len(list) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(list, "CHANGELOG.md", "README.md")
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced block whose text comes from the program.
var (
	outputBlock  = regexp.MustCompile("(?m)^<!-- output ([a-z-]+) -->\n```[a-z]*\n((?s:.*?))^```$")
	consoleBlock = regexp.MustCompile("(?m)^```console\n(\\$ (?:[^\n]*\\\\\n)*[^\n]*\n)((?s:.*?))^```$")
	fencedBlock  = regexp.MustCompile("(?m)^```(?s:.*?)^```$")
)

func TestDocsShowWhatTheCodePrints(t *testing.T) {
	shown := map[string]bool{}
	for _, page := range pages(t) {
		text := readPage(t, page)
		fresh := replace(outputBlock, text, func(name, _ string) string {
			show, known := shows[name]
			if !known {
				t.Errorf("%s: nothing shows %q", page, name)
				return ""
			}
			shown[name] = true
			return show(t)
		})
		fresh = replace(consoleBlock, fresh, func(command, _ string) string { return typed(t, command) })
		if fresh == text {
			continue
		}
		if *updateDocs {
			if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s is out of date: %s\nrun go test -run TestDocs -update . and read the diff", page, firstDifference(text, fresh))
	}
	for name := range shows {
		if !shown[name] {
			t.Errorf("no page shows %q", name)
		}
	}
}

// replace gives a text with the second group of each match made anew.
func replace(re *regexp.Regexp, text string, fresh func(head, body string) string) string {
	var out strings.Builder
	at := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[at:m[4]])
		out.WriteString(strings.TrimRight(fresh(text[m[2]:m[3]], text[m[4]:m[5]]), "\n") + "\n")
		at = m[5]
	}
	return out.String() + text[at:]
}

func firstDifference(old, fresh string) string {
	was, is := strings.Split(old, "\n"), strings.Split(fresh, "\n")
	for i := range was {
		if i >= len(is) || was[i] != is[i] {
			return fmt.Sprintf("line %d is\n\t%s\nand should be\n\t%s", i+1, was[i], strings.Join(is[i:min(i+1, len(is))], ""))
		}
	}
	return "lines are missing at its end"
}

// builtIn is the folder the program was built in, "" if it was not needed.
var builtIn string

// built makes the program once and gives the folder it is in.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "ndrscan-docs-*"); err != nil {
		return "", err
	}
	builtIn = dir
	name := "ndrscan"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./cmd/ndrscan").CombinedOutput(); err != nil {
		return dir, fmt.Errorf("building ndrscan: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// typed runs a command line as it stands behind the prompt.
func typed(t *testing.T, command string) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", strings.TrimPrefix(command, "$ "))
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s%v\n%s", command, err, complaints.String())
	}
	return string(out)
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	fileName = regexp.MustCompile(`^[\w./-]+\.(go|md|zone|tsv|txt)$`)
	codeName = regexp.MustCompile(`^([a-z]+)\.(\w+(?:\.\w+)?)(\(\))?$`)
	flagName = regexp.MustCompile(`^--[a-z-]+`)
	pageLink = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
)

func TestDocsNameWhatExists(t *testing.T) {
	declared := declarations(t)
	flags := typed(t, "$ for c in scan explain demo doctor abuse filter weekly 'spf check' 'spf lint' 'spf compose' 'spf test'; do ndrscan help $c; done")
	for _, page := range pages(t) {
		prose := fencedBlock.ReplaceAllString(readPage(t, page), "")
		for paragraph := range strings.SplitSeq(prose, "\n\n") {
			for _, span := range codeSpan.FindAllStringSubmatch(paragraph, -1) {
				if problem := checkName(span[1], declared, flags); problem != "" {
					t.Errorf("%s: %s", page, problem)
				}
			}
		}
		for _, link := range pageLink.FindAllStringSubmatch(prose, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, link[1])
			}
		}
	}
}

// checkName says what is wrong with a code span, "" if nothing is or it is something else.
func checkName(span string, declared map[string]map[string]bool, flags string) string {
	switch {
	case fileName.MatchString(span):
		if _, err := os.Stat(span); err != nil {
			return "there is no file " + span
		}
	case flagName.MatchString(span):
		if name := flagName.FindString(span); !regexp.MustCompile(name + `\b`).MatchString(flags) {
			return "there is no flag " + name
		}
	case codeName.MatchString(span):
		m := codeName.FindStringSubmatch(span)
		names, ours := declared[m[1]]
		isCode := m[3] != "" || ast.IsExported(m[2])
		if ours && isCode && !names[m[2]] {
			return "nothing is declared as " + span
		}
	}
	return ""
}

// declarations maps each package of ours to what it declares: names, Type.Method, Type.Field.
func declarations(t *testing.T) map[string]map[string]bool {
	t.Helper()
	declared := map[string]map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := strings.TrimSuffix(parsed.Name.Name, "_test")
		if declared[pkg] == nil {
			declared[pkg] = map[string]bool{}
		}
		for _, decl := range parsed.Decls {
			declare(declared[pkg], decl)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return declared
}

func declare(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			names[receiver(d.Recv.List[0].Type)+"."+name] = true
			return
		}
		names[name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				for _, member := range members(s.Type) {
					names[s.Name.Name+"."+member] = true
				}
			}
		}
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// members are the fields of a struct and the methods of an interface.
func members(e ast.Expr) []string {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	var names []string
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// TestDocsJSON holds docs/json.md to the types: under each heading a row for every field, and no row for another.
func TestDocsJSON(t *testing.T) {
	page := readPage(t, "docs/json.md")
	for heading, value := range map[string]any{"## Finding": classify.Finding{}, "## Report": classify.Report{}, "## Weekly": weekly.Report{}} {
		_, section, found := strings.Cut(page, "\n"+heading+"\n")
		if !found {
			t.Errorf("docs/json.md has no heading %q", heading)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		var rows []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
			rows = append(rows, row[1])
		}
		elsewhere := []reflect.Type{reflect.TypeFor[classify.Finding]()} // types that have rows of their own in another section
		if _, ok := value.(weekly.Report); ok {
			elsewhere = []reflect.Type{reflect.TypeFor[classify.Account](), reflect.TypeFor[classify.OriginRow](), reflect.TypeFor[classify.LeftOut](), reflect.TypeFor[classify.Action]()}
		}
		fields := jsonPaths(reflect.TypeOf(value), "", elsewhere)
		for _, field := range fields {
			if !slices.Contains(rows, field) {
				t.Errorf("docs/json.md, %s: no row for %s", heading, field)
			}
		}
		for i, row := range rows {
			if !slices.Contains(fields, row) {
				t.Errorf("docs/json.md, %s: there is no field %s", heading, row)
			}
			if slices.Contains(rows[:i], row) {
				t.Errorf("docs/json.md, %s: %s stands there twice", heading, row)
			}
		}
	}
}

// jsonPaths lists the fields of a type as the page writes them: "origin.ip", "recipients[].address".
func jsonPaths(typ reflect.Type, prefix string, elsewhere []reflect.Type) []string {
	var paths []string
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		path := prefix + name
		paths = append(paths, path)
		inner := typ.Field(i).Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Slice {
				path += "[]"
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]() && !slices.Contains(elsewhere, inner) {
			paths = append(paths, jsonPaths(inner, path+".", elsewhere)...)
		}
	}
	return paths
}

var (
	rfcNumber = regexp.MustCompile(`RFC [0-9]{3,4}`)
	goFile    = regexp.MustCompile("`([\\w./-]+\\.go)`")
)

// TestDocsRFCs holds docs/rfcs.md to the citations in the code: the files of a row cite the row's RFCs, and every RFC that
// is cited stands on the page. The demo and the test servers don't count.
func TestDocsRFCs(t *testing.T) {
	page := readPage(t, "docs/rfcs.md")
	for row := range strings.Lines(page) {
		cells := strings.Split(row, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], "RFC ") {
			continue
		}
		var cited []string
		files := goFile.FindAllStringSubmatch(cells[2], -1)
		for _, file := range files {
			inFile := rfcNumber.FindAllString(readPage(t, file[1]), -1)
			if !slices.ContainsFunc(inFile, func(rfc string) bool { return strings.Contains(cells[1], rfc) }) {
				t.Errorf("docs/rfcs.md: %s cites nothing of %q", file[1], strings.TrimSpace(cells[1]))
			}
			cited = append(cited, inFile...)
		}
		for _, rfc := range rfcNumber.FindAllString(cells[1], -1) {
			if len(files) > 0 && !slices.Contains(cited, rfc) {
				t.Errorf("docs/rfcs.md: none of the files named for %s cites it", rfc)
			}
		}
	}
	missing := map[string]string{}
	for file, text := range sources(t) {
		for _, rfc := range rfcNumber.FindAllString(text, -1) {
			if !strings.Contains(page, rfc) {
				missing[rfc] = file
			}
		}
	}
	for rfc, file := range missing {
		t.Errorf("%s cites %s: give docs/rfcs.md a row for it", file, rfc)
	}
}

// sources are the program's files without tests, test servers and the demo.
func sources(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		for _, aside := range []string{"internal/demo/", "internal/dnstest/", "internal/imaptest/"} {
			if strings.HasPrefix(filepath.ToSlash(file), aside) {
				return nil
			}
		}
		texts[file] = readPage(t, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
