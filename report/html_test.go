package report

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"ndrscan/classify"
)

func htmlOf(t *testing.T, r *classify.Report) string {
	t.Helper()
	var b strings.Builder
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withSamples is a report with everything that a page can show.
func withSamples() *classify.Report {
	r := joeJob()
	r.Samples = []classify.Finding{forged(), own(), undetermined()}
	r.Accounts = compromise().Accounts
	r.Episodes = compromise().Episodes
	r.Timeline = []classify.Bucket{
		{Hour: *at("2026-11-20T08:00:00Z"), Classes: map[classify.Class]int{classify.Forged: 100, classify.Genuine: 12}},
		{Hour: *at("2026-11-23T19:00:00Z"), Classes: map[classify.Class]int{classify.Forged: 90, classify.Undetermined: 10}}}
	r.Origins[0].Enriched = &classify.Enrichment{ASN: 64500, ASName: "BAD-NET Bad Networks", Country: "NL", Listed: []string{"zen.example"}, Abuse: []string{"abuse@bad.example"}}
	r.Origins[1].Misconfiguration, r.Origins[1].SPFTerm = classify.SourceWebForm, "ip4:203.0.113.11"
	r.Domains[0].Policy = []classify.PolicyTerm{
		{Domain: "example.com", Term: "mx", Says: "The hosts that take its mail may send."},
		{Domain: "example.com", Term: "include:_spf.provider.example", Says: "What its record permits may send."},
		{Depth: 1, Domain: "_spf.provider.example", Term: "ip4:198.51.100.0/24", Says: "198.51.100.0/24 may send.", Problems: []string{"every customer of the provider may send"}},
		{Depth: 1, Domain: "_spf.provider.example", Term: "-all", Says: "Nobody else of this record."},
		{Domain: "example.com", Term: "~all", Says: "All others: a soft failure."}}
	return r
}

// The goldens of the five floods lie with the pipeline that makes them (formats_test.go at the root).
func TestHTMLGolden(t *testing.T) {
	_, body, ok := strings.Cut(htmlOf(t, withSamples()), "</style>")
	if !ok {
		t.Fatal("no style")
	}
	golden(t, "page.html", body) // the style is page.css
	_, body, _ = strings.Cut(htmlOf(t, nothing()), "</style>")
	golden(t, "none.html", body)
}

// fill fills every string of a value with a text, every list and map with n of them, and every number with a large one.
func fill(v reflect.Value, text string, n, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, n, depth)
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text, n, depth+1)
		}
	case reflect.Slice:
		if depth > 2 {
			n = min(n, 8)
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), text, n, depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text, n, depth)
		fill(value, text, n, depth)
		v.SetMapIndex(key, value)
	}
}

func filledReport(text string, n int) *classify.Report {
	r := &classify.Report{}
	fill(reflect.ValueOf(r).Elem(), text, n, 0)
	for i, class := range classOrder { // known words, so that every part is shown
		r.Classes[class] = i + 1
		r.Samples[i%len(r.Samples)].Class = class
	}
	r.Kinds["bounce"] = 1000
	return r
}

// Whatever mail says, the page has our elements and attributes only, points nowhere, and nothing in it moves a cursor or
// turns text round.
func TestHTMLHostile(t *testing.T) {
	elements := strings.Fields(`html head meta link title style body header p span br main section h1 h2 h3 h4 pre strong bdi ul li ol dl
		div dt dd nav a code figure figcaption svg desc path g rect details summary table caption thead tbody tr th td article footer`)
	attributes := strings.Fields(`lang charset http-equiv content name rel href class id aria-label aria-labelledby aria-hidden role
		tabindex scope viewbox preserveaspectratio d x y width height open`)
	for _, text := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='alert(1)", "javascript:alert(1)", "data:text/html,<b>",
		"</style><script>", "</title><b>", "<!--", "]]>", "{{.Evil}} {{template \"x\"}}", "`${1}`", "\x1b[31mred\x1b]0;t\x07", "a\u202eb\u2066c\u200f", "a\x00b\x7f\u0085\xff\xfe",
		"Счёт 请查收 שלום مرحبا", "&lt;b&gt; &amp; &#60;", strings.Repeat("<a href=//evil.example>", 450), strings.Repeat("\u0301", 10240), "https://evil.example/x.png", "",
	} {
		page := htmlOf(t, filledReport(text, 4))
		if len(page) > maxHTML {
			t.Errorf("%.20q: %d bytes", text, len(page))
		}
		for _, r := range page {
			if r != '\n' && (r < ' ' || r == utf8.RuneError) || !Printable(r) && r != '\n' && r != ' ' && r != '\u202f' {
				t.Errorf("%.20q: the page holds %U", text, r)
				break
			}
		}
		tokens := html.NewTokenizer(strings.NewReader(page))
		for tokens.Next() != html.ErrorToken {
			token := tokens.Token()
			if token.Type == html.CommentToken {
				t.Errorf("%.20q: a comment: %s", text, token)
			}
			if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
				continue
			}
			if !slices.Contains(elements, token.Data) {
				t.Errorf("%.20q: element %s", text, token.Data)
			}
			for _, a := range token.Attr {
				if !slices.Contains(attributes, strings.ToLower(a.Key)) {
					t.Errorf("%.20q: attribute %s of %s", text, a.Key, token.Data)
				}
				if a.Key == "href" && a.Val != "data:," && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("%.20q: a link to %q", text, a.Val)
				}
			}
		}
		if shown := cut(Clean(text), 20); !strings.Contains(html.UnescapeString(page), strings.TrimRight(strings.TrimSuffix(shown, more), " ")) {
			t.Errorf("%.20q is not shown", text)
		}
	}
}

