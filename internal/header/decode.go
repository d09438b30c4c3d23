package header

import (
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// maxDecoded bounds the text that Decode makes of one value: encoded words of a wide charset can grow.
const maxDecoded = 64 << 10

// Decode undoes encoded words (RFC 2047) for people to read. Words in an unknown charset or with broken encoding stay as
// they are. The result is valid UTF-8 but not safe to print: cleaning is the report's.
func Decode(value string) string {
	if len(value) > maxDecoded {
		value = value[:maxDecoded]
	}
	if !strings.Contains(value, "=?") {
		return toUTF8(value)
	}
	dec := mime.WordDecoder{CharsetReader: charsetReader}
	text, err := dec.DecodeHeader(value)
	if err != nil {
		return toUTF8(value)
	}
	if len(text) > maxDecoded {
		text = text[:maxDecoded]
	}
	return toUTF8(text)
}

func charsetReader(name string, in io.Reader) (io.Reader, error) {
	return charset.Reader(name, io.LimitReader(in, maxDecoded))
}

// toUTF8 reads raw 8-bit text that is not UTF-8 as Latin-1, the commonest of what is seen in unlabelled headers.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		out.WriteRune(rune(s[i]))
	}
	return out.String()
}
