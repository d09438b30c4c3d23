package ndrscan

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"ndrscan/classify"
)

// spool keeps findings in a private temporary file (mode 0600) until the flood is judged: memory must not grow with the
// number of messages. A nil spool keeps nothing; one that can't be written any more keeps what it has.
type spool struct {
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder
	err  error // the first error of writing
}

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "ndrscan-findings-*")
	if err != nil {
		return nil, fmt.Errorf("no place for the findings: %w; set TMPDIR to a folder with room", err)
	}
	os.Remove(file.Name()) // where the system lets it go while it is open, a run that is killed leaves nothing behind
	out := bufio.NewWriterSize(file, 1<<16)
	return &spool{file: file, out: out, enc: json.NewEncoder(out)}, nil
}

// add keeps one record. The first failure is returned once; what comes after it is not kept.
func (s *spool) add(r *classify.Record) error {
	if s == nil || s.err != nil {
		return nil
	}
	if err := s.enc.Encode(r); err != nil {
		s.err = fmt.Errorf("they can't be kept from here on: %w; set TMPDIR to a folder with room", err)
	}
	return s.err
}

func (s *spool) records() iter.Seq2[classify.Record, error] {
	return func(yield func(classify.Record, error) bool) {
		if s == nil {
			return
		}
		if err := errors.Join(s.err, s.out.Flush(), rewind(s.file)); err != nil {
			yield(classify.Record{}, fmt.Errorf("reading the findings back: %w", err))
			return
		}
		dec := json.NewDecoder(bufio.NewReaderSize(s.file, 1<<16))
		for {
			var r classify.Record
			err := dec.Decode(&r)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

func (s *spool) close() error {
	if s == nil {
		return nil
	}
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}