// The page is an answer that no server frames, so its own policy must stop what it must not do; and let its style through.
func TestHTMLPolicy(t *testing.T) {
	page := htmlOf(t, withSamples())
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	if !strings.Contains(html.UnescapeString(page), want) {
		t.Errorf("the policy does not let the style through: want %s", want)
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style fetches something")
	}
}

// Every link of the page leads to a place in it, and no place has its name twice.
func TestHTMLLinks(t *testing.T) {
	for _, r := range []*classify.Report{withSamples(), compromise(), nothing(), filledReport("x", 12)} {
		ids, links := map[string]bool{}, map[string]bool{}
		tokens := html.NewTokenizer(strings.NewReader(htmlOf(t, r)))
		for tokens.Next() != html.ErrorToken {
			for _, a := range tokens.Token().Attr {
				switch a.Key {
				case "id":
					if ids[a.Val] {
						t.Errorf("two places are named %s", a.Val)
					}
					ids[a.Val] = true
				case "href":
					links[strings.TrimPrefix(a.Val, "#")] = a.Val != "data:,"
				case "aria-labelledby":
					for name := range strings.FieldsSeq(a.Val) {
						links[name] = true
					}
				}
			}
		}
		delete(ids, "")
		for name, inside := range links {
			if inside && !ids[name] {
				t.Errorf("nothing is named %s", name)
			}
		}
	}
}

// A report of any size makes a page that a browser opens at once, and says what it leaves out.
func TestHTMLBounded(t *testing.T) {
	r := withSamples()
	for i := range 20000 {
		o := r.Origins[i%12]
		o.IP, o.Network = fmt.Sprintf("203.%d.%d.1", i/250, i%250), fmt.Sprintf("203.%d.%d.0/24", i/250, i%250)
		r.Origins = append(r.Origins, o)
	}
	start := time.Now()
	page := htmlOf(t, r)
	t.Logf("20012 origins: %d bytes, %v", len(page), time.Since(start))
	if len(page) > maxHTML/4 || !strings.Contains(page, "and 19\u202f962 more origins") {
		t.Errorf("%d bytes", len(page))
	}
	for _, text := range []string{strings.Repeat(`"`, 10240)} {
		page := htmlOf(t, filledReport(text, 60))
		if len(page) > maxHTML {
			t.Errorf("%.4q everywhere: %d bytes", text, len(page))
		}
	}
}

