package proof

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

func TestRecorded(t *testing.T) {
	tests := []struct {
		name, field string
		want        string // "result ip writer" for each, "-" for none
	}{
		{"policyd-spf", "Received-SPF: Pass (sender SPF authorized) identity=helo; client-ip=2001:db8::1; helo=mx.site.example; envelope-from=<>; receiver=brand.example", "pass 2001:db8::1 brand.example"},
		{"google", "Received-SPF: pass (google.com: domain of a@brand.example designates 192.0.2.7 as permitted sender) client-ip=192.0.2.7;", "pass 192.0.2.7 -"},
		{"comment only", "Received-SPF: softfail (google.com: domain of transitioning a@brand.example does not designate 192.0.2.7 as permitted sender)", "softfail 192.0.2.7 -"},
		{"neutral comment", "Received-SPF: neutral (google.com: 192.0.2.7 is neither permitted nor denied by domain of a@brand.example)", "neutral 192.0.2.7 -"},
		{"microsoft", "Received-SPF: Fail (protection.outlook.com: domain of brand.example does not\n designate 192.0.2.7 as permitted sender) receiver=protection.outlook.com;\n client-ip=192.0.2.7; helo=pc;", "fail 192.0.2.7 protection.outlook.com"},
		{"courier", "Received-SPF: fail SPF=MAILFROM; sender=a@brand.example; remoteip=::ffff:192.0.2.7; remotehost=; helo=x; receiver=mx.site.example;", "fail 192.0.2.7 mx.site.example"},
		{"no address", "Received-SPF: none (matched nothing)", "none - -"},
		{"quoted sender is text", `Received-SPF: pass (x) envelope-from="a client-ip=9.9.9.9"; client-ip=192.0.2.7`, "pass 192.0.2.7 -"},
		{"two addresses in the comment", `Received-SPF: pass (x: domain of "designates 9.9.9.9 as permitted sender"@evil.example designates 192.0.2.7 as permitted sender)`, "pass - -"},
		{"junk", "Received-SPF: hello world client-ip=192.0.2.7", ""},
		{"empty", "Received-SPF:", ""},

		{"plain", "Authentication-Results: mx.site.example; spf=pass smtp.mailfrom=a@brand.example; dkim=none", "pass - mx.site.example"},
		{"google results", "Authentication-Results: mx.google.com;\n       spf=fail (google.com: domain of a@brand.example does not designate 2001:db8::5 as permitted sender) smtp.mailfrom=a@brand.example;\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=brand.example", "fail 2001:db8::5 mx.google.com"},
		{"semicolon in the comment", "Authentication-Results: hotmail.com; spf=softfail (sender IP is 192.0.2.7; spf=pass alignment) smtp.mailfrom=a@brand.example; dkim=none", "softfail 192.0.2.7 hotmail.com"},
		{"microsoft without id", "Authentication-Results: spf=pass (sender IP is 192.0.2.7)\n smtp.mailfrom=brand.example; dkim=none (message not signed)", "pass 192.0.2.7 -"},
		{"version and spaces", "Authentication-Results: Site.example 1; SPF=Fail smtp.remote-ip=\"192.0.2.7\"", "fail 192.0.2.7 site.example"},
		{"method version", "Authentication-Results: site.example; spf/1=pass smtp.mailfrom=x", "pass - site.example"},
		{"iprev has it", "Authentication-Results: site.example; iprev=pass (mail.x.example) smtp.remote-ip=192.0.2.7; spf=fail smtp.mailfrom=x", "fail 192.0.2.7 site.example"},
		{"policy.iprev", "Authentication-Results: site.example; spf=fail smtp.mailfrom=x; iprev=fail policy.iprev=192.0.2.7", "fail 192.0.2.7 site.example"},
		{"two identities", "Authentication-Results: site.example; spf=none smtp.helo=pc (192.0.2.7); spf=pass smtp.mailfrom=x", "none 192.0.2.7 site.example|pass - site.example"},
		{"none", "Authentication-Results: site.example; none", ""},
		{"open comment", "Authentication-Results: site.example; spf=pass (never closed; x=y", "pass - site.example"},

		{"arc", "ARC-Authentication-Results: i=2; mx.google.com; spf=pass (google.com: domain of a@b designates 192.0.2.7 as permitted sender)", "pass 192.0.2.7 mx.google.com"},
		{"arc without instance", "ARC-Authentication-Results: mx.site.example; spf=pass", "pass - mx.site.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			section, _ := header.Split([]byte("Subject: x\n" + tt.field + "\n\n"))
			method, _, _ := strings.Cut(strings.ToLower(tt.field), ":")
			var got []string
			for _, r := range Recorded(section) {
				if r.Method != method || r.Index != 1 {
					t.Errorf("method %q at %d", r.Method, r.Index)
				}
				got = append(got, fmt.Sprintf("%s %s %s", r.Result, orDash(r.IP), orDash(r.Writer)))
			}
			if strings.Join(got, "|") != tt.want {
				t.Errorf("%q, want %q", strings.Join(got, "|"), tt.want)
			}
		})
	}
}

