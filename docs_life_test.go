package ndrscan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/resolve"
	"ndrscan/spf"
	"ndrscan/trace"
)

// shows are the blocks of docs/life-of-a-bounce.md and docs/house.md that no command prints.
var shows = map[string]func(t *testing.T) string{
	"message": func(t *testing.T) string {
		return fields(lifeMessage(t), "Source", "ID", "Received", "Size", "Truncated")
	},
	"bounce":    showBounce,
	"reporter":  showReporter,
	"hops":      showHops,
	"origin":    showOrigin,
	"spf":       showSPF,
	"proof":     showProof,
	"case":      showCase,
	"class-row": func(t *testing.T) string { return sourceLine(t, "classify/classes.go", "{class: Compromised, ") },
	"finding":   showFinding,
	"arrows":    func(t *testing.T) string { return showHouse(t, "mayImport", "->") },
	"wrappers":  func(t *testing.T) string { return showHouse(t, "talksTo", "<-") },
}

// The message that docs/life-of-a-bounce.md follows.
const (
	lifeMbox = "testdata/mbox/mixed.mbox.gz"
	lifeSent = "testdata/mbox/mixed.sent.mbox.gz"
	lifeID   = "1100849"
)

var lifeOwn = []string{"mx.example.com", "submit.example.com"}

func lifeMessage(t *testing.T) mailbox.Message {
	t.Helper()
	for m, err := range open(t, lifeMbox).Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if m.ID == lifeID {
			return m
		}
	}
	t.Fatalf("%s holds no message %s", lifeMbox, lifeID)
	return mailbox.Message{}
}

func lifeBounce(t *testing.T) *dsn.Bounce {
	t.Helper()
	return dsn.Parse(lifeMessage(t).Raw)
}

