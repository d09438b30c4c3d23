package imapfetch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"ndrscan/internal/imaptest"
	"ndrscan/mailbox"
)

// A server that answers by script: what in-memory servers and Dovecot never do, others were seen doing.

// scripted answers well by default; a test's hook goes first. Answers are written as they go over the wire, TAG standing
// for the command's tag; one that ends in CUT closes the connection behind it, one that ends in HANG sends nothing more.
type scripted struct {
	addr string
	uids []int
	hook func(command string, n int) (answer string, handled bool) // n counts from 1 the commands of that beginning

	mu       sync.Mutex
	seen     map[string]int
	conns    int
	commands []string
}

func script(t *testing.T, uids []int, hook func(command string, n int) (string, bool)) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := &scripted{addr: listener.Addr().String(), uids: uids, hook: hook, seen: map[string]int{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			go s.serve(conn)
		}
	}()
	return s
}

func (s *scripted) serve(conn net.Conn) {
	defer conn.Close()
	io.WriteString(conn, "* OK ready\r\n")
	for in := bufio.NewScanner(conn); in.Scan(); {
		tag, command, _ := strings.Cut(in.Text(), " ")
		answer := strings.ReplaceAll(s.answer(command), "TAG", tag)
		text, cut := strings.CutSuffix(answer, "CUT")
		text, hang := strings.CutSuffix(text, "HANG")
		io.WriteString(conn, text)
		if hang {
			io.Copy(io.Discard, conn)
		}
		if cut || hang {
			return
		}
	}
}

func (s *scripted) answer(command string) string {
	s.mu.Lock()
	words := strings.Fields(command)
	kind := words[0]
	if kind == "UID" {
		kind += " " + words[1]
	}
	if strings.Contains(command, "BODY.PEEK") {
		kind += " BODY"
	}
	s.seen[kind]++
	n := s.seen[kind]
	s.commands = append(s.commands, command)
	s.mu.Unlock()
	if s.hook != nil {
		if answer, handled := s.hook(command, n); handled {
			return answer
		}
	}
	switch kind {
	case "CAPABILITY":
		return "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"
	case "STARTTLS":
		return "TAG BAD no\r\n"
	case "LIST":
		return "* LIST (\\Noselect) \".\" Public\r\n* LIST () \".\" INBOX\r\n* LIST () \".\" INBOX.Bounces\r\n* LIST (\\Junk) \".\" INBOX.Spamverdacht\r\nTAG OK\r\n"
	case "EXAMINE":
		return fmt.Sprintf("* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-ONLY] done\r\n", len(s.uids))
	case "UID SEARCH":
		return "* SEARCH " + strings.Trim(fmt.Sprint(s.uids), "[]") + "\r\nTAG OK\r\n"
	case "UID FETCH", "UID FETCH BODY":
		return s.fetch(command, func(uid int) string { return message(uid) }) + "TAG OK done\r\n"
	}
	return "TAG OK\r\n"
}

func message(uid int) string { return fmt.Sprintf("Subject: %d\r\n\r\n", uid) }

var setOf = regexp.MustCompile(`^UID FETCH (\S+) `)

// asked lists the UIDs of a FETCH that exist.
func (s *scripted) asked(command string) (uids []int) {
	set := setOf.FindStringSubmatch(command)
	if set == nil {
		return nil
	}
	for _, uid := range s.uids {
		for _, r := range strings.Split(set[1], ",") {
			first, last, ranged := strings.Cut(r, ":")
			var a, b int
			fmt.Sscan(first, &a)
			switch {
			case !ranged:
				b = a
			case last == "*":
				b = 1 << 30
			default:
				fmt.Sscan(last, &b)
			}
			if uid >= a && uid <= b {
				uids = append(uids, uid)
			}
		}
	}
	return uids
}

func (s *scripted) fetch(command string, text func(uid int) string) string {
	var b strings.Builder
	for _, uid := range s.asked(command) {
		b.WriteString(s.one(command, uid, text(uid)))
	}
	return b.String()
}

func (s *scripted) one(command string, uid int, text string) string {
	if !strings.Contains(command, "BODY") {
		return fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"24-Nov-2026 12:00:00 +0000\")\r\n", uid, uid, len(text))
	}
	return fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"24-Nov-2026 12:00:00 +0000\" BODY[]<0> {%d}\r\n%s)\r\n", uid, uid, len(text), len(text), text)
}

func (s *scripted) config(path string) Config {
	return Config{
		Addr: s.addr, Host: "127.0.0.1", User: user, Mailbox: path, TLS: StartTLS, Insecure: true,
		Password: imaptest.Password(password), Now: now, Timeout: 2 * time.Second, backoff: time.Millisecond,
	}
}

