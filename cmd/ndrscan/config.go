package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// notInConfig are flags that make no sense in a file.
var notInConfig = []string{"config", "help"}

// applyConfig sets flags from a TOML file, under the same names. Flags that were given on the command line win. A key
// that is no flag is an error: a typing error must not silently change what is scanned.
func applyConfig(path string, flags *pflag.FlagSet) error {
	if path == "" {
		return nil
	}
	var values map[string]any
	if _, err := toml.DecodeFile(path, &values); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return misused("--config %s, line %d: %s", path, syntax.Position.Line, syntax.Message)
		}
		return fmt.Errorf("--config: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		flag := flags.Lookup(name)
		if flag == nil || slices.Contains(notInConfig, name) {
			return misused("--config %s: %q is no flag of this command", path, name)
		}
		if flag.Changed {
			continue
		}
		if err := setFlag(flags, flag, values[name]); err != nil {
			return misused("--config %s: %s: %w", path, name, err)
		}
	}
	return nil
}

// setFlag sets one flag; a list sets a repeatable one.
func setFlag(flags *pflag.FlagSet, flag *pflag.Flag, value any) error {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	} else if _, many := flag.Value.(pflag.SliceValue); !many {
		return errors.New("takes one value, not a list")
	}
	for _, v := range list {
		text, err := flagText(v)
		if err != nil {
			return err
		}
		if err := flags.Set(flag.Name, text); err != nil {
			return err
		}
	}
	return nil
}

func flagText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64:
		return fmt.Sprint(v), nil
	case time.Time:
		if v.Location().String() == "date-local" { // how the library marks a date without a time
			return v.Format(time.DateOnly), nil
		}
		return v.Format(time.RFC3339), nil
	}
	return "", errors.New("write a string, a number, true or false, or a list of strings")
}
