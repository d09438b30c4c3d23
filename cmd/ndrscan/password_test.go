package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

// The ways to a password, in their order; none of them prints it.
func TestPasswordOrder(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // there is a keyring, the one below
	keyring.MockInit()
	if err := keyring.Set(keyringService, "joe@mail.example.com", "from-keyring"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, command, env, user, want, err string }{
		{"command", "echo from-command", "from-env", "joe", "from-command", ""},
		{"environment", "", "from-env", "joe", "from-env", ""},
		{"keyring", "", "", "joe", "from-keyring", ""},
		{"none", "", "", "ann", "", `service "ndrscan", user "ann@mail.example.com"`},
		{"command fails", "exit 3", "from-env", "joe", "", "exit status 3"},
		{"command says nothing", "true", "from-env", "joe", "", "printed nothing"},
		{"blanks stay", "echo ' a b '", "", "joe", " a b ", ""},
		{"CRLF", `printf 'a\r\nb'`, "", "joe", "a", ""},
	} {
		t.Setenv("NDRSCAN_PASSWORD", tc.env)
		var stderr bytes.Buffer
		p := &passwords{app: &app{stdin: strings.NewReader("typed\n"), stderr: &stderr}, command: tc.command}
		got, err := p.get(context.Background(), tc.user, "mail.example.com")
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
		if stderr.Len() > 0 {
			t.Errorf("%s: prints %q", tc.name, stderr.String())
		}
	}
}

// A keyring that fails is no failure: there are other ways.
func TestPasswordWithoutKeyring(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	t.Setenv("NDRSCAN_PASSWORD", "")
	keyring.MockInitWithError(errors.New("locked"))
	p := &passwords{app: &app{stdin: strings.NewReader("")}}
	if _, err := p.get(context.Background(), "joe", "mail.example.com"); err == nil || !strings.Contains(err.Error(), "--password-command") {
		t.Errorf("%v", err)
	}
}

// An account that several sources share is asked for once.
func TestPasswordOnce(t *testing.T) {
	t.Setenv("NDRSCAN_PASSWORD", "first")
	p := &passwords{app: &app{stdin: strings.NewReader("")}}
	for range 2 {
		if got, err := p.get(context.Background(), "joe", "mail.example.com"); got != "first" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		t.Setenv("NDRSCAN_PASSWORD", "second")
	}
	if got, _ := p.get(context.Background(), "ann", "mail.example.com"); got != "second" {
		t.Errorf("another account got %q", got)
	}
}
