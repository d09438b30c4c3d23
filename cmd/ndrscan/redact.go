package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"ndrscan/classify"
	"ndrscan/report"
)

// redacting is the flag that hides people from those a report is passed on to.
type redacting struct{ redact string }

func (r *redacting) addFlags(f *pflag.FlagSet) {
	f.StringVar(&r.redact, "redact", string(report.RedactNone), "hide people in all output: `LEVEL` is none, recipients (others' addresses) or all (addresses, logins, message ids, subjects); pseudonyms stay the same from run to run")
}

func (r *redacting) check() error {
	if r.redact == "" {
		r.redact = string(report.RedactNone) // the flag is none of the command's
	}
	if _, err := report.ParseRedaction(r.redact); err != nil {
		return withCode(exitUsage, fmt.Errorf("--redact: %w", err))
	}
	return nil
}

// redactor gives what hides people at the level that was asked for.
func (a *app) redactor(r redacting) (*report.Redactor, error) {
	if r.redact == string(report.RedactNone) {
		return report.NewRedactor(report.RedactNone, nil), nil
	}
	key, err := a.pseudonymKey()
	if err != nil {
		return nil, fmt.Errorf("--redact: %w", err)
	}
	return report.NewRedactor(report.Redaction(r.redact), key), nil
}

// pseudonymKey reads the key of this installation, and makes one where there is none: so that a person has the same pseudonym
// in every report of the house, and nobody outside can try names.
func (a *app) pseudonymKey() ([]byte, error) {
	dir, err := stateDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "redact.key")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = newKey(path); err == nil {
			a.note("the key of the pseudonyms is %s; whoever has it can try names", path)
		}
	}
	if err == nil && len(key) < keyBytes {
		err = fmt.Errorf("%s holds no key: remove it to make a new one", path)
	}
	return key, err
}

const keyBytes = 32

func newKey(path string) ([]byte, error) {
	key := make([]byte, keyBytes)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path) // another run was faster
	}
	if err != nil {
		return nil, err
	}
	_, err = file.Write(key)
	return key, errors.Join(err, file.Close())
}

// stateDir is where what must outlive a run lies (XDG Base Directory Specification).
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ndrscan"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("there is no home folder: %w; set XDG_STATE_HOME", err)
	}
	return filepath.Join(home, ".local", "state", "ndrscan"), nil
}

// redactContent gives what a run found as it may be shown.
func redactContent(c report.Content, r *report.Redactor) report.Content {
	shown := report.Content{Report: r.Report(c.Report)}
	if c.Findings != nil {
		shown.Findings = func() iter.Seq2[classify.Finding, error] {
			return func(yield func(classify.Finding, error) bool) {
				for f, err := range c.Findings() {
					if !yield(r.Finding(f), err) {
						return
					}
				}
			}
		}
	}
	return shown
}
