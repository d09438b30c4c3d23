package ndrscan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ndrscan"
	"ndrscan/internal/browsertest"
	"ndrscan/report"
)

var shots = flag.String("shots", "", "keep screenshots and prints of the HTML reports in this `folder`, to be looked at")

// TestHTMLInBrowser opens the page of each of the lab's floods in a real browser, light and dark, narrow and wide: verdict
// and charts are there, the browser has nothing to complain about, and the page asks for nothing.
func TestHTMLInBrowser(t *testing.T) {
	browser := browsertest.Start(t)
	for _, flood := range labFloods {
		r, _ := scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
		file := htmlFile(t, flood.name, report.Content{Report: r})
		label := strings.ToUpper(strings.ReplaceAll(string(flood.verdict), "-", ""))
		if flood.name == "mixed" {
			label = "JOEJOBANDCOMPROMISE"
		}
		for _, view := range []browsertest.View{{Width: 360}, {Width: 360, Dark: true}, {Width: 1280}, {Width: 1280, Dark: true}} {
			name := fmt.Sprintf("%s-%d-%t", flood.name, view.Width, view.Dark)
			t.Run(name, func(t *testing.T) {
				page := browser.Open(t, file, view)
				if got := browsertest.Eval[string](page, `document.querySelector("main h1 .label").textContent.replace(/[^A-Z]/g, "")`); got != label {
					t.Errorf("the verdict is %s, want %s", got, label)
				}
				checkPage(t, page)
				keepShot(t, name+".png", page.Screenshot)
			})
		}
	}
}

