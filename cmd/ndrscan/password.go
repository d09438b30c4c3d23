package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
	"golang.org/x/term"
)

// passwords gets the password of an account: from --password-command, NDRSCAN_PASSWORD, the keyring, or by asking, in
// that order. It is never an argument, and stands in no message.
type passwords struct {
	*app
	command   string
	stdinBusy bool              // standard input is a mailbox
	known     map[string]string // of accounts asked for before
}

// keyringService is the name the keyring holds passwords under; the user is USER@HOST.
const keyringService = "ndrscan"

// keyringPatience bounds a keyring that waits for somebody to unlock it on another screen.
const keyringPatience = 10 * time.Second

func (p *passwords) get(ctx context.Context, user, host string) (string, error) {
	account := user + "@" + host
	if password, ok := p.known[account]; ok {
		return password, nil
	}
	password, err := p.find(ctx, account)
	if err != nil {
		return "", err
	}
	if p.known == nil {
		p.known = map[string]string{}
	}
	p.known[account] = password
	return password, nil
}

func (p *passwords) find(ctx context.Context, account string) (string, error) {
	if p.command != "" {
		return p.fromCommand(ctx)
	}
	if password := os.Getenv("NDRSCAN_PASSWORD"); password != "" {
		return password, nil
	}
	if password, ok := fromKeyring(ctx, account); ok {
		return password, nil
	}
	if fd, ok := terminalFD(p.stdin); ok && !p.stdinBusy {
		return p.prompt(ctx, fd, account)
	}
	return "", fmt.Errorf("no password for %s: give --password-command or NDRSCAN_PASSWORD, store it in the keyring (service %q, user %q), "+
		"or run it on a terminal to be asked", account, keyringService, account)
}

// maxPassword bounds what a password command may print.
const maxPassword = 4096

// fromCommand takes the first line that the command prints. Its complaints go to ours.
func (p *passwords) fromCommand(ctx context.Context) (string, error) {
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, p.command)
	cmd.Stderr = p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("--password-command: %w", err)
	}
	text, _ := io.ReadAll(io.LimitReader(out, maxPassword))
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("--password-command failed: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", errors.New("--password-command printed nothing: its first line must be the password")
	}
	return line, nil
}

// fromKeyring asks the system's keyring. That there is none, or that it doesn't answer, is no error: there are other ways.
func fromKeyring(ctx context.Context, account string) (string, bool) {
	if !keyringThere() {
		return "", false
	}
	found := make(chan string, 1)
	go func() {
		password, err := keyring.Get(keyringService, account)
		if err != nil {
			password = ""
		}
		found <- password
	}()
	ctx, cancel := context.WithTimeout(ctx, keyringPatience)
	defer cancel()
	select {
	case password := <-found:
		return password, password != ""
	case <-ctx.Done():
		return "", false
	}
}

// keyringThere keeps the keyring library from starting a D-Bus of its own where there is no desktop session.
func keyringThere() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid()))
	return err == nil
}

// prompt asks on the terminal, without echo. An interrupt ends it and leaves the terminal as it was.
func (p *passwords) prompt(ctx context.Context, fd int, account string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(p.stderr, "Password for %s: ", safe(account))
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		answered <- answer{text, err}
	}()
	defer fmt.Fprintln(p.stderr)
	select {
	case a := <-answered:
		if a.err == nil && len(a.text) == 0 {
			a.err = errors.New("no password was typed")
		}
		return string(a.text), a.err
	case <-ctx.Done():
		term.Restore(fd, before)
		return "", ctx.Err()
	}
}
