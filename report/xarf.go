package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"ndrscan/classify"
)

// XARF 4.2 (xarf.org; the schemas xarf-core.json and types/messaging-spam.json of github.com/xarf/xarf-spec): one incident,
// one report. A report is written only where every fact that the schema requires is known.

const xarfVersion = "4.2.0"

// xarfReport is the report of one spam message. Optional fields stand where we know them.
type xarfReport struct {
	Version        string         `json:"xarf_version"`
	ID             string         `json:"report_id"`
	Timestamp      string         `json:"timestamp"` // when the reporting site took the message
	Reporter       xarfContact    `json:"reporter"`
	Sender         xarfContact    `json:"sender"`
	Source         string         `json:"source_identifier"`
	SourcePort     int            `json:"source_port"`
	Category       string         `json:"category"`
	Type           string         `json:"type"`
	EvidenceSource string         `json:"evidence_source"`
	Description    string         `json:"description"`
	Protocol       string         `json:"protocol"`
	From           string         `json:"smtp_from"`
	To             string         `json:"smtp_to,omitempty"`
	Subject        string         `json:"subject,omitempty"`
	MessageID      string         `json:"message_id,omitempty"`
	UserAgent      string         `json:"user_agent,omitempty"`
	Evidence       []xarfEvidence `json:"evidence"`
}

type xarfContact struct {
	Org     string `json:"org"`
	Contact string `json:"contact"`
	Domain  string `json:"domain"`
}

type xarfEvidence struct {
	ContentType string `json:"content_type"`
	Description string `json:"description"`
	Payload     string `json:"payload"`
	Hash        string `json:"hash"`
	Size        int    `json:"size"`
}

// Facts that XARF requires, and that a message may lack.
const (
	factPort   = "the source port"
	factSender = "the envelope sender"
	factTime   = "the time at which the site took it"
	factWho    = "who reports (--from and --org)"
)

// missingFacts are those that a message lacks.
func missingFacts(f *classify.Finding) (list []string) {
	if f.Origin.Port <= 0 || f.Origin.Port > 65535 {
		list = append(list, factPort)
	}
	if !knownEnvelope(f) || !strings.Contains(f.Original.MailFrom, "@") {
		list = append(list, factSender)
	}
	if f.Origin.Time == nil {
		list = append(list, factTime)
	}
	return list
}

// xarf writes the report of one message; nil where a required fact is missing.
func (w *writer) xarf(f *classify.Finding) ([]byte, error) {
	if len(missingFacts(f)) > 0 || w.From == "" || w.Org == "" {
		return nil, nil
	}
	if _, err := netip.ParseAddr(f.Origin.IP); err != nil {
		return nil, nil
	}
	section, err := w.headerSection(f)
	if err != nil {
		return nil, err
	}
	id, err := uuid(w.Random)
	if err != nil {
		return nil, err
	}
	who := xarfContact{Org: limit(Clean(w.Org), 200), Contact: w.From, Domain: domainOf(w.From)}
	sum := sha256.Sum256(section)
	x := xarfReport{
		Version: xarfVersion, ID: id, Timestamp: f.Origin.Time.UTC().Format(time.RFC3339), Reporter: who, Sender: who,
		Source: f.Origin.IP, SourcePort: f.Origin.Port, Category: "messaging", Type: "spam", EvidenceSource: "bounce_analysis",
		Description: limit(fmt.Sprintf("Mail with a forged sender address; %s took it from this address, could not deliver it and returned it to the forged sender. Addresses are redacted.", word(f.Origin.By, "the reporting site")), 1000),
		Protocol:    "smtp", From: w.mailFrom(f), Subject: limit(w.text(f.Original.Subject), 500),
		MessageID: limit(w.words(f.Original.MessageID), 200), UserAgent: limit(w.text(f.Original.UserAgent), 200),
		Evidence: []xarfEvidence{{ContentType: "text/email", Description: "Header fields composed from the bounce, addresses redacted; not the original bytes",
			Payload: base64.StdEncoding.EncodeToString(section), Hash: "sha256:" + hex.EncodeToString(sum[:]), Size: len(section)}},
	}
	if len(f.Recipients) > 0 && strings.Contains(f.Recipients[0].Address, "@") {
		x.To = w.address(f.Recipients[0].Address)
	}
	raw, err := json.MarshalIndent(x, "", "  ")
	return append(raw, '\n'), err
}

// limit cuts a text to so many characters, which is how JSON Schema counts.
func limit(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// uuid makes a random one, RFC 9562 section 5.4.
func uuid(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("making a report id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// xarfLetter sends one by mail, as XARF's transport has it: ARF's envelope, with Feedback-Type xarf and the JSON as the
// third part.
func (w *writer) xarfLetter(f *classify.Finding, to []string, report []byte) ([]byte, error) {
	var out fields
	out.add("Feedback-Type", "xarf")
	out.add("User-Agent", w.Agent)
	out.add("Version", "1")
	human := reflow(fmt.Sprintf("Hello,\n\nthe attached XARF report is about mail with a forged sender address that came from %s, port %d, at %s. The letter about your network that goes with it says how this is known.",
		f.Origin.IP, f.Origin.Port, utc(*f.Origin.Time)))
	return compose(w.envelope("XARF report: spam from "+f.Origin.IP, to),
		part{kind: "text/plain", body: []byte(human)},
		part{kind: "message/feedback-report", body: []byte(out.out.String()), disposition: "inline"},
		part{kind: "application/json", name: "xarf.json", body: report, disposition: "attachment"})
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }
