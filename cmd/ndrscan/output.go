package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/term"

	"ndrscan"
	"ndrscan/report"
)

// style looks at the terminal, if there is one.
func (a *app) style(verbose, noColor bool) report.Style {
	s := report.Style{Verbose: verbose}
	fd, ok := terminalFD(a.stdout)
	if !ok {
		s.Width, _ = strconv.Atoi(os.Getenv("COLUMNS")) // for pipes; 0: as narrow as it goes
		return s
	}
	if width, _, err := term.GetSize(fd); err == nil {
		s.Width = width
	}
	s.Color = !noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// checkFolders finds out before an hour's scan that a file can't be written at its end.
func checkFolders(files []string) error {
	for _, file := range files {
		info, err := os.Stat(filepath.Dir(file))
		if err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		if !info.IsDir() {
			return fmt.Errorf("writing %s: %s is no folder", file, filepath.Dir(file))
		}
	}
	return nil
}

// content is what a run found.
func content(result *ndrscan.Result, kept bool) report.Content {
	c := report.Content{Report: result.Report}
	if kept {
		c.Findings = result.Findings
	}
	return c
}

// writeFiles writes content to every file that was asked for, each in the format that its name says.
func (w *writing) writeFiles(c report.Content) error {
	for _, file := range w.files {
		format, err := report.FormatOf(file)
		if err != nil {
			return err
		}
		if err := writeFile(file, func(out io.Writer) error { return report.Write(out, format, c, report.Style{}) }); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return nil
}

// holdFindings says that something was asked for that shows every message.
func (w *writing) holdFindings() bool {
	if report.Format(w.format).HoldsFindings() {
		return true
	}
	for _, file := range w.files {
		if f, _ := report.FormatOf(file); f.HoldsFindings() {
			return true
		}
	}
	return false
}

// toStdout writes to standard output. That nobody reads on (| head) is no error.
func toStdout(write func() error) error {
	if err := write(); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}

// writeFile replaces a file in one step, so that a reader never sees half of it. It is readable by its owner only: it
// holds other people's addresses. What is no regular file (/dev/stdout, a pipe) is written as it stands.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ndrscan-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