func numbers(from, to int) (n []int) {
	for ; from <= to; from++ {
		n = append(n, from)
	}
	return n
}

func isBody(command string) bool { return strings.Contains(command, "BODY.PEEK") }

// Whatever a server does, each UID is delivered whole or named.
func TestScripts(t *testing.T) {
	var s *scripted
	for name, test := range map[string]struct {
		hook    func(command string, n int) (string, bool)
		missing []int  // named one by one
		lost    int    // counted in the last error
		says    string // part of the first error
	}{
		"well": {},
		"UID behind the literal": {hook: func(c string, n int) (string, bool) {
			if !isBody(c) {
				return "", false
			}
			var b strings.Builder
			for _, uid := range s.asked(c) {
				fmt.Fprintf(&b, "* %d FETCH (BODY[]<0> {%d}\r\n%s INTERNALDATE \"24-Nov-2026 12:00:00 +0000\" UID %d)\r\n", uid, len(message(uid)), message(uid), uid)
			}
			return b.String() + "TAG OK\r\n", true
		}},
		"flags of a message before its text": {hook: func(c string, n int) (string, bool) {
			if !isBody(c) {
				return "", false
			}
			return "* 5 FETCH (UID 5 FLAGS (\\Seen))\r\n* 6 FETCH (FLAGS ())\r\n* 99 FETCH (UID 99 FLAGS ())\r\n" + s.fetch(c, message) + "* 5 FETCH (UID 5 FLAGS ())\r\nTAG OK\r\n", true
		}},
		"a text nobody asked for": {hook: func(c string, n int) (string, bool) {
			return s.fetch("UID FETCH 1:* BODY", message) + "* 77 FETCH (UID 77 BODY[] {3}\r\nabc)\r\nTAG OK\r\n", isBody(c)
		}},
		"no partial, lower case, quoted": {hook: func(c string, n int) (string, bool) {
			if !isBody(c) {
				return "", false
			}
			var b strings.Builder
			for _, uid := range s.asked(c) {
				fmt.Fprintf(&b, "* %d Fetch (uid %d body[] {%d}\r\n%s)\r\n", uid, uid, len(message(uid)), message(uid))
			}
			return b.String() + "TAG OK\r\n", true
		}},
		"one missing": {missing: []int{4}, says: "asked twice", hook: func(c string, n int) (string, bool) {
			return strings.Replace(s.fetch(c, message), s.one(c, 4, message(4)), "", 1) + "TAG OK\r\n", isBody(c)
		}},
		"one missing at first": {hook: func(c string, n int) (string, bool) {
			return strings.Replace(s.fetch(c, message), s.one(c, 4, message(4)), "", 1) + "TAG OK\r\n", isBody(c) && n == 1
		}},
		"one is NIL": {missing: []int{4}, says: "asked twice", hook: func(c string, n int) (string, bool) {
			return strings.Replace(s.fetch(c, message), s.one(c, 4, message(4)), "* 4 FETCH (UID 4 BODY[]<0> NIL)\r\n", 1) + "TAG OK\r\n", isBody(c)
		}},
		"the survey leaves one out": {hook: func(c string, n int) (string, bool) {
			return strings.Replace(s.fetch(c, message), s.one(c, 4, message(4)), "", 1) + "TAG OK\r\n", strings.HasPrefix(c, "UID FETCH") && !isBody(c)
		}},
		"search refused": {hook: func(c string, n int) (string, bool) {
			return "TAG NO [SERVERBUG] UID SEARCH server error\r\n", strings.HasPrefix(c, "UID SEARCH")
		}},
		"search names too many": {missing: []int{11, 12}, says: "asked twice", hook: func(c string, n int) (string, bool) {
			return "* SEARCH 12 11 10 9 8 7 6 5 4 3 2 1\r\nTAG OK\r\n", strings.HasPrefix(c, "UID SEARCH")
		}},
		"one refused, with the whole batch": {missing: []int{7}, says: "tried 4 times", hook: func(c string, n int) (string, bool) {
			return "TAG NO [SERVERBUG] Internal error\r\n", isBody(c) && slices.Contains(s.asked(c), 7)
		}},
		"one refused, the others delivered": {missing: []int{7}, says: "Internal error", hook: func(c string, n int) (string, bool) {
			all := s.fetch(c, message)
			without := strings.Replace(all, s.one(c, 7, message(7)), "", 1)
			return without + "TAG NO [SERVERBUG] Internal error\r\n", isBody(c) && all != without
		}},
		"one kills the connection": {missing: []int{3}, says: "tried 4 times", hook: func(c string, n int) (string, bool) {
			all := s.fetch(c, message)
			before, _, found := strings.Cut(all, s.one(c, 3, message(3)))
			return before + "* 3 FETCH (UID 3 BODY[]<0> {100}\r\nSubjeCUT", isBody(c) && found
		}},
		"one can't be parsed": {missing: []int{3}, says: "tried 4 times", hook: func(c string, n int) (string, bool) {
			return strings.Replace(s.fetch(c, message), "* 3 FETCH (UID 3", "* 3 FETCH (UID three", 1) + "TAG OK\r\n", isBody(c)
		}},
		"always silent in FETCH": {missing: []int{1, 2, 3}, lost: 7, says: "the server has sent nothing for 20ms", hook: func(c string, n int) (string, bool) {
			return "HANG", isBody(c)
		}},
		"BYE and no close": {hook: func(c string, n int) (string, bool) {
			return "* BYE Server shutting down\r\nHANG", isBody(c) && n == 1
		}},
		"renumbered": {lost: -1, says: "UIDVALIDITY changed", hook: func(c string, n int) (string, bool) {
			switch {
			case isBody(c):
				return "CUT", true
			case strings.HasPrefix(c, "EXAMINE"):
				return fmt.Sprintf("* 10 EXISTS\r\n* OK [UIDVALIDITY %d] x\r\nTAG OK [READ-ONLY]\r\n", n), true
			}
			return "", false
		}},
		"search always cut": {lost: -1, says: "searching mailbox", hook: func(c string, n int) (string, bool) {
			return "CUT", strings.HasPrefix(c, "UID SEARCH")
		}},
		"too busy at first": {hook: func(c string, n int) (string, bool) {
			return "TAG BAD Request is throttled. Suggested Backoff Time: 30 milliseconds\r\n", isBody(c) && n <= 2
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s = script(t, numbers(1, 10), test.hook)
			cfg := s.config("INBOX")
			if strings.Contains(name, "silent") || strings.Contains(name, "BYE") {
				cfg.Timeout = 20 * time.Millisecond
			}
			msgs, errs := read(t, open(t, cfg))
			got := map[string]int{}
			for _, m := range msgs {
				if got[m.ID]++; string(m.Raw) != fmt.Sprintf("Subject: %s\r\n\r\n", m.ID) || got[m.ID] > 1 || !m.Received.Equal(today) {
					t.Errorf("message %s, %d times, received %v: %q", m.ID, got[m.ID], m.Received, m.Raw)
				}
			}
			var named []int
			lost := 0
			for _, err := range errs {
				var failed *mailbox.ReadError
				if !errors.As(err, &failed) {
					t.Fatalf("%T: %v", err, err)
				}
				var uid int
				if fmt.Sscan(failed.ID, &uid); uid > 0 {
					named = append(named, uid)
				} else if lost = failed.Missed; lost == 0 {
					lost = -1
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("more than a line: %q", err)
				}
			}
			if fmt.Sprint(named) != fmt.Sprint(test.missing) || lost != test.lost {
				t.Errorf("missing %v, lost %d; want %v, %d", named, lost, test.missing, test.lost)
			}
			if test.says != "" && (len(errs) == 0 || !strings.Contains(errs[0].Error(), test.says)) {
				t.Errorf("errors %v\nwant %q", errs, test.says)
			}
			if lost >= 0 {
				for _, uid := range numbers(1, 10) {
					if got[fmt.Sprint(uid)] == 0 && !strings.Contains(" "+strings.Trim(fmt.Sprint(named), "[]")+" ", fmt.Sprintf(" %d ", uid)) && lost == 0 {
						t.Errorf("UID %d is neither delivered nor named", uid)
					}
				}
			}
		})
	}
}

