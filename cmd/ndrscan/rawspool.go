package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"ndrscan"
	"ndrscan/filter"
	"ndrscan/mailbox"
)

// maxRaw bounds the private temporary file of a rawSpool.
const maxRaw = 4 << 30

var errTooMuchMail = errors.New("the mail does not fit into 4 GB: read less of it with --since, the flood's worst day is enough")

// rawSpool keeps the messages of a scan in a private temporary file, for a command that must look at them again when
// everything is judged. An IMAP mailbox and a pipe are so read once only.
type rawSpool struct {
	file   *os.File
	out    *bufio.Writer
	size   int64
	places map[rawKey]rawPlace
	err    error // the first error of writing
}

type rawKey struct{ source, mailbox, id string }

type rawPlace struct{ at, size int64 }

func newRawSpool() (*rawSpool, error) {
	file, err := os.CreateTemp("", "ndrscan-mail-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("no place for the mail: %w; set TMPDIR to a folder with room", err)
	}
	return &rawSpool{file: file, out: bufio.NewWriterSize(file, 1<<16), places: map[rawKey]rawPlace{}}, nil
}

// wrap gives sources that keep what is read from them.
func (s *rawSpool) wrap(sources []mailbox.Source) []mailbox.Source {
	var list []mailbox.Source
	for _, source := range sources {
		list = append(list, kept{source, s})
	}
	return list
}

// kept is a source whose messages are kept.
type kept struct {
	mailbox.Source
	spool *rawSpool
}

// Messages yields what the source does. The sources of a scan are read by one goroutine, one after the other.
func (k kept) Messages(ctx context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for m, err := range k.Source.Messages(ctx) {
			if err == nil {
				k.spool.add(m)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// Count is the source's own, where it knows.
func (k kept) Count(ctx context.Context) (int, bool) {
	if counter, ok := k.Source.(mailbox.Counter); ok {
		return counter.Count(ctx)
	}
	return 0, false
}

func (s *rawSpool) add(m mailbox.Message) {
	switch {
	case s.err != nil:
		return
	case s.size+int64(len(m.Raw)) > maxRaw:
		s.err = errTooMuchMail
		return
	}
	if _, err := s.out.Write(m.Raw); err != nil {
		s.err = fmt.Errorf("keeping the mail: %w; set TMPDIR to a folder with room", err)
		return
	}
	s.places[rawKey{m.Source, m.Mailbox, m.ID}] = rawPlace{s.size, int64(len(m.Raw))}
	s.size += int64(len(m.Raw))
}

// mail walks over what was read, with what was found out about it.
func (s *rawSpool) mail(result *ndrscan.Result) filter.Mail {
	return func() iter.Seq2[filter.Message, error] {
		return func(yield func(filter.Message, error) bool) {
			if err := errors.Join(s.err, s.out.Flush()); err != nil {
				yield(filter.Message{}, err)
				return
			}
			for finding, err := range result.Findings() {
				m := filter.Message{Finding: finding}
				if err == nil {
					m.Raw, err = s.raw(rawKey{finding.Source, finding.Mailbox, finding.ID})
				}
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

// raw reads a message back; what could not be read has none.
func (s *rawSpool) raw(key rawKey) ([]byte, error) {
	place, ok := s.places[key]
	if !ok {
		return nil, nil
	}
	raw := make([]byte, place.size)
	if _, err := s.file.ReadAt(raw, place.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the mail back: %w", err)
	}
	return raw, nil
}

func (s *rawSpool) close() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }
