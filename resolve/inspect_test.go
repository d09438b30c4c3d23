package resolve

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// What a linter asks beyond the answers: strings apart, the type given up, aliases beside other records, name servers; and
// that an overlay stands before its base, and a recording replays it.
func TestInspect(t *testing.T) {
	const zone = `
example.com. TXT "v=spf1 " "mx" "\195\164\"q\\"
example.com. SPF "v=spf1 -all"
example.com. NS  ns1.example.net.
example.com. NS  ns2.example.net.
www.example.com. CNAME host.example.com.
www.example.com. TXT "beside an alias"
_temperror.invalid. TXT "SPF" "SERVFAIL" "broken.example.com."
`
	base, err := ParseZone(strings.NewReader(zone), "zone")
	if err != nil {
		t.Fatal(err)
	}
	over, err := ParseZone(strings.NewReader("example.com. TXT \"new\"\n"), "over")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	c := FromZone(base, Options{Record: true})
	for name, tc := range map[string]struct {
		ask  func(c *Client) (any, error)
		want string
		over string // "": the same
	}{
		"strings": {ask: func(c *Client) (any, error) { return c.LookupStrings(ctx, "Example.COM.") }, want: `[["v=spf1 " "mx" "ä\"q\\"]]`, over: `[["new"]]`},
		"type 99": {ask: func(c *Client) (any, error) { return c.LookupType99(ctx, "example.com") }, want: `["v=spf1 -all"]`},
		"none":    {ask: func(c *Client) (any, error) { return c.LookupType99(ctx, "www.example.com") }, want: `[]`},
		"alias":   {ask: func(c *Client) (any, error) { return c.LookupCNAME(ctx, "www.example.com") }, want: `["host.example.com"]`},
		"servers": {ask: func(c *Client) (any, error) { return c.LookupNS(ctx, "example.com") }, want: `["ns1.example.net" "ns2.example.net"]`},
		"no name": {ask: func(c *Client) (any, error) { return c.LookupNS(ctx, "a..b") }, want: `[]`},
	} {
		got, err := tc.ask(c)
		if text := fmt.Sprintf("%q", got); err != nil || text != tc.want {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if tc.over == "" {
			tc.over = tc.want
		}
		got, err = tc.ask(Overlay(over, c))
		if text := fmt.Sprintf("%q", got); err != nil || text != tc.over {
			t.Errorf("%s over: %s, %v", name, text, err)
		}
	}
	if _, err := c.LookupType99(ctx, "broken.example.com"); err == nil {
		t.Error("a look-up that fails: no error")
	}
	var recorded bytes.Buffer
	if err := c.WriteZone(&recorded); err != nil {
		t.Fatal(err)
	}
	again, err := ParseZone(&recorded, "recorded")
	if err != nil {
		t.Fatal(err)
	}
	replay := FromZone(again, Options{})
	if got, err := replay.LookupStrings(ctx, "example.com"); err != nil || fmt.Sprintf("%q", got) != `[["v=spf1 " "mx" "ä\"q\\"]]` {
		t.Errorf("replayed: %q, %v", got, err)
	}
	if _, err := replay.LookupType99(ctx, "broken.example.com"); err == nil {
		t.Error("replayed: no error")
	}
}