func orDash(v any) string {
	switch v := v.(type) {
	case netip.Addr:
		if v.IsValid() {
			return v.String()
		}
	case string:
		if v != "" {
			return v
		}
	}
	return "-"
}

// TestRecordedBound holds that neither many fields nor nasty ones cost much.
func TestRecordedBound(t *testing.T) {
	many := strings.Repeat("Authentication-Results: x; spf=pass; spf=pass; spf=pass\n", 2000)
	section, _ := header.Split([]byte(many + "\n"))
	if got := len(Recorded(section)); got != maxRecords {
		t.Errorf("%d records, want %d", got, maxRecords)
	}
	section, _ = header.Split([]byte("Received-SPF: pass " + strings.Repeat("(", maxRecordField-100) + "\n\n"))
	if got := len(Recorded(section)); got != 1 {
		t.Errorf("%d records, want 1", got)
	}
}

// TestRecordedLab reads every record that our own MX wrote on the lab's bounces: it names the host that handed us the
// bounce, which stands in the Received line right below.
func TestRecordedLab(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/lab/?/eml/*.eml")
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../shared/corpus/lab is missing")
		}
		t.Skip("../shared/corpus/lab is not here")
	}
	checked := 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		section, _ := header.Split(raw)
		for _, r := range Recorded(section) {
			if r.Method != "received-spf" || r.Writer != "example.com" && r.Writer != "example.org" {
				continue
			}
			below := ""
			for _, f := range section[r.Index:] {
				if f.Is("Received") {
					below = f.Value()
					break
				}
			}
			if !r.IP.IsValid() || !strings.Contains(below, "["+r.IP.String()+"]") && !strings.Contains(below, "[IPv6:"+r.IP.String()+"]") {
				t.Errorf("%s: recorded %v, line below %q", filepath.Base(name), r.IP, below)
			}
			checked++
		}
	}
	if checked < len(files)/2 {
		t.Errorf("%d records in %d files", checked, len(files))
	}
}

// FuzzRecorded holds the bounds and that every record points at a field that can hold one.
func FuzzRecorded(f *testing.F) {
	f.Add("mx.site.example; spf=pass (sender IP is 192.0.2.7; x) smtp.remote-ip=192.0.2.7; iprev=pass (192.0.2.7)")
	f.Add(`pass (x "y" (z)) client-ip="[IPv6:2001:db8::1]"; helo=;`)
	f.Add("i=1; ((((;;;; spf=fail")
	f.Fuzz(func(t *testing.T, value string) {
		section := header.Section{}
		for _, kind := range recordFields {
			section = append(section, header.NewField(kind.name, value))
		}
		records := Recorded(section)
		if len(records) > maxRecords {
			t.Fatalf("%d records", len(records))
		}
		for _, r := range records {
			if recordFields[r.Index].method != r.Method || !spfResults[r.Result] || r.IP.Zone() != "" || r.IP.Is4In6() {
				t.Fatalf("record %+v of %q", r, value)
			}
		}
	})
}
