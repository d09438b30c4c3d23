package proof

import (
	"errors"
	"fmt"
	"strings"
)

// maxTags bounds the tags of one list: RFC 6376 names fourteen for signatures and seven for keys.
const maxTags = 50

// tag is one NAME=VALUE of a tag list. Value has its outer white space trimmed; from and to are the place of the
// untrimmed value in the list.
type tag struct {
	name, value string
	from, to    int
}

// tagList is a tag list (RFC 6376 section 3.2) in the order it was written.
type tagList []tag

// parseTags reads a tag list. Names are case-sensitive; a name that stands twice makes the whole list invalid. A
// semicolon at the end is allowed, an empty tag between two is not, as in the ABNF.
func parseTags(list string) (tagList, error) {
	var tags tagList
	for from := 0; from <= len(list); {
		to := from + strings.IndexByte(list[from:], ';')
		if to < from {
			to = len(list)
		}
		spec := list[from:to]
		if to == len(list) && trimFWS(spec) == "" {
			break
		}
		name, _, found := strings.Cut(spec, "=")
		trimmed := trimFWS(name)
		if !found || !isTagName(trimmed) {
			return nil, fmt.Errorf("tag %d of the list is not NAME=VALUE", len(tags)+1)
		}
		if _, twice := tags.get(trimmed); twice {
			return nil, fmt.Errorf("tag %s= stands twice", trimmed)
		}
		if len(tags) == maxTags {
			return nil, fmt.Errorf("more than %d tags", maxTags)
		}
		start := from + len(name) + 1
		tags = append(tags, tag{trimmed, trimFWS(list[start:to]), start, to})
		from = to + 1
	}
	if len(tags) == 0 {
		return nil, errors.New("no tags")
	}
	return tags, nil
}

// get finds a tag by its name.
func (l tagList) get(name string) (tag, bool) {
	for _, t := range l {
		if t.name == name {
			return t, true
		}
	}
	return tag{}, false
}

// value gives the value without any white space: right for every tag but n= and z=, which are not read here.
func (l tagList) value(name string) string {
	t, _ := l.get(name)
	return dropFWS(t.value)
}

// list gives a colon-separated value.
func (l tagList) list(name string) []string {
	v := l.value(name)
	if v == "" {
		return nil
	}
	return strings.Split(v, ":")
}

func isTagName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

const fws = " \t\r\n"

func trimFWS(s string) string { return strings.Trim(s, fws) }

func dropFWS(s string) string {
	if !strings.ContainsAny(s, fws) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(fws, r) {
			return -1
		}
		return r
	}, s)
}
