package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

// CSV (RFC 4180) for spreadsheets: a head line, then a row an origin or a row a message. Lists within a cell are joined by
// blanks. A spreadsheet runs a cell that begins with = + - or @ as a formula, so such a cell begins with an apostrophe here,
// as OWASP's "CSV Injection" advises; a program that reads the file takes the JSON instead.

// csvColumn is a column: its name, and its cell of a row.
type csvColumn[T any] struct {
	name string
	cell func(T) string
}

var originColumns = []csvColumn[classify.OriginRow]{
	{"ip", func(o classify.OriginRow) string { return o.IP }},
	{"network", func(o classify.OriginRow) string { return o.Network }},
	{"rdns", func(o classify.OriginRow) string { return o.RDNS }},
	{"rdns_confirmed", func(o classify.OriginRow) string { return yes(o.RDNS != "", o.RDNSConfirmed) }},
	{"asn", func(o classify.OriginRow) string { return asn(o.Enriched) }},
	{"as_name", func(o classify.OriginRow) string { return enriched(o).ASName }},
	{"country", func(o classify.OriginRow) string { return enriched(o).Country }},
	{"messages", func(o classify.OriginRow) string { return strconv.Itoa(o.Messages) }},
	{"spf", func(o classify.OriginRow) string { return o.SPF }},
	{"class", func(o classify.OriginRow) string { return string(o.Class) }},
	{"misconfiguration", func(o classify.OriginRow) string { return string(o.Misconfiguration) }},
	{"spf_term", func(o classify.OriginRow) string { return o.SPFTerm }},
	{"listed", func(o classify.OriginRow) string { return strings.Join(enriched(o).Listed, " ") }},
	{"abuse", func(o classify.OriginRow) string { return strings.Join(enriched(o).Abuse, " ") }},
	{"ids", func(o classify.OriginRow) string { return strings.Join(o.Evidence, " ") }},
}

// findingRow is a finding with no part missing, so that a column need not ask.
type findingRow struct {
	classify.Finding
	reporter classify.Reporter
	original classify.Original
	origin   classify.Origin
	spf      classify.SPF
}

