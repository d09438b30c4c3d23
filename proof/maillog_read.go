package proof

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxLogLine bounds one line of a log (syslog daemons cut at 1 to 8 KB); the rest of a longer one is passed over.
const maxLogLine = 64 << 10

// shownLines is how many lines of an unknown log its error shows.
const shownLines = 3

// UnknownLogError says that a file has no line of a mail log that is known here. Its lines are quoted, and safe to print.
type UnknownLogError struct {
	Name  string
	Lines []string // the first that could not be read, as they are
	Count int      // how many there are
}

func (e *UnknownLogError) Error() string {
	if e.Count == 0 {
		return fmt.Sprintf("%s: the log is empty", e.Name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: none of its %d lines is in a format known here", e.Name, e.Count)
	b.WriteString(" (logs of Postfix, Exim or Sendmail, CSV of Microsoft's message trace or Google's email log search); it begins")
	for i, line := range e.Lines {
		fmt.Fprintf(&b, ", line %d: %.200q", i+1, line)
	}
	return b.String()
}

// OpenMailLog reads log files, plain or gzipped. now is the time that dates without a year lie before; a file's own time
// comes before it. An error names the file; one in a format that is not known is an *UnknownLogError.
func OpenMailLog(ctx context.Context, now time.Time, paths ...string) (*MailLog, error) {
	l := NewMailLog(now)
	for _, path := range paths {
		if err := l.readFile(ctx, path); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// interruptible ends reading when the context does: a log may be large.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func (l *MailLog) readFile(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the mail log: %w", err)
	}
	defer file.Close()
	written := l.now
	if info, err := file.Stat(); err == nil && info.ModTime().Before(written) {
		written = info.ModTime()
	}
	return l.Read(path, interruptible{ctx, file}, written)
}

// Read adds a log to the index. written is the time that dates without a year lie before, such as the file's.
func (l *MailLog) Read(name string, r io.Reader, written time.Time) error {
	in, zipped, err := logText(name, r)
	if err != nil {
		return err
	}
	if !zipped.IsZero() && zipped.Before(written) {
		written = zipped
	}
	log := logReader{log: l, name: name, written: written, unknown: &UnknownLogError{Name: name}}
	if err := log.read(in); err != nil {
		return fmt.Errorf("%s: reading the mail log: %w", name, err)
	}
	if log.facts == 0 {
		return log.unknown
	}
	return nil
}

// logText gives the text of a log that may be gzipped, and when it was zipped, where that is known.
func logText(name string, r io.Reader) (in *bufio.Reader, zipped time.Time, err error) {
	in = bufio.NewReaderSize(r, maxLogLine)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) { // RFC 1952 section 2.3.1
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, zipped, fmt.Errorf("%s: the gzip data is damaged (%w): copy the file again", name, err)
		}
		zipped = unzipped.ModTime
		in = bufio.NewReaderSize(unzipped, maxLogLine)
	}
	// Microsoft's reports are UTF-16; a byte order mark says so.
	return bufio.NewReaderSize(transform.NewReader(in, unicode.BOMOverride(transform.Nop)), maxLogLine), zipped, nil
}

// EachLogLine yields the lines of a log file as UTF-8, without their ends; of an overlong line its beginning. A line is good
// until the next one.
func EachLogLine(ctx context.Context, path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(nil, fmt.Errorf("opening the mail log: %w", err))
			return
		}
		defer file.Close()
		in, _, err := logText(path, interruptible{ctx, file})
		for err == nil {
			var line []byte
			line, err = in.ReadSlice('\n')
			if len(line) > 0 && !yield(bytes.TrimRight(line, "\r\n"), nil) {
				return
			}
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of an overlong line
				_, err = in.ReadSlice('\n')
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, fmt.Errorf("%s: reading the mail log: %w", path, err))
		}
	}
}

// logReader reads one log.
type logReader struct {
	log     *MailLog
	name    string
	written time.Time
	facts   int // lines that told something
	unknown *UnknownLogError
}

func (r *logReader) read(in *bufio.Reader) error {
	first, err := in.Peek(maxLogLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if columns, ok := csvHeader(first); ok {
		return r.readCSV(in, columns)
	}
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			r.line(string(bytes.TrimRight(line, "\r\n")))
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of an overlong line
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line reads one line of a server's log.
func (r *logReader) line(text string) {
	if entry, ok := r.cutSyslog(text); ok {
		for _, d := range logDialects {
			fact := logFact{at: entry.at, noYear: entry.noYear}
			switch d.read(&r.log.logins, entry, &fact) {
			case tells:
				r.tell(d.name, &fact)
				r.log.coverage.add(entry.host, entry.at)
				return
			case passes:
				return
			}
		}
	}
	r.note(text)
}

func (r *logReader) tell(format string, f *logFact) {
	r.facts++
	r.log.add(format, f)
}

// note remembers a line that told nothing, in case no line does.
func (r *logReader) note(text string) {
	r.unknown.Count++
	if r.facts == 0 && len(r.unknown.Lines) < shownLines {
		r.unknown.Lines = append(r.unknown.Lines, text)
	}
}
