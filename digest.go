package ndrscan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"ndrscan/internal/header"
)

// kept is how mail programs and servers note the state of a message within the message itself: in a file, the same message has
// other such fields tomorrow. In lower case.
var kept = []string{
	"status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", // Dovecot and UW mbox: doc.dovecot.org, "mbox mailbox format"
	"content-length", "lines", // mutt writes both when it saves an mbox
	"x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys", // Thunderbird
	"x-gmail-labels", "x-gm-thrid", // Google Takeout
}

// digestSize is how many bytes of the hash are kept.
const digestSize = 16

// digest names a message by what it says, however often it is read and wherever it lies: a hash of its header fields, without
// those that a mailbox keeps in it, and of its body. Line ends count as LF, and empty lines at the end, of which formats take
// away or add some, don't count.
func digest(raw []byte) string {
	section, body := header.Split(header.CRToLF(raw))
	sum := sha256.New()
	for _, field := range section {
		if !slices.ContainsFunc(kept, field.Is) {
			writeLF(sum, field.Raw)
			sum.Write(lineFeed)
		}
	}
	sum.Write(lineFeed)
	writeLF(sum, bytes.TrimRight(body, "\r\n"))
	sum.Write(lineFeed)
	return hex.EncodeToString(sum.Sum(nil)[:digestSize])
}

var lineFeed = []byte{'\n'}

// writeLF writes a text with LF for CRLF, in pieces: a copy would cost as much as the hash.
func writeLF(w io.Writer, text []byte) {
	for {
		end := bytes.Index(text, crlf)
		if end < 0 {
			break
		}
		w.Write(text[:end])
		text = text[end+1:]
	}
	w.Write(text)
}

var crlf = []byte("\r\n")