// The server asks for a pause and gets it.
func TestSuggestedBackoff(t *testing.T) {
	s := script(t, []int{1}, func(c string, n int) (string, bool) {
		return "TAG BAD busy. Suggested Backoff Time: 150 milliseconds\r\n", isBody(c) && n == 1
	})
	begin := time.Now()
	msgs, errs := read(t, open(t, s.config("INBOX")))
	if len(msgs) != 1 || len(errs) != 0 || time.Since(begin) < 150*time.Millisecond {
		t.Errorf("%d messages, errors %v, after %v", len(msgs), errs, time.Since(begin))
	}
}

// LOGIN is disabled, PLAIN is offered.
func TestAuthenticatePlain(t *testing.T) {
	s := script(t, []int{1}, func(c string, n int) (string, bool) {
		switch {
		case strings.HasPrefix(c, "CAPABILITY"):
			return "* CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED AUTH=PLAIN\r\nTAG OK\r\n", true
		case strings.HasPrefix(c, "LOGIN"):
			return "TAG BAD disabled\r\n", true
		}
		return "", false
	})
	msgs, errs := read(t, open(t, s.config("INBOX")))
	if len(msgs) != 1 || len(errs) != 0 {
		t.Errorf("%d messages, errors %v", len(msgs), errs)
	}
	s.hook = func(c string, n int) (string, bool) {
		return "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\nTAG OK\r\n", strings.HasPrefix(c, "CAPABILITY")
	}
	if _, err := Open(t.Context(), s.config("INBOX")); !errors.Is(err, errNoPassword) {
		t.Errorf("error %v", err)
	}
}

