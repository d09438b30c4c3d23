package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ndrscan/report"
	"ndrscan/store"
)

// newForget erases an address from the store.
func (a *app) newForget() *cobra.Command {
	var path string
	var whole bool
	cmd := &cobra.Command{
		Use:   "forget ADDRESS",
		Short: "Erase a mail address from the store",
		Long: `Erases an address from everything the store holds: recipients, accounts, senders, logins, diagnostics, names of sources. A mark
that says nothing about it takes the place of the part before the @, so that what was counted stays. With --whole, the
messages in which it occurs are erased whole.

The file is written anew, so that no unused part of it holds the address. Reports that you wrote elsewhere, backups, and the
mail itself are not touched: as long as the mail is there, the next scan with --store reads the address again.`,
		Example: `  ndrscan forget ann@example.com
  ndrscan forget --store flood.db --whole ann@example.com`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := store.CheckAddress(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			if path == "" {
				if path, err = defaultStore(); err != nil {
					return err
				}
			}
			s, err := a.openStore(cmd.Context(), path, false)
			if err != nil {
				return err
			}
			defer s.Close()
			found, err := s.Forget(cmd.Context(), args[0], whole)
			if err != nil {
				return storeError(err)
			}
			return toStdout(func() error {
				_, err := fmt.Fprintln(a.stdout, report.Clean(forgotten(args[0], path, found)))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&path, "store", "", "the store's `FILE` (default: where weekly and watch have theirs)")
	cmd.Flags().BoolVar(&whole, "whole", false, "erase the messages in which it occurs, not only the address")
	return cmd
}

func forgotten(address, path string, found store.Forgotten) string {
	if found.Findings+found.Runs+found.Sources == 0 {
		return fmt.Sprintf("%s does not occur in %s", address, path)
	}
	where := fmt.Sprintf("%d messages, %d runs and %d names of sources in %s", found.Findings, found.Runs, found.Sources, path)
	if found.Mark == "" {
		return fmt.Sprintf("erased with %s: %s", address, where)
	}
	return fmt.Sprintf("erased %s from %s; %s stands in its place", address, where, found.Mark)
}
