// Package proof holds what a stranger can't make: DKIM signatures of ours, tags we put on our reverse-paths, our own
// record of what was sent; and the results that other hosts recorded, which are only shown and compared (METHOD 2, 4).
package proof

import (
	"context"
	"net/netip"
	"time"
)

// Resolver is the DNS that DKIM needs: the strings of each TXT record joined. No records and a nil error mean that the
// name does not exist.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// DKIMResult is the outcome for one signature.
type DKIMResult string

// HeadersPass: the header signature is right, the body did not come back (or l= leaves some of it open). NoKey: the key
// is gone from DNS, which is unknown and not a failure. Unchecked: the caller left it out (Verifier.Skip).
const (
	DKIMPass        DKIMResult = "pass"
	DKIMHeadersPass DKIMResult = "headers-pass"
	DKIMNoKey       DKIMResult = "nokey"
	DKIMFail        DKIMResult = "fail"
	DKIMError       DKIMResult = "error"
	DKIMUnchecked   DKIMResult = "unchecked"
)

// Signature is one DKIM-Signature field (RFC 6376) and what became of it, judged at the message's date.
type Signature struct {
	Domain, Selector string
	Result           DKIMResult
	Hash             string // hash of b=: equal values are one signature seen again
	ToSigned         bool   // To stands in h= and there is one To
	FromSigned       bool   // From stands in h= and there is one From: else the signature says nothing about the author
	Problem          string
}

// Tag is what was written into a reverse-path by BATV or SRS.
type Tag string

// The kinds of tags.
const (
	TagNone Tag = ""
	TagBATV Tag = "batv"
	TagSRS0 Tag = "srs0"
	TagSRS1 Tag = "srs1"
)

// Record is a result some host recorded at the time: Received-SPF or the spf part of Authentication-Results.
type Record struct {
	Method string     // received-spf, authentication-results, arc-authentication-results
	Result string     // pass, fail, ... in lower case
	IP     netip.Addr // client address; invalid if the record has none
	Index  int        // place of the field in the header section
	Writer string     // authserv-id or receiver= where given
}

// SentMail is what the Sent index knows of one message.
type SentMail struct {
	MessageID  string
	From       string
	Recipients []string // To, Cc and Bcc, lower case
	Date       time.Time
	UserAgent  string
}
