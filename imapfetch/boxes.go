package imapfetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Which mailboxes there are, and which of them are meant.

// maxListed bounds how many names an error shows.
const maxListed = 20

// junkNames are what the junk mailbox is called where the server doesn't mark it (RFC 6154), as servers and mail
// programs create it.
var junkNames = []string{"Junk", "Spam", "Junk E-mail", "Junk Email", "Bulk Mail", "[Gmail]/Spam"}

// sentNames, likewise.
var sentNames = []string{"Sent", "Sent Items", "Sent Messages", "Sent Mail", "[Gmail]/Sent Mail"}

// Mailboxes lists the mailboxes that can be opened.
func (s *Source) Mailboxes(ctx context.Context) ([]string, error) {
	boxes, err := s.listOnce(ctx)
	names := make([]string, len(boxes))
	for i, b := range boxes {
		names[i] = b.Mailbox
	}
	return names, err
}

// SentMailbox finds the mailbox of sent mail: the one marked \Sent, else one of a usual name. It reports false if there
// is none.
func (s *Source) SentMailbox(ctx context.Context) (name string, found bool, err error) {
	boxes, err := s.listOnce(ctx)
	if err != nil {
		return "", false, err
	}
	name = special(boxes, imap.MailboxAttrSent, sentNames)
	return name, name != "", nil
}

func (s *Source) listOnce(ctx context.Context) ([]imap.ListData, error) {
	sess, err := s.take(ctx)
	if err != nil {
		return nil, s.fail("", err)
	}
	boxes, err := s.list(ctx, sess)
	if err != nil {
		sess.close()
		return nil, s.fail("", err)
	}
	s.put(sess)
	return boxes, nil
}

// list returns the mailboxes that can be opened, in the server's order.
func (s *Source) list(ctx context.Context, sess *session) ([]imap.ListData, error) {
	var boxes []imap.ListData
	err := sess.during(ctx, func() error {
		var options *imap.ListOptions
		caps := sess.client.Caps()
		if caps.Has(imap.CapSpecialUse) && (caps.Has(imap.CapListExtended) || caps.Has(imap.CapIMAP4rev2)) {
			options = &imap.ListOptions{ReturnSpecialUse: true} // others mark them unasked, RFC 6154 section 2
		}
		cmd := sess.client.List("", "*", options)
		for box := cmd.Next(); box != nil; box = cmd.Next() {
			if !slices.Contains(box.Attrs, imap.MailboxAttrNoSelect) && !slices.Contains(box.Attrs, imap.MailboxAttrNonExistent) {
				boxes = append(boxes, *box)
			}
		}
		return cmd.Close()
	})
	if err != nil {
		return nil, fmt.Errorf("listing the mailboxes: %w", s.oneLine(err))
	}
	return boxes, nil
}

// special finds a mailbox by its attribute, else by name.
func special(boxes []imap.ListData, attr imap.MailboxAttr, names []string) string {
	for _, b := range boxes {
		if slices.Contains(b.Attrs, attr) {
			return b.Mailbox
		}
	}
	for _, name := range names {
		for _, b := range boxes {
			if slices.ContainsFunc(spellings(b), func(s string) bool { return strings.EqualFold(s, name) }) {
				return b.Mailbox
			}
		}
	}
	return ""
}

// spellings are the ways a user may write a mailbox: as the server does, with '/' for its separator, and without the
// INBOX that servers put before personal mailboxes.
func spellings(b imap.ListData) []string {
	name := b.Mailbox
	out := []string{name}
	if b.Delim != 0 && b.Delim != '/' {
		name = strings.ReplaceAll(name, string(b.Delim), "/")
		out = append(out, name)
	}
	if len(name) > 6 && strings.EqualFold(name[:6], "INBOX/") {
		out = append(out, name[6:])
	}
	return out
}

// resolve finds the mailboxes the configuration means: the globs, the one named, or INBOX and Junk.
func (s *Source) resolve(ctx context.Context, sess *session) ([]string, error) {
	boxes, err := s.list(ctx, sess)
	if err != nil {
		return nil, err
	}
	switch {
	case len(s.cfg.Mailboxes) > 0:
		return matching(boxes, s.cfg.Mailboxes)
	case s.cfg.Mailbox == "":
		names := []string{"INBOX"}
		if junk := special(boxes, imap.MailboxAttrJunk, junkNames); junk != "" {
			names = append(names, junk)
		}
		return names, nil
	}
	for exact := range 3 { // an exact spelling wins over a looser one
		for _, b := range boxes {
			if all := spellings(b); exact < len(all) && sameBox(all[exact], s.cfg.Mailbox) {
				return []string{b.Mailbox}, nil
			}
		}
	}
	err = s.examine(ctx, sess, s.cfg.Mailbox) // it may exist and not be listed
	var refused *imap.Error
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("there is no mailbox %q: %s", s.cfg.Mailbox, listed(boxes))
	}
	return []string{s.cfg.Mailbox}, err
}

// sameBox compares names; only INBOX is case-insensitive (RFC 9051 section 5.1).
func sameBox(a, b string) bool {
	return a == b || strings.EqualFold(a, b) && strings.EqualFold(a, "INBOX")
}

func matching(boxes []imap.ListData, globs []string) ([]string, error) {
	var names []string
	for _, glob := range globs {
		found := false
		for _, b := range boxes {
			if !slices.ContainsFunc(spellings(b), func(s string) bool { return globMatch(glob, s) }) {
				continue
			}
			found = true
			if !slices.Contains(names, b.Mailbox) {
				names = append(names, b.Mailbox)
			}
		}
		if !found {
			return nil, fmt.Errorf("no mailbox matches %q: %s", glob, listed(boxes))
		}
	}
	return names, nil
}

// listed says which mailboxes there are.
func listed(boxes []imap.ListData) string {
	var names []string
	for _, b := range boxes[:min(len(boxes), maxListed)] {
		names = append(names, fmt.Sprintf("%q", b.Mailbox))
	}
	text := "there are " + strings.Join(names, ", ")
	if more := len(boxes) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// globMatch matches * (any text, separators too) and ? (one character). It looks back only to the last star, so it is
// never worse than quadratic in the length of a mailbox name.
func globMatch(glob, name string) bool {
	if strings.EqualFold(name, "INBOX") && strings.EqualFold(glob, "INBOX") {
		return true
	}
	g, n := []rune(glob), []rune(name)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(g) && g[i] == '*':
			star, mark = i, j
			i++
		case i < len(g) && (g[i] == '?' || g[i] == n[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(g) && g[i] == '*' {
		i++
	}
	return i == len(g)
}