// A server that echoes the password or sends control characters: neither is shown.
func TestLoginTextIsCleaned(t *testing.T) {
	s := script(t, nil, func(c string, n int) (string, bool) {
		return "TAG NO [AUTHENTICATIONFAILED] no \x1b[31m login with s3cret-word\r\n", strings.HasPrefix(c, "LOGIN")
	})
	cfg := s.config("INBOX")
	cfg.Password = imaptest.Password("s3cret-word")
	_, err := Open(t.Context(), cfg)
	if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), "login with ***") {
		t.Errorf("error %v", err)
	}
}

// Separators and prefixes of servers: INBOX.Bounces may be written as Bounces or INBOX/Bounces; \Junk is found by its
// mark in a plain LIST; what can't be opened isn't listed.
func TestSpellings(t *testing.T) {
	s := script(t, []int{1}, nil)
	for path, want := range map[string]string{
		"":               "[INBOX INBOX.Spamverdacht]",
		"Bounces":        "[INBOX.Bounces]",
		"INBOX/Bounces":  "[INBOX.Bounces]",
		"INBOX.Bounces":  "[INBOX.Bounces]",
		"Unlisted.Other": "[Unlisted.Other]", // EXAMINE decides
	} {
		if got := fmt.Sprint(open(t, s.config(path)).Scanned()); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
	names, err := open(t, s.config("")).Mailboxes(t.Context())
	if fmt.Sprint(names) != "[INBOX INBOX.Bounces INBOX.Spamverdacht]" || err != nil {
		t.Error(names, err)
	}
}

// A mailbox that can't be opened is named, and the next is read.
func TestOneMailboxRefused(t *testing.T) {
	s := script(t, []int{1}, func(c string, n int) (string, bool) {
		return "TAG NO [NOPERM] Permission denied\r\n", strings.HasPrefix(c, "EXAMINE") && strings.Contains(c, "Bounces")
	})
	cfg := s.config("")
	cfg.Mailboxes = []string{"*"}
	msgs, errs := read(t, open(t, cfg))
	var failed *mailbox.ReadError
	if len(msgs) != 2 || len(errs) != 1 || !errors.As(errs[0], &failed) || failed.ID != "INBOX.Bounces" {
		t.Errorf("%d messages, errors %v", len(msgs), errs)
	}
}

// Batches are bounded in messages, bytes and length of the command.
func TestPlan(t *testing.T) {
	j := job{batch: 500, limit: 1 << 20, sizes: true}
	p := &plan{seen: map[imap.UID]surveyed{}}
	var dense, sparse, large, unknown []imap.UID
	for n := range imap.UID(1000) {
		dense, sparse, large, unknown = append(dense, 1+n), append(sparse, 10_000+2*n), append(large, 20_000+n), append(unknown, 30_000+n)
		p.seen[1+n], p.seen[10_000+2*n], p.seen[20_000+n] = surveyed{size: 5000}, surveyed{size: 5000}, surveyed{size: 4 << 20}
	}
	for name, test := range map[string]struct {
		uids []imap.UID
		n    int
		want int
	}{
		"dense": {dense, 500, 500}, "few": {dense[:3], 500, 3}, "one": {dense, 1, 1}, "sparse": {sparse, 500, maxRanges},
		"large": {large, 500, 16}, "unknown": {unknown, 500, 16}, "one large": {large, 1, 1},
	} {
		if got := p.fits(j, test.uids, test.n); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if _, err := expand(imap.UIDSet{{Start: 1, Stop: 1<<32 - 1}}); err == nil {
		t.Error("four billion messages are believed")
	}
	if _, err := expand(imap.UIDSet{{Start: 1, Stop: 0}}); err == nil {
		t.Error("an open range is believed")
	}
	if uids, err := expand(imap.UIDSet{{Start: 1<<32 - 2, Stop: 1<<32 - 1}}); len(uids) != 2 || err != nil {
		t.Error(uids, err)
	}
}
