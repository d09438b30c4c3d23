package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ndrscan/proof"
)

// records are the flags for what only we have: our mail log, and the keys of the tags on our reverse-paths. Keys never stand
// on the command line, which shell histories and process lists keep.
type records struct {
	mailLogs        []string
	batvKey, srsKey string // files
}

func (r *records) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&r.mailLogs, "maillog", nil, "your mail server's log: `FILE` of Postfix, Exim or Sendmail, or CSV of Microsoft's message trace or Google's email log search; may be gzipped (repeatable, oldest first)")
	f.StringVar(&r.batvKey, "batv-key", "", "`FILE` with the keys of your BATV tags, one a line (or NDRSCAN_BATV_KEY)")
	f.StringVar(&r.srsKey, "srs-key", "", "`FILE` with the secrets of your SRS tags, one a line (or NDRSCAN_SRS_KEY)")
}

// openRecords reads what the flags name.
func (j *job) openRecords(ctx context.Context) (err error) {
	if j.tagKeys, err = j.records.keys(); err != nil {
		return err
	}
	j.mailLog, err = j.records.openLog(ctx, j.now())
	return err
}

// openLog reads the mail logs; nil if none is named. All must be readable: a verdict without a log that was named would rest
// on less than the user thinks.
func (r *records) openLog(ctx context.Context, now time.Time) (*proof.MailLog, error) {
	if len(r.mailLogs) == 0 {
		return nil, nil
	}
	log, err := proof.OpenMailLog(ctx, now, r.mailLogs...)
	if err != nil {
		return nil, fmt.Errorf("--maillog: %w", err)
	}
	return log, nil
}

// keys reads the keys from files, or from the environment.
func (r *records) keys() (k proof.Keys, err error) {
	if k.BATV, err = readKeys("batv-key", r.batvKey, "NDRSCAN_BATV_KEY"); err != nil {
		return k, err
	}
	k.SRS, err = readKeys("srs-key", r.srsKey, "NDRSCAN_SRS_KEY")
	return k, err
}

func readKeys(flag, path, variable string) ([]string, error) {
	if path == "" {
		value := os.Getenv(variable)
		if strings.TrimSpace(value) == "" {
			return nil, nil
		}
		keys, err := proof.ReadKeys(strings.NewReader(value))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		return keys, nil
	}
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		// Whoever wrote the key itself here must not find it in the error.
		return nil, misused("--%s takes the name of a file, and there is no such file: write the key into one, or set %s", flag, variable)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s: the file can't be opened", flag)
	}
	defer file.Close()
	keys, err := proof.ReadKeys(file)
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, path, err)
	}
	return keys, nil
}
