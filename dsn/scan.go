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
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

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
func indexFold(text []byte, word string) int {
	if word == "" {
		return 0
	}
	first, upper := word[0], word[0]
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for at := 0; at+len(word) <= len(text); at++ {
		next := indexEither(text[at:], first, upper)
		if next < 0 {
			return -1
		}
		if at += next; hasPrefixFold(text[at:], word) {
			return at
		}
	}
	return -1
}

func indexEither(text []byte, a, b byte) int {
	i := bytes.IndexByte(text, a)
	if a == b {
		return i
	}
	if i >= 0 {
		text = text[:i]
	}
	if j := bytes.IndexByte(text, b); j >= 0 {
		return j
	}
	return i
}

func containsFold(text []byte, word string) bool { return indexFold(text, word) >= 0 }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerInto writes in into buf in lower case; what does not fit gives nothing.
func lowerInto(buf, in []byte) []byte {
	if len(in) > len(buf) {
		return nil
	}
	for i, c := range in {
		buf[i] = lower(c)
	}
	return buf[:len(in)]
}
