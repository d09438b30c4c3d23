package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"ndrscan/mailbox"
)

// Bounds of reading: of the manifest, of a message, and of any other file.
const (
	maxManifest = 1 << 20
	maxMessage  = mailbox.DefaultLimit
	maxFile     = 4 << 30
)

// Bundle is an opened bundle.
type Bundle struct {
	Manifest Manifest

	path  string
	close func() error
	files map[string]*zip.File
	sums  map[string]string
}

// Open reads a bundle's manifest. The caller closes it.
func Open(path string) (*Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: no evidence bundle: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b, err := Read(f, info.Size(), path)
	if err != nil {
		f.Close()
		return nil, err
	}
	b.close = f.Close
	return b, nil
}

// Read reads the manifest of a bundle that somebody else opened and closes. Errors call it by name.
func Read(in io.ReaderAt, size int64, name string) (*Bundle, error) {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, fmt.Errorf("%s: no evidence bundle: %w", name, err)
	}
	b := &Bundle{path: name, close: func() error { return nil }, files: map[string]*zip.File{}, sums: map[string]string{}}
	for _, f := range z.File {
		if b.files[f.Name] != nil {
			return nil, fmt.Errorf("%s: no evidence bundle: it holds a file twice", name)
		}
		b.files[f.Name] = f
	}
	if err := b.readManifest(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func (b *Bundle) readManifest() error {
	text, err := b.read(ManifestFile, maxManifest)
	if err != nil {
		return fmt.Errorf("no evidence bundle: %w; --bundle writes one", err)
	}
	if err := json.Unmarshal(text, &b.Manifest); err != nil {
		return fmt.Errorf("its manifest can't be read: %w", err)
	}
	if b.Manifest.Schema != Schema {
		return fmt.Errorf("its form is %q, and this version reads %s: use a newer ndrscan", b.Manifest.Schema, Schema)
	}
	for _, f := range b.Manifest.Files {
		b.sums[f.Name] = f.SHA256
	}
	return nil
}

// Close closes the file.
func (b *Bundle) Close() error { return b.close() }

// Raw tells whether the bundle holds raw messages; a redacted one does not.
func (b *Bundle) Raw() bool { return b.files[indexFile] != nil }

// Has tells whether there is a file of this name.
func (b *Bundle) Has(name string) bool { return b.files[name] != nil }

var errChanged = errors.New("it is not what the manifest says: it was changed after the bundle was written")

// File gives the content of a file, which must be what the manifest says. The last read fails where it is not.
func (b *Bundle) File(name string) (io.ReadCloser, error) {
	f := b.files[name]
	if f == nil {
		return nil, fmt.Errorf("%s: there is no %s in it", b.path, name)
	}
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", b.path, name, err)
	}
	return &checked{in: in, rest: maxFile, want: b.sums[name], hash: sha256.New(), name: b.path + ": " + name}, nil
}

// checked reads a file and holds it against its hash at the end.
type checked struct {
	in   io.ReadCloser
	rest int64
	want string
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	name string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.hash.Write(p[:n])
	if c.rest -= int64(n); c.rest < 0 {
		return n, fmt.Errorf("%s: larger than %d GB", c.name, maxFile>>30)
	}
	if errors.Is(err, io.EOF) && hex.EncodeToString(c.hash.Sum(nil)) != c.want {
		return n, fmt.Errorf("%s: %w", c.name, errChanged)
	}
	return n, err
}

func (c *checked) Close() error { return c.in.Close() }

// Check reads files to their ends and holds each against the manifest.
func (b *Bundle) Check(names ...string) error {
	for _, name := range names {
		in, err := b.File(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, in)
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return nil
}

// read gives a small file whole.
func (b *Bundle) read(name string, limit int64) ([]byte, error) {
	f := b.files[name]
	if f == nil {
		return nil, fmt.Errorf("there is no %s in it", name)
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return text, err
}

// Mail is the source of the scan's messages, Sent that of the user's own mail.
func (b *Bundle) Mail() mailbox.Source { return &source{b, false} }

// Sent is the user's own mail, as far as the bundle holds it: header fields.
func (b *Bundle) Sent() mailbox.Source { return &source{b, true} }

type source struct {
	*Bundle
	sent bool
}

func (s *source) Name() string {
	if s.sent {
		return "Sent in " + s.path
	}
	return s.path
}

// Count tells how many messages there should be.
func (s *source) Count(context.Context) (int, bool) {
	return s.Manifest.Kept.Bounces + s.Manifest.Kept.Other, !s.sent
}

func (s *source) Messages(ctx context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		fail := func(id string, err error) bool {
			return yield(mailbox.Message{}, &mailbox.ReadError{Source: s.path, ID: id, Err: err})
		}
		index, err := s.File(indexFile)
		if err != nil {
			fail("", err)
			return
		}
		defer index.Close()
		lines := bufio.NewReader(index)
		for ctx.Err() == nil {
			line, err := lines.ReadBytes('\n')
			if len(line) > 0 && err == nil {
				if !s.yieldLine(line, yield, fail) {
					return
				}
				continue
			}
			if !errors.Is(err, io.EOF) || len(bytes.TrimSpace(line)) > 0 {
				fail("", fmt.Errorf("its index can't be read: %w", err))
			}
			return
		}
		fail("", ctx.Err())
	}
}

func (s *source) yieldLine(line []byte, yield func(mailbox.Message, error) bool, fail func(string, error) bool) bool {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return fail("", fmt.Errorf("its index can't be read: %w", err)) && false
	}
	if (e.What == whatSent) != s.sent {
		return true
	}
	if !strings.HasPrefix(e.File, folder) {
		return fail(e.ID, errors.New("it is no message of the bundle"))
	}
	raw, err := s.read(e.File, maxMessage)
	if err == nil && sum(raw) != e.SHA256 {
		err = errChanged
	}
	if err != nil {
		return fail(e.ID, err)
	}
	return yield(e.message(raw), nil)
}
