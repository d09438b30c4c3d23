package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"ndrscan/classify"
	"ndrscan/report"
	"ndrscan/spf"
	"ndrscan/trace"
)

// eachFinding reads findings, one a line. What is no finding is an error that names the line.
func eachFinding(r io.Reader, name string, f func(classify.Finding)) error {
	for finding, err := range report.ReadFindings(r) {
		if err != nil {
			return hint(fmt.Errorf("%s, %w", name, err), "ndrscan scan SOURCE -o findings.jsonl writes findings; ndrscan show BUNDLE.zip -o findings.jsonl takes them out of a bundle")
		}
		f(finding)
	}
	return nil
}

// readFindings is eachFinding of a file.
func readFindings(file string, f func(classify.Finding)) error {
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading findings: %w", err)
	}
	defer in.Close()
	return eachFinding(in, file, f)
}

// scanSenders takes from a scan what is proved to send for a domain, and names what isn't.
func scanSenders(file, domain string) (proved []spf.Sender, left []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("--from-scan: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var whole classify.Report
	if strings.HasSuffix(strings.ToLower(file), ".jsonl") {
		p := proofs{domain: domain, by: map[netip.Addr]*tie{}}
		if err := eachFinding(in, file, p.add); err != nil {
			return nil, nil, err
		}
		proved, left = p.judge()
		return proved, left, nil
	}
	err = json.NewDecoder(in).Decode(&whole)
	if err == nil && whole.Schema != classify.ReportSchema {
		err = fmt.Errorf("its schema is %q, want %s", whole.Schema, classify.ReportSchema)
	}
	if err != nil {
		return nil, nil, hint(fmt.Errorf("%s is no report: %w", file, err), "ndrscan scan SOURCE -o report.json writes one; findings end in .jsonl")
	}
	proved, left = reportSenders(&whole)
	return proved, left, nil
}

// reportSenders: a report says which hosts were named; its other rows carry no proof.
func reportSenders(r *classify.Report) (proved []spf.Sender, left []string) {
	for _, o := range r.OwnSeen {
		ip, name := ownAddress(o.Host)
		switch {
		case !sends(ip):
			left = append(left, o.Host+": no public address that could be written into a record")
		case o.Rule == trace.RuleFlag:
			proved = append(proved, spf.Sender{Kind: spf.Address, Value: ip.String(), Proof: "you named it as yours (--own)" + name})
		case o.Rule == trace.RuleConfirmedName:
			left = append(left, fmt.Sprintf("%s: its name%s, confirmed forwards and back, lies under a domain of yours; --host %s adds it", ip, name, ip))
		default:
			left = append(left, fmt.Sprintf("%s: a candidate%s, nothing confirms it; --host %s adds it", ip, name, ip))
		}
	}
	for _, o := range r.Origins {
		if o.Class == classify.Misconfigured {
			left = append(left, fmt.Sprintf("%s: %d messages of yours came from there, not in the record; the proof is in the findings (.jsonl)", o.IP, o.Messages))
		}
	}
	return proved, left
}

// ownAddress reads a host as a report writes it: NAME [ADDRESS], or the address alone. name has a blank before it.
func ownAddress(host string) (ip netip.Addr, name string) {
	before, bracketed, ok := strings.Cut(host, " [")
	if !ok {
		before, bracketed = "", host
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(bracketed, "]"))
	if err != nil || before == "" {
		return ip, ""
	}
	return ip, " " + before
}

// sends: mail on the Internet can come from the address.
func sends(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" }

// tie is what ties one address to the domain.
type tie struct {
	named     bool
	missing   int // messages that the published record did not let pass
	messages  int
	codes     map[string]int  // proofs of kind 3 and 4 (METHOD 2)
	witnesses map[string]bool // who saw those messages
}

// proofs gathers what findings prove about origins (METHOD 7): an address enters a record only with a proof of kind 3 or 4
// that two witnesses saw, or if the user named it.
type proofs struct {
	domain string
	by     map[netip.Addr]*tie
}

// proofCodes are the reasons that are proofs: our own record that it was sent, to this recipient; a signature of ours.
var proofCodes = map[string]string{
	"sent-recipient": "the message stands in Sent, with its recipient",
	"dkim-own":       "a valid DKIM signature of yours over the whole message",
}

const minWitnesses = 2

// maxTies bounds the addresses that are kept.
const maxTies = 100_000

func (p *proofs) add(f classify.Finding) {
	if f.Class != classify.Genuine && f.Class != classify.Misconfigured || f.Origin == nil {
		return
	}
	ip, err := netip.ParseAddr(f.Origin.IP)
	if err != nil || !sends(ip) || f.Original == nil || !strings.EqualFold(mailDomain(f.Original.MailFrom), p.domain) {
		return
	}
	t := p.by[ip]
	if t == nil {
		if len(p.by) >= maxTies {
			return
		}
		t = &tie{codes: map[string]int{}, witnesses: map[string]bool{}}
		p.by[ip] = t
	}
	t.messages++
	t.named = t.named || f.Origin.Own
	if f.Class == classify.Misconfigured {
		t.missing++
	}
	for _, r := range f.Reasons {
		if proofCodes[r.Code] != "" {
			t.codes[r.Code]++
			if r := f.Reporter; r != nil && r.Witness != "" && (r.Verified || r.Own) {
				t.witnesses[f.Reporter.Witness] = true
			}
		}
	}
}

func mailDomain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func (p *proofs) judge() (proved []spf.Sender, left []string) {
	for _, ip := range slices.SortedFunc(maps.Keys(p.by), netip.Addr.Compare) {
		t := p.by[ip]
		var words []string
		for _, code := range slices.Sorted(maps.Keys(t.codes)) {
			words = append(words, fmt.Sprintf("%s (%d of %d)", proofCodes[code], t.codes[code], t.messages))
		}
		switch {
		case len(words) > 0 && len(t.witnesses) >= minWitnesses:
			seen := strings.Join(slices.Sorted(maps.Keys(t.witnesses)), ", ")
			proved = append(proved, spf.Sender{Kind: spf.Address, Value: ip.String(), Proof: strings.Join(words, "; ") + "; seen by " + seen + t.caution()})
		case len(words) > 0:
			left = append(left, fmt.Sprintf("%s: %s, but fewer than two verified witnesses saw it; --host %s adds it", ip, strings.Join(words, "; "), ip))
		case t.named:
			left = append(left, fmt.Sprintf("%s: a server of yours by its confirmed name or --own; --host %s adds it", ip, ip))
		default:
			left = append(left, fmt.Sprintf("%s: nothing ties it to you, neither Sent nor a signature; --host %s adds it", ip, ip))
		}
	}
	return proved, left
}

// caution: your mail came from there, which doesn't make the host yours.
func (t *tie) caution() string {
	if t.missing == 0 {
		return ""
	}
	return ". It isn't in the record now: if it is a hotel's, a hotspot's or a provider's server, take it out, and send through your own on port 587"
}

var errNoDomain = errors.New("the findings name no sender, so the domain can't be told")

// past turns a finding into what SPF is asked about.
func past(f classify.Finding) spf.Past {
	p := spf.Past{ID: f.ID, Class: string(f.Class)}
	if f.Origin != nil {
		p.IP, _ = netip.ParseAddr(f.Origin.IP)
		p.HELO = f.Origin.HELO
	}
	if f.Original != nil {
		p.Sender = strings.Trim(f.Original.MailFrom, "<>")
	}
	return p
}
