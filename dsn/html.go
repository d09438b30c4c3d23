package dsn

import (
	"bytes"
	"html"
)

// looksLikeHTML tells HTML that is labelled as plain text.
func looksLikeHTML(text []byte) bool {
	head := bytes.TrimSpace(text)
	return hasPrefixFold(head, "<html") || hasPrefixFold(head, "<!doctype html")
}

// blockTags end a line where they stand in HTML.
var blockTags = []string{"p", "/p", "div", "/div", "tr", "/tr", "li", "/li", "h1", "h2", "h3", "/h1", "/h2", "/h3", "hr", "pre", "/pre"}

// stripHTML gives HTML as lines of text: tags go, block tags end lines, entities are undone. What stands in angle
// brackets and holds an @ but no blank is an address, not a tag.
func stripHTML(text []byte) []byte {
	out := make([]byte, 0, len(text))
	closed := true // hidden elements have an end, as far as is known
	for len(text) > 0 {
		open := bytes.IndexByte(text, '<')
		if open < 0 {
			out = append(out, text...)
			break
		}
		out = append(out, text[:open]...)
		text = text[open:]
		closing := bytes.IndexByte(text, '>')
		if closing < 0 {
			out = append(out, text...)
			break
		}
		tag := text[1:closing]
		text = text[closing+1:]
		switch {
		case bytes.IndexByte(tag, '@') > 0 && !bytes.ContainsAny(tag, " ="):
			out = append(append(append(out, '<'), tag...), '>')
		case closed && (isTag(tag, "style") || isTag(tag, "script")):
			if end := indexFold(text, "</"+string(bytes.ToLower(tag[:5]))); end >= 0 {
				text = text[end:]
			} else {
				closed = false
			}
		case isTag(tag, "td"), isTag(tag, "th"):
			out = append(out, ' ')
		case isTag(tag, "br"):
			out = append(out, '\n')
			text = skipLineEnd(text) // a line end in HTML is white space, and another one would cut a header in two
		case isBlockTag(tag):
			out = append(out, '\n')
		}
	}
	plain := []byte(html.UnescapeString(string(out)))
	return bytes.ReplaceAll(plain, []byte("\u00a0"), []byte(" ")) // no-break spaces indent folded fields
}

func skipLineEnd(text []byte) []byte {
	if len(text) > 0 && text[0] == '\r' {
		text = text[1:]
	}
	if len(text) > 0 && text[0] == '\n' {
		text = text[1:]
	}
	return text
}

func isBlockTag(tag []byte) bool {
	for _, name := range blockTags {
		if isTag(tag, name) {
			return true
		}
	}
	return false
}

func isTag(tag []byte, name string) bool {
	if !hasPrefixFold(tag, name) {
		return false
	}
	return len(tag) == len(name) || bytes.IndexByte([]byte(" \t\r\n/"), tag[len(name)]) >= 0
}
