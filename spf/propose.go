package spf

import (
	"context"
	"fmt"
	"strings"
)

// Proposed is DNS as it would be with another SPF record for one domain: what it has there now is taken away, and all
// else stays.
type Proposed struct {
	Resolver
	Domain  string
	Strings []string // of the one TXT record, at most 255 octets each in DNS
}

// LookupTXT gives the proposed record for its domain, beside the records there that are not SPF.
func (p *Proposed) LookupTXT(ctx context.Context, name string) ([]string, error) {
	txts, err := p.Resolver.LookupTXT(ctx, name)
	if !sameName(name, p.Domain) {
		return txts, err
	}
	list := []string{strings.Join(p.Strings, "")}
	for _, txt := range txts {
		if !isRecord(txt) && !nearRecord(txt) {
			list = append(list, txt)
		}
	}
	return list, nil
}

// LookupStrings is LookupTXT with the strings apart.
func (p *Proposed) LookupStrings(ctx context.Context, name string) ([][]string, error) {
	in, ok := p.Resolver.(Inspector)
	if !ok {
		if !sameName(name, p.Domain) {
			return nil, errNoInspector
		}
		return [][]string{p.Strings}, nil
	}
	all, err := in.LookupStrings(ctx, name)
	if !sameName(name, p.Domain) {
		return all, err
	}
	list := [][]string{p.Strings}
	for _, strs := range all {
		if txt := strings.Join(strs, ""); !isRecord(txt) && !nearRecord(txt) {
			list = append(list, strs)
		}
	}
	return list, nil
}

// LookupType99 asks the DNS there is.
func (p *Proposed) LookupType99(ctx context.Context, name string) ([]string, error) {
	if in, ok := p.Resolver.(Inspector); ok {
		return in.LookupType99(ctx, name)
	}
	return nil, errNoInspector
}

// LookupCNAME asks the DNS there is.
func (p *Proposed) LookupCNAME(ctx context.Context, name string) ([]string, error) {
	if in, ok := p.Resolver.(Inspector); ok {
		return in.LookupCNAME(ctx, name)
	}
	return nil, errNoInspector
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// maxString is what one string of a TXT record can hold, RFC 1035 section 3.3.
const maxString = 255

// ReadRecord takes a record as people paste it: its text, or two or more strings in quotes as a zone file has them.
func ReadRecord(text string) (parts []string, err error) {
	trimmed := strings.TrimSpace(text)
	if strings.Count(trimmed, `"`) < 4 || trimmed[0] != '"' {
		return []string{text}, nil
	}
	for rest := trimmed; rest != ""; rest = strings.TrimSpace(rest) {
		end := strings.IndexByte(rest[1:], '"')
		if rest[0] != '"' || end < 0 {
			return nil, fmt.Errorf(`the quotes of %q don't pair up: write "..." "..." as in a zone file, or the text without quotes`, text)
		}
		parts = append(parts, rest[1:end+1])
		rest = rest[end+2:]
	}
	return parts, nil
}

// SplitRecord cuts a record into strings that DNS can hold, behind a space where there is one: joined, they are the
// record again (RFC 7208 section 3.3).
func SplitRecord(record string) (parts []string) {
	for len(record) > maxString {
		cut := strings.LastIndexByte(record[:maxString], ' ') + 1
		if cut <= 0 {
			cut = maxString
		}
		parts, record = append(parts, record[:cut]), record[cut:]
	}
	return append(parts, record)
}
