package proof

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// Keys are the secrets with which our servers tag reverse-paths. A tag that one of them made says that whoever used the
// address had seen mail of ours lately: support, not proof (METHOD 4). A valid SRS0 says that we forwarded a third party's
// mail. The zero value verifies nothing. Keys print as their number.
type Keys struct {
	BATV []string // of prvs= (draft-levine-smtp-batv)
	SRS  []string // of SRS0 and SRS1, as Mail::SRS, libsrs2, PostSRSd and Exim use them
}

// TagProof is what became of the outermost tag of a reverse-path.
type TagProof struct {
	Tag     Tag
	Valid   bool   // one of our keys made it, and it had not expired
	Problem string // why it is not valid; "" where there is no tag, or no key to verify it with
}

// String keeps the secrets out of logs.
func (k Keys) String() string { return fmt.Sprintf("%d BATV, %d SRS keys", len(k.BATV), len(k.SRS)) }

// GoString does the same for %#v.
func (k Keys) GoString() string { return k.String() }

// maxKeyLines and maxKeyLine bound a file of keys.
const (
	maxKeyLines = 100
	maxKeyLine  = 4 << 10
)

// ReadKeys reads secrets, one a line; empty lines and those that begin with # are passed over. Blanks at the ends belong to
// no key. The error never shows a secret.
func ReadKeys(r io.Reader) ([]string, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 256), maxKeyLine)
	var keys []string
	for lines.Scan() {
		key := strings.TrimSpace(lines.Text())
		if key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		if len(keys) == maxKeyLines {
			return nil, fmt.Errorf("more than %d keys", maxKeyLines)
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it: write one a line")
	}
	return keys, nil
}

// Days that a tag may be older or younger than the message it is on. BATV says until when it is good, at most 30 days
// ahead here (Exim takes 7); SRS when it was made, at most 21 days before (Mail::SRS takes 49). A day is for clocks and
// zones.
const (
	maxBATVAhead = 30
	maxSRSAge    = 21
	tagSlack     = 1
)

// Verify judges the outermost tag of an address, in whichever case relays left it. at is when the message was sent; if it
// is zero, no tag is expired.
func (k Keys) Verify(addr string, at time.Time) TagProof {
	_, tag := unwrapOnce(addr)
	if tag == TagNone {
		return TagProof{}
	}
	p := TagProof{Tag: tag}
	local, domain := addr[:strings.LastIndexByte(addr, '@')], addr[strings.LastIndexByte(addr, '@'):]
	verify, keys := verifySRS1, k.SRS
	switch tag {
	case TagBATV:
		verify, keys = verifyBATV, k.BATV
	case TagSRS0:
		verify = verifySRS0
	}
	if len(keys) == 0 {
		return p
	}
	p.Problem = verify(local, domain, keys, at)
	p.Valid = p.Problem == ""
	return p
}

const (
	wrongKey = "none of the keys made this tag"
	expired  = "the tag does not fit the message's date"
)

// verifyBATV checks KDDDSSSSSS: the number of the key, the day of expiry modulo 1000, and the first three bytes of the HMAC
// of K, DDD and the address (draft-levine-smtp-batv-01 section 4, Exim's ${prvs}).
func verifyBATV(local, domain string, keys []string, at time.Time) string {
	prefix, tag, user, _ := cutBATV(local)
	if prefix != "prvs=" || !isBATVTag(tag) || len(tag) != 10 {
		return "only prvs= tags with a hash of six digits can be verified"
	}
	day, err := strconv.Atoi(tag[1:4])
	if err != nil {
		return "the tag names no day"
	}
	if !anyKey(keys, func(key string) bool {
		return sameHash(tag[4:], hex.EncodeToString(sum(sha1.New, key, tag[:4], user, domain))) ||
			sameHash(tag[4:], hex.EncodeToString(sum(sha1.New, key, tag[:4], strings.ToLower(user+domain))))
	}) {
		return wrongKey
	}
	return dayProblem(day, at, 1000, tagSlack, maxBATVAhead)
}

// verifySRS0 checks HHHH=TT=DOMAIN=LOCAL: the hash is of TT, DOMAIN and LOCAL in lower case; Exim's own srs_encode takes
// an HMAC-MD5 of the address alone, in hex.
func verifySRS0(local, _ string, keys []string, at time.Time) string {
	rest, _ := cutSRSPrefix(local, "SRS0")
	parts := strings.SplitN(rest, "=", 4)
	if len(parts) < 4 {
		return "the tag is not complete"
	}
	given, stamp, host, user := parts[0], parts[1], strings.ToLower(parts[2]), strings.ToLower(parts[3])
	if !anyKey(keys, func(key string) bool {
		return sameHash(given, base64.StdEncoding.EncodeToString(sum(sha1.New, key, strings.ToLower(stamp), host, user))) ||
			len(given) == 4 && sameHash(given, hex.EncodeToString(sum(md5.New, key, user, "@", host)))
	}) {
		return wrongKey
	}
	return srsProblem(stamp, at)
}

// verifySRS1 checks HHHH=FORWARDER=REST, where REST begins with the sign that stood after SRS0. Its own hash has no date;
// that in REST is the forwarder's, whose key is not ours.
func verifySRS1(local, _ string, keys []string, _ time.Time) string {
	rest, _ := cutSRSPrefix(local, "SRS1")
	parts := strings.SplitN(rest, "=", 3)
	if len(parts) < 3 {
		return "the tag is not complete"
	}
	if !anyKey(keys, func(key string) bool {
		hash := sum(sha1.New, key, strings.ToLower(parts[1]), strings.ToLower(parts[2]))
		return sameHash(parts[0], base64.StdEncoding.EncodeToString(hash))
	}) {
		return wrongKey
	}
	return ""
}

func anyKey(keys []string, made func(key string) bool) bool {
	for _, key := range keys {
		if made(key) {
			return true
		}
	}
	return false
}

func sum(algorithm func() hash.Hash, key string, parts ...string) []byte {
	mac := hmac.New(algorithm, []byte(key))
	for _, part := range parts {
		io.WriteString(mac, part) // a hash does not fail
	}
	return mac.Sum(nil)
}

// minHash is the shortest hash that is believed: the default of Mail::SRS, libsrs2 and PostSRSd.
const minHash = 4

// sameHash compares a hash with the start of the right one, in any case, since relays change that.
func sameHash(given, right string) bool {
	return len(given) >= minHash && len(given) <= len(right) && strings.EqualFold(given, right[:len(given)])
}

// srsStamp are the digits of an SRS day, base 32.
const srsStamp = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// srsProblem holds the day that the tag was made, modulo 1024, against the message's.
func srsProblem(stamp string, at time.Time) string {
	day := 0
	for _, c := range strings.ToUpper(stamp) {
		digit := strings.IndexRune(srsStamp, c)
		if digit < 0 || len(stamp) != 2 {
			return "the tag names no day"
		}
		day = day*32 + digit
	}
	return dayProblem(day, at, 1024, maxSRSAge, tagSlack)
}

// dayProblem tells whether a day of a short calendar lies within so many days before and after the message.
func dayProblem(day int, at time.Time, calendar, before, after int) string {
	if at.IsZero() {
		return ""
	}
	today := int(at.Unix()/(24*60*60)) % calendar
	ahead := (day - today + 2*calendar) % calendar
	if ahead <= after || calendar-ahead <= before {
		return ""
	}
	return expired
}
