package proof

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

const aggregateXML = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
 <version>1.0</version>
 <report_metadata><org_name>Receiver & Sons</org_name><email>DMARC@receiver.example</email><report_id>r1</report_id>
  <date_range><begin>1795392000</begin><end>1795478399</end></date_range></report_metadata>
 <policy_published><domain>Example.com</domain><p>none</p><testing>n</testing></policy_published>
 <record>
  <row><source_ip>203.0.113.7</source_ip><count>12</count>
   <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf><reason><type>other</type><comment>x</comment></reason></policy_evaluated></row>
  <identifiers><header_from>example.com</header_from><envelope_from>Other.example</envelope_from></identifiers>
  <auth_results><dkim><domain>x.example</domain><selector>s</selector><result>pass</result></dkim><spf><domain>other.example</domain><scope>mfrom</scope><result>SoftFail</result></spf></auth_results>
 </record>
 <record>
  <row><source_ip>2001:db8::1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
  <identifiers><header_from>example.com</header_from></identifiers>
 </record>
 <record>
  <row><source_ip>not an address</source_ip><count>3</count></row>
 </record>
 <record>
  <row><source_ip>198.51.100.5</source_ip><count>1</count><policy_evaluated><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
  <identifiers><header_from>stranger.example</header_from></identifiers>
 </record>
