package mailbox

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
)

// A folder of messages, walked deep in lexical order. Every regular file is looked at, since .eml, .txt and no extension
// at all are all in use. One named .eml or .msg that can't be read is an error; another file that is no mail is skipped
// and counted. Hidden files and symbolic links are skipped: a link may lead out of the folder or show a file twice.

type folder struct {
	path    string
	limit   int64
	skipped int
	first   string
}

func (f *folder) Name() string { return f.path }

// Skipped answers for the latest walk.
func (f *folder) Skipped() (n int, first string) { return f.skipped, f.first }

// Count counts the files, mail or not.
func (f *folder) Count(ctx context.Context) (int, bool) {
	n := 0
	err := fs.WalkDir(os.DirFS(f.path), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil:
			return nil
		case hidden(name) && entry.IsDir():
			return fs.SkipDir
		case entry.Type().IsRegular() && !hidden(name):
			n++
		}
		return nil
	})
	return n, err == nil
}

// errStopped ends a walk whose consumer has had enough.
var errStopped = errors.New("stopped")

func (f *folder) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		f.skipped, f.first = 0, ""
		root, err := os.OpenRoot(f.path)
		if err != nil {
			yield(Message{}, &ReadError{Source: f.path, Err: explain(err)})
			return
		}
		defer root.Close()
		w := folderWalk{folder: f, ctx: ctx, root: root, yield: yield}
		if err := fs.WalkDir(root.FS(), ".", w.visit); err != nil && !errors.Is(err, errStopped) {
			yield(Message{}, &ReadError{Source: f.path, Err: explain(err)})
		}
	}
}

type folderWalk struct {
	*folder
	ctx   context.Context
	root  *os.Root
	yield func(Message, error) bool
}

func (w *folderWalk) visit(name string, entry fs.DirEntry, err error) error {
	switch {
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case err != nil && name == ".":
		return err
	case err != nil:
		return w.fail(name, explain(err))
	case hidden(name) && entry.IsDir():
		w.skip(name)
		return fs.SkipDir
	case entry.IsDir():
		return nil
	case hidden(name), !entry.Type().IsRegular():
		w.skip(name)
		return nil
	}
	return w.file(name)
}

// file yields the message or messages of one file. Only a file whose name doesn't call it one message is split as an
// mbox: then its first message has the file's path for ID, and a further one the path, '#' and its offset.
func (w *folderWalk) file(name string) error {
	in, err := w.root.Open(name)
	if err != nil {
		return w.fail(name, explain(err))
	}
	defer in.Close()
	r, err := newReader(in)
	if err != nil {
		return w.fail(name, err)
	}
	kind, err := r.sniff(name)
	named := namedMessage(name)
	switch {
	case !named && (err != nil || !r.looksLikeMail()):
		w.skip(name)
		return nil
	case err != nil:
		return w.fail(name, err)
	case kind == formatMbox && !named:
		return w.mbox(r, name)
	}
	msg, err := readSingle(w.ctx, r, w.limit)
	if err != nil {
		return w.fail(name, err)
	}
	msg.Source, msg.ID = w.path, name
	return w.pass(msg, nil)
}

func (w *folderWalk) mbox(r *reader, name string) error {
	n := 0
	for msg, err := range readMbox(w.ctx, r, w.path, w.limit) {
		n++
		if err != nil {
			return w.fail(name, errors.Unwrap(err))
		}
		id := name
		if n > 1 {
			id += "#" + msg.ID
		}
		msg.ID = id
		if err := w.pass(msg, nil); err != nil {
			return err
		}
	}
	return nil
}

func (w *folderWalk) pass(msg Message, err error) error {
	if !w.yield(msg, err) {
		return errStopped
	}
	return nil
}

// fail reports one file and lets the walk go on, unless the context is done.
func (w *folderWalk) fail(name string, err error) error {
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	return w.pass(Message{}, &ReadError{Source: w.path, ID: name, Err: err})
}

func (w *folderWalk) skip(name string) {
	if w.skipped == 0 {
		w.first = name
	}
	w.skipped++
}

func hidden(name string) bool {
	base := path.Base(name)
	return base != "." && strings.HasPrefix(base, ".")
}
