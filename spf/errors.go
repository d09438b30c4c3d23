package spf

import "fmt"

// SyntaxError says where a record breaks the grammar of RFC 7208 section 12 and how.
type SyntaxError struct {
	Term    string // as written
	Offset  int    // of Term in the record, in octets
	Problem string // in plain words
	Section string // of RFC 7208
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q: %s (RFC 7208 section %s)", e.Term, e.Problem, e.Section)
}

// problem is a SyntaxError that doesn't know its place yet; inTerm tells it.
func problem(section, format string, args ...any) error {
	return &SyntaxError{Problem: fmt.Sprintf(format, args...), Section: section}
}

func inTerm(err error, text string, offset int) error {
	e := *err.(*SyntaxError)
	e.Term, e.Offset = text, offset
	return &e
}

// trouble ends an evaluation with temperror or permerror.
type trouble struct {
	result Result
	text   string
	domain string   // whose record it is about
	path   []string // to that domain
}

func temporary(err error) *trouble { return &trouble{result: TempError, text: err.Error()} }

func permanent(format string, args ...any) *trouble {
	return &trouble{result: PermError, text: fmt.Sprintf(format, args...)}
}