</feedback>`

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zippedFile(t testing.TB, name, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestParseAggregate(t *testing.T) {
	latin := strings.Replace(strings.Replace(aggregateXML, "UTF-8", "ISO-8859-1", 1), "& Sons", "S\xf6hne", 1)
	tests := []struct{ name, data, org string }{
		{"xml", aggregateXML, "Receiver & Sons"},
		{"gzip", gzipped(t, aggregateXML), "Receiver & Sons"},
		{"zip", zippedFile(t, "receiver.example!example.com!1!2.xml", aggregateXML), "Receiver & Sons"},
		{"no namespace", strings.Replace(aggregateXML, ` xmlns="urn:ietf:params:xml:ns:dmarc-2.0"`, "", 1), "Receiver & Sons"},
		{"Latin-1", latin, "Receiver Söhne"},
		{"no declaration", aggregateXML[strings.Index(aggregateXML, "<feedback"):], "Receiver & Sons"},
	}
	for _, tt := range tests {
		got, err := ParseAggregate([]byte(tt.data))
		if err != nil || got.Problem != "" {
			t.Errorf("%s: %v %s", tt.name, err, got.Problem)
			continue
		}
		if got.Org != tt.org || got.Contact != "dmarc@receiver.example" || got.ID != "r1" || got.Domain != "example.com" || got.Policy != "none" ||
			got.From.Unix() != 1795392000 || got.To.Unix() != 1795478399 || len(got.Rows) != 3 {
			t.Errorf("%s: %+v", tt.name, got)
			continue
		}
		want := AggregateRow{netip.MustParseAddr("203.0.113.7"), 12, "none", false, false, "example.com", "other.example", "other.example", "softfail"}
		if got.Rows[0] != want {
			t.Errorf("%s: %+v", tt.name, got.Rows[0])
		}
		if second := got.Rows[1]; !second.DKIM || !second.SPF || second.SPFResult != "" || second.IP.String() != "2001:db8::1" {
			t.Errorf("%s: %+v", tt.name, second)
		}
	}
}

// TestHostileAggregates: bombs, broken archives and files of other kinds end in an error or a Problem, soon.
func TestHostileAggregates(t *testing.T) {
	row := "<record><row><source_ip>203.0.113.7</source_ip><count>1</count></row></record>"
	head := "<feedback><policy_published><domain>example.com</domain></policy_published>"
	entities := `<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>` +
		head + "<report_metadata><org_name>&b;&f;</org_name></report_metadata>" + row + "</feedback>"
	tests := []struct{ name, data, problem, err string }{
		{"empty", "", "", "no DMARC aggregate report"},
		{"text", "hello", "", "no DMARC aggregate report"},
		{"other XML", "<html><body>x</body></html>", "", "no DMARC aggregate report"},
		{"nothing in it", "<feedback></feedback>", "", "names no domain"},
		{"gzip bomb", gzipped(t, head+row+strings.Repeat(" ", 100<<20)), "longer than 16 MB", ""},
		{"zip bomb", zippedFile(t, "a.xml", head+row+strings.Repeat(" ", 100<<20)), "longer than 16 MB", ""},
		{"damaged gzip", "\x1f\x8b\x08", "", "damaged"},
		{"gzip cut short", gzipped(t, aggregateXML)[:300], "breaks off", ""},
		{"damaged zip", "PK\x03\x04xxxx", "", "damaged"},
		{"zip with no file", zippedFile(t, "folder/", ""), "", "empty"},
		{"zip in zip", zippedFile(t, "a.zip", zippedFile(t, "a.xml", aggregateXML)), "", "no DMARC aggregate report"},
		{"XML cut short", aggregateXML[:len(aggregateXML)-20], "breaks off", ""},
		{"deep", head + row + strings.Repeat("<a>", 1000000), "nested more than 16", ""},
		{"many rows", head + strings.Repeat(row, maxAggregateRows+1) + "</feedback>", "more than 50000 rows", ""},
		{"entities", entities, "", ""},
	}
	for _, tt := range tests {
		got, err := ParseAggregate([]byte(tt.data))
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || !strings.Contains(got.Problem, tt.problem) || tt.problem == "" && got.Problem != "" {
			t.Errorf("%s: %v, %q", tt.name, err, got.Problem)
		}
		if strings.Contains(got.Org, "aaaa") || len(got.Org) > 20 {
			t.Errorf("%s: an entity was expanded: %.50q", tt.name, got.Org)
		}
	}
}

func TestAggregates(t *testing.T) {
	report, err := ParseAggregate([]byte(aggregateXML))
	if err != nil {
		t.Fatal(err)
	}
	a := NewAggregates(func(domain string) bool { return domain == "example.com" })
	if rows := a.Add(report, "receiver.example"); rows != 2 {
		t.Errorf("%d rows about us", rows)
	}
	if rows := a.Add(report, "receiver.example"); rows != 0 {
		t.Error("a report counts twice")
	}
	report.ID = "r2"
	a.Add(report, "second.example")
	report.ID = "r3"
	a.Add(report, "")
	got, ok := a.Of(netip.MustParseAddr("::ffff:203.0.113.7"))
	if !ok || got.Receivers != 2 || got.Messages != 24 || got.Neither != 24 || got.Unverified != 12 || got.SPF+got.DKIM != 0 {
		t.Errorf("%+v", got)
	}
	if got, _ := a.Of(netip.MustParseAddr("2001:db8::1")); got.Messages != 6 || got.Both != 6 || got.SPF != 6 || got.DKIM != 6 || got.Neither != 0 {
		t.Errorf("%+v", got)
	}
	if _, ok := a.Of(netip.MustParseAddr("198.51.100.5")); ok {
		t.Error("a row in a stranger's name counts")
	}
	if all := a.All(); len(all) != 2 || all[0].Messages != 24 || a.Reports() != 3 || a.LeftOut() != 0 {
		t.Errorf("%+v, %d reports", all, a.Reports())
	}
}

func TestFindAggregates(t *testing.T) {
	packed := base64.StdEncoding.EncodeToString([]byte(gzipped(t, aggregateXML)))
	var folded strings.Builder
	for i := 0; i < len(packed); i += 76 {
		folded.WriteString(packed[i:min(i+76, len(packed))] + "\r\n")
	}
	alone := "Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + folded.String()
	mixed := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\n" + alone + "--b--\r\n"
	nested := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: multipart/mixed; boundary=b\n\n", 100000)
	for _, tt := range []struct {
		name, mail string
		reports    int
	}{
		{"alone", alone, 1},
		{"beside a text", mixed, 1},
		{"LF", strings.ReplaceAll(mixed, "\r\n", "\n"), 1},
		{"plain XML", "Content-Type: text/xml\r\n\r\n" + aggregateXML, 1},
		{"none", "Content-Type: text/plain\r\n\r\nhello", 0},
		{"no type", "Subject: x\r\n\r\nhello", 0},
		{"nested without end", nested, 0},
	} {
		section, body := header.Split([]byte(tt.mail))
		got, err := FindAggregates(section, body)
		if err != nil || len(got) != tt.reports || len(got) > 0 && len(got[0].Rows) != 3 {
			t.Errorf("%s: %v %+v", tt.name, err, got)
		}
	}
	section, body := header.Split([]byte(strings.Replace(mixed, packed[:40], "H4sI", 1)))
	if got, err := FindAggregates(section, body); err == nil || len(got) != 0 {
		t.Errorf("a broken one: %v, %+v", err, got)
	}
}

// FuzzAggregate holds that any attachment ends in a report within its bounds or an error, and that adding it up counts
// every message once.
func FuzzAggregate(f *testing.F) {
	f.Add([]byte(aggregateXML))
	f.Add([]byte(gzipped(f, aggregateXML)))
	f.Add([]byte(zippedFile(f, "a.xml", aggregateXML)))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := ParseAggregate(data)
		if err != nil {
			return
		}
		a := NewAggregates(func(string) bool { return true })
		want := 0
		for _, row := range report.Rows {
			if !row.IP.IsValid() || row.Count < 1 {
				t.Fatalf("%+v", row)
			}
			want += row.Count
		}
		a.Add(report, "w")
		got := 0
		for _, r := range a.All() {
			got += r.Messages
			if r.SPF+r.DKIM-r.Both+r.Neither != r.Messages {
				t.Fatalf("%+v", r)
			}
		}
		if got != want {
			t.Fatalf("%d of %d messages", got, want)
		}
	})
}

func BenchmarkParseAggregate(b *testing.B) {
	data := []byte(strings.Replace(aggregateXML, "</feedback>", strings.Repeat(fmt.Sprint(aggregateXML[strings.Index(aggregateXML, "<record>"):strings.Index(aggregateXML, "</feedback>")]), 100)+"</feedback>", 1))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ParseAggregate(data); err != nil {
			b.Fatal(err)
		}
	}
}
