package mailbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"time"
)

// The mbox reader. There is no standard to speak of (RFC 4155 registers the type and defines one variant); this is what
// the writers in use have in common:
//
//   - A message begins with a From_ line, "From ADDRESS DATE", at the start of the file or after an empty line, and ends
//     before the empty line that precedes the next. Content-Length is never trusted.
//   - Lines of a message that look like a From_ line were quoted: mboxo puts '>' before "From ", mboxrd before ">From "
//     also. One '>' is taken off either way, which is right for mboxrd and for what mboxo quoted.
//   - Writers that don't quote leave "From " lines in bodies; so a line counts only if it holds an address and a date.

// readMbox yields the messages of an mbox; r stands at its start.
func readMbox(ctx context.Context, r *reader, name string, limit int64) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		m := mboxReader{r: r, offset: r.skipped, limit: limit}
		for {
			msg, err := m.next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && len(msg.Raw) > 0 { // what came before the break is still worth reading
				msg.Source, msg.Truncated = name, true
				if !yield(msg, nil) {
					return
				}
			}
			if err != nil {
				yield(Message{}, &ReadError{Source: name, Err: readFailure(err)})
				return
			}
			msg.Source = name
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// mboxReader reads line pieces: a line longer than the window comes in several, of which only the first can be a From_
// line or need its quoting undone.
type mboxReader struct {
	r      *reader
	offset int64 // of the next piece
	limit  int64

	started  bool   // the From_ line below is valid
	fromLine []byte // of the message being read, or of the next one
	fromAt   int64
	scratch  []byte

	overhead int64 // bytes of the file that are in no message: From_ lines, empty lines between, quoting (for the tests)
}

// next reads up to the next From_ line. The message is returned together with a read error if there is some of it.
func (m *mboxReader) next(ctx context.Context) (Message, error) {
	if !m.started {
		if err := m.first(); err != nil {
			return Message{}, err
		}
	}
	if m.fromLine == nil {
		return Message{}, io.EOF
	}
	msg := Message{ID: strconv.FormatInt(m.fromAt, 10), Received: fromLineDate(m.fromLine)}
	m.fromLine = nil
	var err error
	msg.Size, err = m.body(ctx)
	msg.Raw = bytes.Clone(m.scratch)
	msg.Truncated = msg.Size > int64(len(msg.Raw))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return msg, err
}

// first skips empty lines and takes the first From_ line, whose form sniff has judged.
func (m *mboxReader) first() error {
	m.started = true
	for {
		at := m.offset
		piece, _, err := m.piece()
		if len(piece) == 0 {
			return err
		}
		m.overhead += int64(len(piece))
		if len(bytes.Trim(piece, "\r\n")) > 0 {
			m.fromLine, m.fromAt = bytes.Clone(piece), at
			return nil
		}
	}
}

// body gathers the lines of one message into scratch and leaves the next From_ line, if there is one, in fromLine. The
// empty line before that, or before the end of the file, belongs to the mbox.
func (m *mboxReader) body(ctx context.Context) (size int64, err error) {
	m.scratch = m.scratch[:0]
	lineStart, afterEmpty := true, true // an mbox may hold an empty message
	var held []byte                     // an empty line that may turn out to be the separator
	for ctx.Err() == nil {
		at := m.offset
		piece, whole, err := m.piece()
		if len(piece) == 0 {
			m.overhead += int64(len(held))
			return size, err
		}
		if lineStart && whole && afterEmpty && isFromLine(piece) {
			m.overhead += int64(len(held) + len(piece))
			m.fromLine, m.fromAt = bytes.Clone(piece), at
			return size, nil
		}
		size += m.keep(size, held)
		held = nil
		switch {
		case lineStart && isEmptyLine(piece):
			held, afterEmpty = emptyLine(piece), true
		default:
			if lineStart {
				piece = m.unquote(piece)
			}
			size, afterEmpty = size+m.keep(size, piece), false
		}
		lineStart = whole
	}
	return size, ctx.Err()
}

// keep appends what fits under the limit and returns the length of all of it.
func (m *mboxReader) keep(size int64, piece []byte) int64 {
	if room := m.limit - size; room > 0 {
		m.scratch = append(m.scratch, piece[:min(int64(len(piece)), room)]...)
	}
	return int64(len(piece))
}

// unquote takes one '>' off a quoted From_ line.
func (m *mboxReader) unquote(line []byte) []byte {
	if rest := bytes.TrimLeft(line, ">"); len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		m.overhead++
		return line[1:]
	}
	return line
}

// piece reads to the end of the line or of the window; whole says it reached the end of the line. It is valid until the
// next call. At the end of the file it is empty and err is io.EOF.
func (m *mboxReader) piece() (piece []byte, whole bool, err error) {
	piece, err = m.r.ReadSlice('\n')
	m.offset += int64(len(piece))
	if len(piece) == 0 {
		return nil, false, err
	}
	return piece, !errors.Is(err, bufio.ErrBufferFull), nil
}

func isEmptyLine(line []byte) bool { return string(line) == "\n" || string(line) == "\r\n" }

// emptyLine returns a copy of an empty line that costs nothing.
func emptyLine(line []byte) []byte {
	if len(line) == 1 {
		return []byte("\n")
	}
	return []byte("\r\n")
}

// isFromLine reports whether line is a From_ line: "From ", an address (which may be missing or hold blanks), a date.
func isFromLine(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	_, ok := parseFromDate(line)
	return ok
}

// fromLineDate returns the date of a From_ line, zero if it has none. Most writers give no zone: read as UTC.
func fromLineDate(line []byte) time.Time {
	date, _ := parseFromDate(line)
	return date
}