func TestHTMLVerdictFirst(t *testing.T) {
	page := htmlOf(t, withSamples())
	verdict, why := strings.Index(page, "JOE-JOB</span>"), strings.Index(page, ">Why<")
	if verdict < 0 || why < verdict || strings.Contains(page, "Nobody said what is yours") {
		t.Error("the verdict does not come first")
	}
	page = htmlOf(t, nothing())
	if assumed, verdict := strings.Index(page, "Nobody said what is yours"), strings.Index(page, "NO BOUNCES</span>"); assumed < 0 || verdict < assumed {
		t.Error("what was assumed does not come before the verdict")
	}
	if !strings.Contains(page, "ndrscan scan imaps://joe@mail.example.com/INBOX --own mx.example.com</pre>") {
		t.Error("the rerun line is not there to be copied")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestHTMLWriteError(t *testing.T) {
	if err := HTML(brokenWriter{}, nothing()); err == nil {
		t.Error("a failed write is no error")
	}
}

func TestTimeline(t *testing.T) {
	one := map[classify.Class]int{classify.Forged: 1}
	hour := func(s string) classify.Bucket { return classify.Bucket{Hour: *at(s), Classes: one} }
	for _, tc := range []struct {
		name    string
		buckets []classify.Bucket
		step    string
		width   int
		first   string
	}{
		{"none", nil, "", 0, ""},
		{"one hour: its day", []classify.Bucket{hour("2026-11-23T21:00:00Z")}, "hour", 24, "23 Nov 00:00"},
		{"four days", []classify.Bucket{hour("2026-11-20T00:00:00Z"), hour("2026-11-23T23:00:00Z")}, "hour", 96, "20 Nov 00:00"},
		{"five days", []classify.Bucket{hour("2026-11-20T00:00:00Z"), hour("2026-11-24T00:00:00Z")}, "2 hours", 60, "20 Nov 00:00"},
		{"a month", []classify.Bucket{hour("2026-11-01T05:00:00Z"), hour("2026-11-30T00:00:00Z")}, "12 hours", 60, "1 Nov 00:00"},
		{"a quarter", []classify.Bucket{hour("2026-09-01T05:00:00Z"), hour("2026-11-30T00:00:00Z")}, "day", 91, "1 Sep 2026"},
		{"a year, in any order", []classify.Bucket{hour("2026-12-31T05:00:00Z"), hour("2026-01-01T00:00:00Z")}, "4 days", 92, "1 Jan 2026"},
		{"all of time", []classify.Bucket{{Classes: one}, hour("9999-12-31T23:00:00Z")}, "65536 days", 56, "1 Jan 0001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := newTimeline(tc.buckets)
			if got.Step != tc.step || got.Width != tc.width || tc.first != "" && got.Ticks[0] != tc.first {
				t.Errorf("got %s, %d columns from %v", got.Step, got.Width, got.Ticks)
			}
			sum := 0
			for _, c := range got.Columns {
				sum += c.Total
				if c.At < 0 || c.At >= got.Width {
					t.Errorf("column %d of %d", c.At, got.Width)
				}
			}
			if sum != len(tc.buckets) {
				t.Errorf("%d bounces drawn, there are %d", sum, len(tc.buckets))
			}
		})
	}
}

// The bars of a column stand on each other and on the ground.
func TestTimelineStack(t *testing.T) {
	got := newTimeline([]classify.Bucket{{Hour: *at("2026-11-23T21:00:00Z"),
		Classes: map[classify.Class]int{classify.Compromised: 30, classify.Forged: 114, "what": 6, classify.Genuine: 0}}})
	if got.Max != 200 || got.Half != 100 || len(got.Columns) != 1 {
		t.Fatalf("got %+v", got)
	}
	y := 100.0
	for _, b := range got.Columns[0].Bars {
		if math.Abs(b.Y+b.H-y) > 0.011 || b.H != float64(b.Count)/2 {
			t.Errorf("%s stands at %v, is %v high", b.Class, b.Y, b.H)
		}
		y = b.Y
	}
	if says := got.Columns[0].Says(); says != "23 Nov 21:00: 30 compromised, 114 forged, 6 undetermined" {
		t.Errorf("it says %s", says)
	}
}

func TestShares(t *testing.T) {
	shares := newShares(map[classify.Class]int{classify.Forged: 998, classify.Genuine: 1, "what": 1})
	if len(shares) != 3 || shares[0].Percent != "> 99 %" || shares[1].Percent != "< 1 %" || shares[2].X != 999 || shares[2].W != 1 {
		t.Errorf("got %+v", shares)
	}
}

func TestNetworks(t *testing.T) {
	rows := []classify.OriginRow{
		{IP: "192.0.2.1", Network: "192.0.2.0/24", Messages: 5, Class: classify.Forged},
		{IP: "192.0.2.2", Network: "192.0.2.0/24", Messages: 6, Class: classify.Genuine},
		{IP: "198.51.100.1", Messages: 22, Class: classify.Forged}}
	want := []networkBar{{Network: "198.51.100.1", Addresses: 1, Messages: 22, Class: classify.Forged, W: 100},
		{Network: "192.0.2.0/24", Addresses: 2, Messages: 11, Class: classify.Genuine, W: 50}}
	if got := networks(rows); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestPolicyTree(t *testing.T) {
	term := func(depth int, text string) classify.PolicyTerm {
		return classify.PolicyTerm{Depth: depth, Domain: fmt.Sprint("d", depth), Term: text}
	}
	var write func([]*termView) string
	write = func(list []*termView) string {
		var b strings.Builder
		for _, t := range list {
			b.WriteString(t.Term)
			if len(t.Included) > 0 {
				b.WriteString(t.Of + "(" + write(t.Included) + ")")
			}
		}
		return b.String()
	}
	got := write(policyTree([]classify.PolicyTerm{term(0, "a"), term(1, "b"), term(2, "c"), term(1, "d"), term(0, "e"), term(9, "f"), term(-3, "g")}))
	if want := "ad1(bd2(c)d)ed9(f)g"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1000: "-1\u202f000", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