func lifeDNS(t *testing.T) *resolve.Client {
	t.Helper()
	dns, err := resolve.Open("zone:testdata/mbox/lab.zone", resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dns
}

// lifeTrace walks as the pipeline does.
func lifeTrace(t *testing.T) (trace.Reporter, trace.Origin) {
	t.Helper()
	ctx, dns, b := context.Background(), lifeDNS(t), lifeBounce(t)
	own, err := trace.NewOwn(lifeOwn, nil, []string{"example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Resolve(ctx, dns); err != nil {
		t.Fatal(err)
	}
	tracer := trace.Tracer{Own: own, Resolver: dns}
	reporter := tracer.Reporter(ctx, b.Header)
	return reporter, tracer.Origin(ctx, trace.Input{Original: b.Original.Header, Reporter: reporter,
		ReportingMTA: b.ReportingMTA, Software: b.Software, RecipientDomains: []string{"maplewood.example"}})
}

func showBounce(t *testing.T) string {
	b := lifeBounce(t)
	return fields(b, "Kind", "Software", "Account", "Subject") +
		fields(b.Recipients[0], "Address", "Action", "Status", "Reason", "Diagnostic") +
		fields(b.Original, "Returned", "ReturnPath", "From", "To", "Subject", "MessageID", "Date") +
		row("Raw", fmt.Sprintf("%d bytes, %d Received lines", len(b.Original.Raw), b.Original.Header.Count("Received")))
}

func showReporter(t *testing.T) string {
	reporter, _ := lifeTrace(t)
	return fields(reporter, "IP", "RDNS", "RDNSConfirmed", "Own", "Unstamped", "Organisation")
}

// showHops reads each Received line of the original.
func showHops(t *testing.T) string {
	var out strings.Builder
	line := 0
	for _, field := range lifeBounce(t).Original.Header.All("Received") {
		line++
		hop := fields(trace.ParseReceived(field.Value()), "HELO", "RDNS", "IP", "By", "Protocol", "Auth", "AuthUser", "ID", "Local", "Software")
		for name := range strings.Lines(hop) {
			if !strings.HasSuffix(name, " false\n") {
				fmt.Fprintf(&out, "line %d  %s", line, name)
			}
		}
	}
	return out.String()
}

func showOrigin(t *testing.T) string {
	_, o := lifeTrace(t)
	var out strings.Builder
	for _, s := range o.Steps {
		fmt.Fprintf(&out, "line %d  %-15s %-22s believed=%-5t %s\n", s.Line, s.Client, s.By, s.Believed, s.Why)
	}
	return out.String() + fields(o, "IP", "RDNS", "RDNSConfirmed", "Via", "Trust", "Own", "AuthUser", "ClientIP", "Entry", "QueueID", "ClaimedOrigin", "Framing")
}

func showSPF(t *testing.T) string {
	b, dns := lifeBounce(t), lifeDNS(t)
	_, o := lifeTrace(t)
	records, err := dns.LookupTXT(context.Background(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	from := classify.ReversePath(b, o.EnvelopeFrom)
	checker := spf.Checker{Resolver: dns, SkipExp: true}
	outcome := checker.Check(context.Background(), spf.Request{IP: o.IP, Sender: from.Sender(), HELO: o.HELO})
	return row("record", records[0]) + fields(from, "Address", "Source") +
		fields(outcome, "Result", "Domain", "Mechanism", "Path", "Lookups", "Shared") + row("Steps", fmt.Sprintf("%+v", outcome.Steps))
}

// showProof looks for a signature of ours and for the message in Sent.
func showProof(t *testing.T) string {
	o := lifeBounce(t).Original
	verifier := proof.Verifier{Resolver: lifeDNS(t)}
	signatures := verifier.Verify(context.Background(), o.Header, o.Body, true, o.Date)
	sent := proof.NewSent()
	for m, err := range open(t, lifeSent).Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		sent.Add(dsn.Parse(m.Raw).Header)
	}
	_, found := sent.Lookup(o.MessageID)
	return row("signatures", fmt.Sprint(len(signatures))) +
		row("recorded", fmt.Sprint(len(proof.Recorded(o.Header)))) +
		row("Sent holds", fmt.Sprint(sent.Len())+" messages") +
		row("found in Sent", fmt.Sprint(found)) +
		row("known recipient", fmt.Sprint(sent.Knows(o.From, "karen.rossi20@maplewood.example"))) +
		row("known ID form", fmt.Sprint(sent.UsesIDForm(o.From, o.MessageID, o.Date)))
}

// lifeLine is the message's line of --format jsonl.
func lifeLine(t *testing.T) string {
	t.Helper()
	return typed(t, "$ ndrscan scan --dns zone:testdata/mbox/lab.zone --own "+strings.Join(lifeOwn, " --own ")+
		" --sent "+lifeSent+" --format jsonl "+lifeMbox+" | grep '\"id\":\""+lifeID+"\"'")
}

// showFinding breaks the line up to be read.
func showFinding(t *testing.T) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(lifeLine(t)), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// showCase lists the codes that hold for the message alone: all but those of the whole flood.
func showCase(t *testing.T) string {
	var f classify.Finding
	if err := json.Unmarshal([]byte(lifeLine(t)), &f); err != nil {
		t.Fatal(err)
	}
	list := codes(f)
	return strings.Join(slices.DeleteFunc(list, func(code string) bool { return code == "out-of-habit" }), "  ") +
		"\ncampaign " + f.Campaign + ", cell " + f.Cell
}

// sourceLine gives the first line of a file that begins so.
func sourceLine(t *testing.T, file, begin string) string {
	t.Helper()
	for line := range strings.Lines(readPage(t, file)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, begin) {
			return line
		}
	}
	t.Errorf("%s has no line that begins with %s", file, begin)
	return ""
}

// fields writes some fields of a struct, those with a value, one a line.
func fields(v any, names ...string) string {
	value := reflect.Indirect(reflect.ValueOf(v))
	var out strings.Builder
	for _, name := range names {
		field := value.FieldByName(name)
		if field.IsZero() && field.Kind() != reflect.Bool {
			continue
		}
		out.WriteString(row(name, strings.ReplaceAll(fmt.Sprint(field.Interface()), "\n", " ")))
	}
	return out.String()
}

func row(name, value string) string { return fmt.Sprintf("%-16s %s\n", name, value) }

// showHouse writes a table of house_test.go as arrows.
func showHouse(t *testing.T, table, arrow string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "house_test.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != table || len(spec.Values) == 0 {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			pair := element.(*ast.KeyValueExpr)
			rows[unquote(pair.Key)] = unquoteAll(pair.Value)
		}
		return false
	})
	keys := slices.Sorted(maps.Keys(rows))
	width := len(slices.MaxFunc(keys, func(a, b string) int { return len(a) - len(b) }))
	var out strings.Builder
	for _, key := range keys {
		if len(rows[key]) == 0 {
			rows[key] = []string{"none of ours"}
		}
		fmt.Fprintf(&out, "%-*s %s %s\n", width, key, arrow, strings.Join(rows[key], ", "))
	}
	return out.String()
}

func unquote(e ast.Expr) string {
	text, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
	return text
}

func unquoteAll(e ast.Expr) []string {
	list, ok := e.(*ast.CompositeLit)
	if !ok { // nil
		return nil
	}
	var all []string
	for _, element := range list.Elts {
		all = append(all, unquote(element))
	}
	return all
}
