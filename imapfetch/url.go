package imapfetch

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// errAddress repeats nothing of what was given: any part of a malformed address may be a password.
var errAddress = errors.New("not a valid IMAP address: write imaps://USER@HOST[:PORT]/MAILBOX, other characters than letters and digits as %XX")

// ParseURL reads imaps://user@host[:port]/Mailbox (RFC 5092's simple form) or imap://, which means STARTTLS. A user name
// may hold an '@'. Errors never repeat a password.
func ParseURL(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Config{}, errAddress
	}
	cfg := Config{URL: raw, Host: u.Hostname(), User: u.User.Username()}
	port := u.Port()
	switch u.Scheme {
	case "imaps":
		cfg.TLS = ImplicitTLS
		set(&port, "993")
	case "imap":
		cfg.TLS = StartTLS
		set(&port, "143")
	default:
		return Config{}, errAddress
	}
	if _, given := u.User.Password(); given {
		return Config{}, errors.New("a password in the address ends up in shell histories and process lists: leave it out and use the prompt, NDRSCAN_PASSWORD or --password-command")
	}
	if cfg.User == "" {
		return Config{}, errors.New("the address names no user: write imaps://USER@HOST/MAILBOX")
	}
	if cfg.Host == "" || u.Opaque != "" {
		return Config{}, errAddress
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return Config{}, errors.New("a '?' or '#' in a mailbox name must be written %3F or %23")
	}
	cfg.Addr = net.JoinHostPort(cfg.Host, port)
	cfg.Mailbox = strings.Trim(u.Path, "/")
	return cfg, nil
}
