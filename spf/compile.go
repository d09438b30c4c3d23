package spf

import "errors"

var errUntabled = errors.New("depends on more than the client's network")

// varies: what the macro-string becomes depends on more than the domain and the client's family.
func (m Macro) varies() bool {
	for _, p := range m {
		if p.letter != 0 && p.letter != 'd' && p.letter != 'v' {
			return true
		}
	}
	return false
}
