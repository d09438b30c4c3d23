package ndrscan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	line := func(text []byte) {
		sum.Write(text)
		sum.Write([]byte{'\n'})
	}
	for _, field := range section {
		if !slices.ContainsFunc(kept, field.Is) {
			line(bytes.ReplaceAll(field.Raw, []byte("\r\n"), []byte("\n")))
		}
	}
	line(nil)
	line(bytes.TrimRight(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), "\n"))
	return hex.EncodeToString(sum.Sum(nil)[:digestSize])
}
