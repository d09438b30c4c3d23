package report

import "io"

// Bundle gives the bundle that was opened, so that its manifest can be asked whether it is as it was written; ok is false
// where it is another file. It is closed with s.
func (s *Saved) Bundle() (in io.ReaderAt, size int64, ok bool) {
	return s.file, s.size, s.bundle != nil
}
