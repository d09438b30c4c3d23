// Package bundle keeps what a verdict rests on in one zip file, so that somebody else can check it: the report in all
// formats, the findings, the raw bounces, the header fields of the user's own mail that they were compared with, the answers
// of DNS, and a manifest with the hash of each file.
//
// Writer is filled while a scan runs; Open reads a bundle back and gives its messages as sources for another scan, which
// needs neither mailbox nor DNS. A bundle comes from a stranger: names inside it are ours or are passed over, sizes are
// bounded, and a file that isn't what the manifest says is refused.
package bundle

import (
	"time"

	"ndrscan/mailbox"
)

// Schema names the form of a manifest.
const Schema = "ndrscan.bundle/1"

// Files of a bundle. Messages lie below messages/, under numbers.
const (
	ManifestFile = "manifest.json"
	ReportFile   = "report.json"
	FindingsFile = "findings.jsonl"
	ZoneFile     = "dns.zone"
	LogFile      = "mail.log"
	indexFile    = "messages.jsonl"
	folder       = "messages/"
)

// Manifest says what a bundle holds and how the run was made.
type Manifest struct {
	Schema    string    `json:"schema"`
	Tool      string    `json:"tool"`
	Generated time.Time `json:"generated"` // the run's clock, which a rerun takes over
	Redact    string    `json:"redact"`    // none; else there are no raw messages
	Run       Run       `json:"run"`
	Kept      Kept      `json:"kept"`
	Files     []File    `json:"files"`
}

// Run is what a rerun needs of the run's options.
type Run struct {
	Own      []string `json:"own"`
	OwnNet   []string `json:"own_net"`
	Accounts []string `json:"accounts"` // addresses of the mailboxes
	Domains  []string `json:"domains"`  // taken as ours because mail came to them
	DNS      string   `json:"dns"`
	NoPTR    bool     `json:"no_ptr"`
	Sent     bool     `json:"sent"`     // a Sent mailbox was at hand
	MailLog  bool     `json:"maillog"`  // and a mail log
	TagKeys  bool     `json:"tag_keys"` // keys of BATV or SRS tags were given; they are secrets, and not in here
}

// Kept counts what of the mail is in the bundle. A flood too large for it is kept as a sample of each of its cells.
type Kept struct {
	Bounces   int `json:"bounces"`
	OfBounces int `json:"of_bounces"`
	Sent      int `json:"sent"`
	OfSent    int `json:"of_sent"`
	Other     int `json:"other"`
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// entry is a message's line in the index.
type entry struct {
	File     string    `json:"file"`
	What     string    `json:"what"` // bounce, report, own (mail of an account of ours), sent
	Source   string    `json:"source"`
	Mailbox  string    `json:"mailbox,omitempty"`
	ID       string    `json:"id"`
	Received time.Time `json:"received"`
	SHA256   string    `json:"sha256"`

	Truncated bool  `json:"truncated,omitempty"`
	Size      int64 `json:"size,omitempty"` // of the whole message, where it is truncated
}

const (
	whatBounce = "bounce"
	whatReport = "report"
	whatOwn    = "own"
	whatSent   = "sent"
)

func (e *entry) message(raw []byte) mailbox.Message {
	m := mailbox.Message{Source: e.Source, Mailbox: e.Mailbox, ID: e.ID, Received: e.Received, Raw: raw, Size: int64(len(raw))}
	if e.Truncated {
		m.Truncated, m.Size = true, e.Size
	}
	return m
}