func newFindingRow(f classify.Finding) findingRow {
	return findingRow{f, orZero(f.Reporter), orZero(f.Original), orZero(f.Origin), orZero(f.SPF)}
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

var findingColumns = []csvColumn[findingRow]{
	{"source", func(f findingRow) string { return f.Source }},
	{"mailbox", func(f findingRow) string { return f.Mailbox }},
	{"id", func(f findingRow) string { return f.ID }},
	{"kind", func(f findingRow) string { return f.Kind }},
	{"class", func(f findingRow) string { return string(f.Class) }},
	{"could_be", func(f findingRow) string { return join(f.CouldBe, " ") }},
	{"received", func(f findingRow) string { return csvTime(f.Received) }},
	{"account", func(f findingRow) string { return f.Account }},
	{"origin_ip", func(f findingRow) string { return f.origin.IP }},
	{"origin_helo", func(f findingRow) string { return f.origin.HELO }},
	{"origin_rdns", func(f findingRow) string { return f.origin.RDNS }},
	{"origin_rdns_confirmed", func(f findingRow) string { return yes(f.origin.RDNS != "", f.origin.RDNSConfirmed) }},
	{"origin_trust", func(f findingRow) string { return f.origin.Trust }},
	{"origin_own", func(f findingRow) string { return yes(f.Origin != nil, f.origin.Own) }},
	{"auth_user", func(f findingRow) string { return f.origin.AuthUser }},
	{"client_ip", func(f findingRow) string { return f.origin.ClientIP }},
	{"entry", func(f findingRow) string { return f.origin.Entry }},
	{"queue_id", func(f findingRow) string { return f.origin.QueueID }},
	{"spf", func(f findingRow) string { return f.spf.Result }},
	{"spf_domain", func(f findingRow) string { return f.spf.Domain }},
	{"spf_mechanism", func(f findingRow) string { return f.spf.Mechanism }},
	{"dkim", func(f findingRow) string { return signatures(f.DKIM) }},
	{"reporter_ip", func(f findingRow) string { return f.reporter.IP }},
	{"reporter_mta", func(f findingRow) string { return f.reporter.MTA }},
	{"witness", func(f findingRow) string { return f.reporter.Witness }},
	{"witness_verified", func(f findingRow) string { return yes(f.Reporter != nil, f.reporter.Verified) }},
	{"recipients", func(f findingRow) string {
		return each(f.Recipients, func(r classify.Recipient) string { return r.Address })
	}},
	{"statuses", func(f findingRow) string {
		return each(f.Recipients, func(r classify.Recipient) string { return r.Status })
	}},
	{"failures", func(f findingRow) string {
		return each(f.Recipients, func(r classify.Recipient) string { return r.Reason })
	}},
	{"mail_from", func(f findingRow) string { return f.original.MailFrom }},
	{"from", func(f findingRow) string { return f.original.From }},
	{"subject", func(f findingRow) string { return f.original.Subject }},
	{"message_id", func(f findingRow) string { return f.original.MessageID }},
	{"date", func(f findingRow) string { return csvTime(f.original.Date) }},
	{"campaign", func(f findingRow) string { return f.Campaign }},
	{"cell", func(f findingRow) string { return f.Cell }},
	{"misconfiguration", func(f findingRow) string { return string(f.Misconfiguration) }},
	{"remedy", func(f findingRow) string { return f.Remedy }},
	{"settle", func(f findingRow) string { return f.Settle }},
	{"reasons", func(f findingRow) string {
		return each(f.Reasons, func(r classify.Reason) string { return r.Code })
	}},
	{"problem", func(f findingRow) string { return f.Problem }},
}

// WriteOriginsCSV writes one row an origin address, in the order of the report.
func WriteOriginsCSV(w io.Writer, r *classify.Report) error {
	out := newCSV(w, originColumns)
	for _, o := range tidy(r.Origins) {
		out.row(o)
	}
	return out.flush("the origins")
}

// WriteFindingsCSV writes one row a message. It ends at the first error, of the findings or of the writer.
func WriteFindingsCSV(w io.Writer, findings iter.Seq2[classify.Finding, error]) error {
	out := newCSV(w, findingColumns)
	for f, err := range findings {
		if err != nil {
			return fmt.Errorf("reading the findings: %w", err)
		}
		if !out.row(newFindingRow(tidy(f))) {
			break
		}
	}
	return out.flush("the findings")
}

// csvTable writes rows by their columns.
type csvTable[T any] struct {
	*csv.Writer
	columns []csvColumn[T]
	cells   []string
}

func newCSV[T any](w io.Writer, columns []csvColumn[T]) *csvTable[T] {
	t := &csvTable[T]{csv.NewWriter(w), columns, make([]string, len(columns))}
	t.UseCRLF = true // RFC 4180 section 2
	for i, c := range columns {
		t.cells[i] = c.name
	}
	t.Write(t.cells) // its error stays in the writer until flush
	return t
}

// row writes one; false once the writer has failed.
func (t *csvTable[T]) row(v T) bool {
	for i, c := range t.columns {
		t.cells[i] = defuse(c.cell(v))
	}
	return t.Write(t.cells) == nil
}

func (t *csvTable[T]) flush(what string) error {
	t.Flush()
	if err := t.Error(); err != nil {
		return fmt.Errorf("writing %s as CSV: %w", what, err)
	}
	return nil
}

// formulaStarts are what spreadsheets take for the start of a formula; the wide ones too, which some turn into the narrow.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// defuse makes a cell that no spreadsheet runs. Where the semicolon separates cells, as in much of Europe, a spreadsheet
// splits our cells at it: what follows one is a start, too.
func defuse(cell string) string {
	if !strings.ContainsAny(cell, formulaStarts) {
		return cell
	}
	parts := strings.Split(cell, ";")
	for i, part := range parts {
		if bare := strings.TrimLeft(part, ` "'`); bare != "" && strings.ContainsAny(firstRune(bare), formulaStarts) {
			parts[i] = "'" + part
		}
	}
	return strings.Join(parts, ";")
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func enriched(o classify.OriginRow) classify.Enrichment { return orZero(o.Enriched) }

func asn(e *classify.Enrichment) string {
	if e == nil || e.ASN == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(e.ASN), 10)
}

// yes writes a truth value, or nothing where there is none.
func yes(known, v bool) string {
	if !known {
		return ""
	}
	return strconv.FormatBool(v)
}

func csvTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// signatures lists DKIM results: example.com=pass.
func signatures(list []classify.DKIM) string {
	return each(list, func(d classify.DKIM) string { return d.Domain + "=" + d.Result })
}

// each joins one text of every element, empty ones left out.
func each[T any](list []T, text func(T) string) string {
	var parts []string
	for _, v := range list {
		if t := text(v); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}
