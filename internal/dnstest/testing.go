package dnstest

import (
	"strings"
	"testing"
)

// Serve is Start for tests: the zone is text, trouble ends the test, and the server ends with it.
func Serve(t testing.TB, zone string) *Server {
	t.Helper()
	s, err := Start(strings.NewReader(zone))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
