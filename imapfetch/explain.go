package imapfetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/emersion/go-imap/v2"
)

// What went wrong, in one line, and what to do about it.

var errNoPassword = errors.New("the server takes no passwords on this connection (LOGINDISABLED, no AUTH=PLAIN): use imaps:// or the provider's other way to log in")

// explainDial words the failure to connect.
func (s *Source) explainDial(err error) error {
	var (
		unknown     *net.DNSError
		wrongName   x509.HostnameError
		wrongIssuer x509.UnknownAuthorityError
		invalid     x509.CertificateInvalidError
		noTLS       tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errNoTLS):
		return err
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return fmt.Errorf("host %s is unknown: check its spelling (%w)", s.cfg.Host, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the name %s can't be looked up now: check the network and DNS (%w)", s.cfg.Host, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: check the port, 993 for imaps://, 143 for imap:// (%w)", s.cfg.Addr, err)
	case errors.As(err, &wrongName):
		return fmt.Errorf("the certificate is for %s, not for %s: use the name it was made for, or --insecure to accept it (%w)", certNames(wrongName.Certificate), s.cfg.Host, err)
	case errors.As(err, &wrongIssuer):
		return fmt.Errorf("the certificate of %s is signed by an unknown authority: give that authority with --ca FILE, or --insecure to accept it (%w)", s.cfg.Host, err)
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of %s is not valid: renew it, or --insecure to accept it (%w)", s.cfg.Host, err)
	case errors.As(err, &noTLS):
		return fmt.Errorf("no TLS is spoken at %s: use imap:// (STARTTLS) for this port, or imaps:// with port 993 (%w)", s.cfg.Addr, err)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%s does not answer: check host, port and firewall (%w)", s.cfg.Addr, err)
	}
	return fmt.Errorf("connecting to %s: %w", s.cfg.Addr, s.oneLine(err))
}

func certNames(cert *x509.Certificate) string {
	names := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "no host name"
	case len(names) > 3:
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// loginHints is a table of providers whose refusal means more than a typing error.
var loginHints = []struct{ hostSuffix, hint string }{
	{"gmail.com", "Gmail takes an app password or OAuth only"},
	{"googlemail.com", "Gmail takes an app password or OAuth only"},
	{"office365.com", "Microsoft 365 takes OAuth only"},
	{"outlook.com", "Outlook.com takes OAuth only"},
	{"yahoo.com", "Yahoo takes an app password only"},
	{"me.com", "iCloud takes an app-specific password only"},
}

// explainLogin words a refused login. The server's text is shown, but never the password should it echo that.
func (s *Source) explainLogin(err error) error {
	var refused *imap.Error
	if !errors.As(err, &refused) {
		return s.oneLine(err)
	}
	hint := "check user name and password"
	for _, h := range loginHints {
		if strings.HasSuffix(strings.ToLower(s.cfg.Host), h.hostSuffix) {
			hint += "; " + h.hint
		}
	}
	if refused.Code == imap.ResponseCodeUnavailable || refused.Code == imap.ResponseCodeInUse {
		hint = "the server has a problem, try again later"
	}
	return fmt.Errorf("login as %s refused by %s: %s (%w)", s.cfg.User, s.cfg.Host, hint, s.oneLine(err))
}

// maxErrorText bounds what is shown of an error that holds a server's words or go-imap's stack trace.
const maxErrorText = 300

// lineError is an error cut to one clean line; the cause stays reachable.
type lineError struct {
	text string
	err  error
}

func (e lineError) Error() string { return e.text }
func (e lineError) Unwrap() error { return e.err }

// oneLine keeps the first line of an error without control characters and without the password.
func (s *Source) oneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if s.password != "" {
		text = strings.ReplaceAll(text, s.password, "***")
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "..."
	}
	return lineError{strings.TrimSpace(text), err}
}

var suggestedBackoff = regexp.MustCompile(`(?i)Suggested Backoff Time: (\d{1,9}) milliseconds`)

// maxBackoff bounds a pause the server may ask for.
const maxBackoff = 10 * time.Minute

// pauseBefore is how long to wait before try n (from 1): doubling, or what Exchange asks for.
func (s *Source) pauseBefore(n int, err error) time.Duration {
	if m := suggestedBackoff.FindStringSubmatch(err.Error()); m != nil {
		ms, _ := strconv.Atoi(m[1])
		return min(time.Duration(ms)*time.Millisecond, maxBackoff)
	}
	return min(s.cfg.backoff<<min(n-1, 10), maxBackoff)
}