// A page whose every text is as long as texts get, in the words of an attacker, stays as quiet and as narrow.
func TestHostileHTMLInBrowser(t *testing.T) {
	browser := browsertest.Start(t)
	file := filepath.Join(t.TempDir(), "flood.mbox")
	if err := os.WriteFile(file, []byte(hostileFlood(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := scanAll(t, open(t, file), ndrscan.Options{Own: []string{"example.com"}, Resolver: zoneFile(t, "testdata/mbox/lab.zone")})
	if len(r.Campaigns) == 0 {
		t.Fatal("no campaign was found")
	}
	page := browser.Open(t, htmlFile(t, "hostile", report.Content{Report: r}), browsertest.View{Width: 360})
	checkPage(t, page)
	keepShot(t, "hostile-360.png", page.Screenshot)
	if browsertest.Eval[bool](page, `document.scripts.length > 0 || document.images.length > 0`) {
		t.Error("the page has a script or an image")
	}
}

// hostileFlood is a Joe-Job of the lab whose subjects are attacks.
func hostileFlood(t *testing.T) string {
	t.Helper()
	var mbox strings.Builder
	subjects := []string{`<script>document.title="owned"</script>`, `"><img src=http://127.0.0.1:9/x onerror=alert(1)>`, strings.Repeat("W", 9000),
		"=?utf-8?q?=E2=80=AEevil=1B[31m?=", "</title></style><h1>owned</h1>", "{{.Sources}}"}
	i := 0
	for m, err := range open(t, labFloods[0].mbox()).Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`(?m)^Subject: .*(\r?\n[ \t].*)*`).ReplaceAllStringFunc(string(m.Raw), func(string) string {
			i++
			return "Subject: " + subjects[i/2%len(subjects)] + "\r"
		})
		mbox.WriteString("From x@y Mon Nov 23 21:30:33 2026\n" + strings.ReplaceAll(text, "\r\n", "\n") + "\n\n")
	}
	return mbox.String()
}

func htmlFile(t *testing.T, name string, c report.Content) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(f, report.Page, c, report.Style{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	keepShot(t, name+".html", func() []byte { text, _ := os.ReadFile(file); return text })
	return file
}

func keepShot(t *testing.T, name string, take func() []byte) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name), take(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkPage holds what the page of a report must.
func checkPage(t *testing.T, page *browsertest.Page) {
	t.Helper()
	checkStyled(t, page)
	checkAll(t, page, map[string]string{
		"bars of networks": `document.querySelectorAll(".bars svg rect").length > 0`,
		"a message drawn":  `document.querySelectorAll(".journey .boundary").length > 0`,
		"a policy":         `document.querySelectorAll(".tree .term").length > 0`,
	})
}

// checkStyled holds what every page in our style must: its style works, charts and tables are there and have names.
func checkStyled(t *testing.T, page *browsertest.Page) {
	t.Helper()
	checkQuiet(t, page)
	checkAll(t, page, map[string]string{
		"style":                        `getComputedStyle(document.querySelector(".plot")).display === "grid"`,
		"timeline":                     `document.querySelectorAll(".timeline svg rect").length > 0`,
		"shares":                       `document.querySelectorAll(".shares svg rect").length > 0`,
		"height of the bars":           `[...document.querySelectorAll(".timeline rect")].every(r => r.getBoundingClientRect().height > 0)`,
		"next steps":                   `document.querySelectorAll(".steps li").length > 0`,
		"captions of tables":           `[...document.querySelectorAll("table")].every(t => t.caption && t.caption.textContent)`,
		"scope of every head":          `[...document.querySelectorAll("th")].every(h => h.scope)`,
		"names of pictures":            `[...document.querySelectorAll("svg:not([aria-hidden])")].every(s => s.getAttribute("role") === "img" && s.querySelector("title").textContent && s.querySelector("desc").textContent)`,
		"names of sections":            `[...document.querySelectorAll("section, [role=region]")].every(s => document.getElementById(s.getAttribute("aria-labelledby")))`,
		"headings in order":            `[...document.querySelectorAll("h1,h2,h3,h4")].map(h => +h.tagName[1]).every((n, i, all) => i === 0 || n <= all[i-1] + 1)`,
		"language, title and landmark": `document.documentElement.lang === "en" && document.title !== "" && document.querySelectorAll("main").length === 1`,
	})
}

func checkAll(t *testing.T, page *browsertest.Page, expressions map[string]string) {
	t.Helper()
	for what, expression := range expressions {
		if !browsertest.Eval[bool](page, expression) {
			t.Errorf("%s: not so", what)
		}
	}
}

// checkQuiet holds that a page is quiet, nothing is wider than the window, and every text stands out from its ground (WCAG 2.2,
// 1.4.3).
func checkQuiet(t *testing.T, page *browsertest.Page) {
	t.Helper()
	if said := page.Console(); len(said) > 0 {
		t.Errorf("the console shows %q", said)
	}
	if asked := page.Requests(); len(asked) > 0 {
		t.Errorf("the page asks for %q", asked)
	}
	if wide := browsertest.Eval[[]string](page, `[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, .hidden, svg") &&
		e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))`); len(wide) > 0 {
		t.Errorf("wider than the window: %q", wide[:min(len(wide), 3)])
	}
	if faint := slices.Compact(browsertest.Eval[[]string](page, faintTexts)); len(faint) > 0 {
		t.Errorf("hard to read: %q", faint)
	}
}

// faintTexts lists the texts whose contrast with their ground is less than 4.5.
const faintTexts = `(() => {
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = parse(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
	const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (parse(c)[3] !== 0) return c; } return "rgb(255, 255, 255)"; };
	const faint = [];
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg") || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const a = light(getComputedStyle(e).color), b = light(ground(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) faint.push(e.className + " " + e.tagName + " " + contrast.toFixed(1) + " " + e.textContent.slice(0, 30));
	}
	return faint;
})()`

// TestHTMLPrints holds that a printed report is a few sheets, with light ground whatever the browser's mode.
func TestHTMLPrints(t *testing.T) {
	browser := browsertest.Start(t)
	flood := labFloods[2]
	r, _ := scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
	page := browser.Open(t, htmlFile(t, flood.name, report.Content{Report: r}), browsertest.View{Width: 794, Dark: true, Print: true})
	if got := browsertest.Eval[string](page, `getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		t.Errorf("it prints on %s", got)
	}
	if browsertest.Eval[bool](page, `getComputedStyle(document.querySelector("nav")).display !== "none"`) {
		t.Error("links to sections are printed")
	}
	keepShot(t, flood.name+"-print.png", page.Screenshot)
	pdf := page.PDF()
	keepShot(t, flood.name+".pdf", func() []byte { return pdf })
	if n := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); n < 3 || n > 15 {
		t.Errorf("it prints %d sheets", n)
	}
}
