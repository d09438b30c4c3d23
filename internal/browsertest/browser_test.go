package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A page that complains and asks for things is seen to; one that doesn't is silent. Else no test with it could fail.
func TestSeesWhatAPageDoes(t *testing.T) {
	b := Start(t)
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	loud := b.Open(t, write("loud.html", `<!DOCTYPE html><title>x</title><img src="http://127.0.0.1:9/x.png"><script>console.error("ouch"); throw new Error("worse")</script>`), View{Width: 400, Dark: true})
	said := strings.Join(loud.Console(), "\n")
	if !strings.Contains(said, "ouch") || !strings.Contains(said, "Uncaught") {
		t.Errorf("the console shows %q", said)
	}
	if asked := loud.Requests(); len(asked) != 1 || asked[0] != "http://127.0.0.1:9/x.png" {
		t.Errorf("it asked for %q", asked)
	}
	if !Eval[bool](loud, `matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 400`) {
		t.Error("it is not dark, or not 400 wide")
	}
	barred := b.Open(t, write("barred.html", `<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><title>x</title><p style="color:red">x`), View{Width: 400})
	if said := strings.Join(barred.Console(), "\n"); !strings.Contains(said, "Content Security Policy") {
		t.Errorf("a style that the policy stops: the console shows %q", said)
	}
	quiet := b.Open(t, write("quiet.html", `<!DOCTYPE html><link rel="icon" href="data:,"><title>x</title><p>x`), View{Width: 400, Print: true})
	if len(quiet.Console()) > 0 || len(quiet.Requests()) > 0 {
		t.Errorf("a quiet page: %q, %q", quiet.Console(), quiet.Requests())
	}
	if !Eval[bool](quiet, `matchMedia("print").matches`) || !strings.HasPrefix(string(quiet.PDF()), "%PDF-") || !strings.HasPrefix(string(quiet.Screenshot()), "\x89PNG") {
		t.Error("it does not print")
	}
}
