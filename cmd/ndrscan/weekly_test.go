package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"log"
	"os"
	"time"

	"ndrscan/classify"
	"ndrscan/store"
	"ndrscan/weekly"
)

// weeks are what happens in twelve weeks from 2026-W36 on: a quiet time, a Joe-Job that changes its networks and ends, a lost
// account, a message that can't be read, a newsletter service that SPF does not name; in the last two nobody looks.
var weeks = []struct {
	forged   int // bounces
	networks []int
	lost     bool // alice's account sends
	service  bool // a sender that SPF does not name
	genuine  int
	strict   bool // the SPF record
	unread   bool
	nobody   bool
}{
	{genuine: 3},
	{},
	{forged: 40, networks: []int{1, 2, 3, 4}, genuine: 2},
	{forged: 60, networks: []int{3, 4, 5}},
	{forged: 60, networks: []int{3, 4, 5}, strict: true},
	{forged: 6, networks: []int{4}, strict: true},
	{strict: true},
	{lost: true, strict: true},
	{strict: true, unread: true},
	{service: true, strict: true},
	{nobody: true},
	{nobody: true},
}

// twelveWeeks writes a store: what scan would have kept, each week's run on the Monday after it.
func twelveWeeks() {
	if len(os.Args) != 2 {
		log.Fatal("usage: twelveweeks FILE")
	}
	ctx := context.Background()
	s, err := store.Open(ctx, os.Args[1], store.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	for n, w := range weeks {
		if w.nobody {
			continue
		}
		span := weekly.Week(2026, 36+n)
		record := "v=spf1 mx ?all"
		if w.strict {
			record = "v=spf1 mx -all"
		}
		r := &classify.Report{Schema: classify.ReportSchema, Domains: []classify.Domain{{Domain: "example.com", Record: record}},
			Sources: []string{"box"}, OwnSeen: []classify.OwnHost{{Host: "192.0.2.2", Rule: "flag"}}}
		if w.unread {
			r.LeftOut = []classify.LeftOut{{Source: "box", ID: "9\x1b[2J", Count: 1, Why: "cut short by carol@example.org"}}
		}
		var list []classify.Finding
		for i := range w.forged {
			list = append(list, bounceOf(span, i, classify.Forged, fmt.Sprintf("203.0.%d.9", w.networks[i%len(w.networks)]),
				fmt.Sprintf("site%d.example", i%2), "origin-outside", "spf-fail"))
		}
		for i := range w.genuine {
			list = append(list, bounceOf(span, i, classify.Genuine, "192.0.2.2", "far.example", "origin-own", "sent-known"))
		}
		if w.lost {
			for i := range 12 {
				f := bounceOf(span, i, classify.Compromised, "192.0.2.2", "site.example", "origin-own", "border-proved", "login-named", "out-of-habit")
				f.Origin.Own, f.Origin.AuthUser, f.Origin.Entry, f.Origin.EntryHost, f.Origin.ClientIP = true, "alice", "account", "submit.example.com", "198.51.100.66"
				list = append(list, f)
			}
		}
		if w.service {
			for i := range 5 {
				list = append(list, bounceOf(span, i, classify.Misconfigured, "198.51.100.20", "site.example"))
			}
		}
		run := store.Run{At: span.To.Add(6 * time.Hour), Report: r, Sources: []store.Source{{Name: "box"}}}
		if _, err := s.Save(ctx, run, each(list)); err != nil {
			log.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
}

// bounceOf is the i-th bounce of a class in a week. Its subject, names and addresses are those that must not show when people are
// hidden.
func bounceOf(span weekly.Span, i int, class classify.Class, ip, witness string, codes ...string) classify.Finding {
	at := span.From.Add(time.Duration(i) * 2 * time.Hour)
	id := fmt.Sprintf("%s-%d-%s", at.Format(time.DateOnly), i, class)
	sum := sha256.Sum256([]byte(id))
	f := classify.Finding{Schema: classify.FindingSchema, Source: "box", ID: id, Digest: hex.EncodeToString(sum[:16]), Kind: "bounce", Received: &at,
		Class: class, Account: "joe@example.com", Campaign: "0102030405", Cell: id,
		Reporter:   &classify.Reporter{Witness: witness, IP: "198.51.100.9", Verified: true, Software: "postfix"},
		Recipients: []classify.Recipient{{Address: "carol@" + witness, Action: "failed", Status: "5.1.1", Reason: "user-unknown"}},
		Origin:     &classify.Origin{IP: ip, Via: "received", Trust: "direct"},
		Original: &classify.Original{Returned: "full", MailFrom: "joe@example.com", From: "joe@example.com", Subject: "Cheap <b>watches</b>",
			MessageID: "<" + id + "@example.com>"}}
	for _, code := range codes {
		f.Reasons = append(f.Reasons, classify.Reason{Code: code})
	}
	return f
}

func each(list []classify.Finding) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}
