package dsn

import "bytes"

// Scanners over bytes that every reader here uses. They copy nothing.

// cutLine takes one line without its line end.
func cutLine(in []byte) (line, rest []byte) {
	i := bytes.IndexByte(in, '\n')
	if i < 0 {
		return trimLineEnd(in), nil
	}
	return trimLineEnd(in[:i+1]), in[i+1:]
}

func trimLineEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// skipSpace passes over white space and line ends.
func skipSpace(in []byte) []byte {
	for len(in) > 0 && isSpace(in[0]) {
		in = in[1:]
	}
	return in
}

// trimSpaceRight drops white space and line ends at the end.
func trimSpaceRight(in []byte) []byte {
	for n := len(in); n > 0 && isSpace(in[n-1]); n = len(in) {
		in = in[:n-1]
	}
	return in
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// hasPrefixFold tells whether in begins with prefix, which is in lower case; the case of ASCII letters in in does not
// count.
func hasPrefixFold(in []byte, prefix string) bool {
	if len(in) < len(prefix) {
		return false
	}
	for i := 0; i < len(prefix); i++ {
		if lower(in[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// indexFold finds word, which is in lower case, in text, whatever the case of ASCII letters there.
//
// It goes block by block, so that a search that ends early has not looked through all of the text for the other letter.
func indexFold(text []byte, word string) int {
	if word == "" {
		return 0
	}
	const block = 512
	for start := 0; start+len(word) <= len(text); start += block {
		end := min(len(text), start+block+len(word)-1)
		if i := indexFoldBlock(text[start:end], word); i >= 0 {
			return start + i
		}
	}
	return -1
}

// indexFoldBlock is indexFold for a short text.
func indexFoldBlock(text []byte, word string) int {
	small, large := word[0], word[0]
	if 'a' <= small && small <= 'z' {
		large -= 'a' - 'A'
	}
	// The next places of both letters are kept, so that each byte is looked at once.
	nextSmall, nextLarge := -1, -1
	for at := 0; at+len(word) <= len(text); at++ {
		if nextSmall < at {
			nextSmall = nextByte(text, small, at)
		}
		if nextLarge < at {
			nextLarge = nextByte(text, large, at)
		}
		at = min(nextSmall, nextLarge)
		if hasPrefixFold(text[min(at, len(text)):], word) {
			return at
		}
	}
	return -1
}

// nextByte gives the place of the next c from at on, the length of text if there is none.
func nextByte(text []byte, c byte, at int) int {
	if i := bytes.IndexByte(text[at:], c); i >= 0 {
		return at + i
	}
	return len(text)
}

func containsFold(text []byte, word string) bool { return indexFold(text, word) >= 0 }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerInto writes a field name into buf in lower case; what does not fit gives nothing. Setting one bit makes letters
// small and leaves hyphens and digits alone; of the other bytes that a name may have none becomes one of these.
func lowerInto(buf, name []byte) []byte {
	if len(name) > len(buf) {
		return nil
	}
	buf = buf[:len(name)]
	for i := range buf {
		buf[i] = name[i] | 0x20
	}
	return buf
}
