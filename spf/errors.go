package spf

import (
	"context"
	"errors"
	"fmt"
)

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
}

// temporary is for a question that DNS didn't answer. The text must not vary from run to run.
func temporary(err error) *trouble {
	if errors.Is(err, context.DeadlineExceeded) {
		return &trouble{TempError, "DNS took longer than a check may last"}
	}
	return &trouble{TempError, err.Error()}
}

func permanent(format string, args ...any) *trouble {
	return &trouble{PermError, fmt.Sprintf(format, args...)}
}

// unmatchable is the trouble with a mechanism that speaks of a local part which can't stand in a name: it doesn't match.
var unmatchable = permanent("the sender's local part is not ASCII (RFC 8616 section 4)")
