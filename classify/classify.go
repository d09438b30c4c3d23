// Package classify turns evidence into judgements: Evidence of one message into a Finding, findings into the Verdict on
// the flood.
//
// Every rule is a row of one table (rules.go): it has a code, says when it applies and when it holds, and what it means
// to a reader. The codes that hold for a message, with its origin kind and account, are its case; the message's witness,
// origin network and campaign are its cell. A class can depend on what the whole flood shows (habit, METHOD 5), so the
// flood counts messages per cell and case and judges each pair once, at the end.
package classify
