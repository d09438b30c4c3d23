package classify

import (
	"fmt"
	"slices"
	"strings"

	"ndrscan/spf"
	"ndrscan/trace"
)

// missing lists what would change or settle the verdict, with the command that supplies it.
func missing(r *Report, c Context, has func(...string) bool) []Missing {
	list := []Missing{}
	add := func(what, command string) { list = append(list, Missing{What: what, Command: command}) }
	if r.Kinds["bounce"] == 0 {
		return list
	}
	if !c.SentAtHand && (r.Classes[Undetermined] > 0 || r.Classes[Compromised] > 0 || r.Classes[Genuine] > 0) {
		add("no Sent mailbox was at hand: forwarded, misconfigured and genuine mail can't be told apart for certain", "ndrscan scan --sent MAILBOX ...")
	}
	var candidates []string
	for _, h := range r.OwnSeen {
		if h.Rule == "candidate" {
			candidates = append(candidates, h.Host)
		}
	}
	if len(candidates) > 0 && r.Classes[Undetermined] > 0 {
		add("addresses that your DNS names may be your servers, but nothing confirms it", "ndrscan scan --own "+strings.Join(candidates, " --own ")+" ...")
	}
	if own := r.Run.Flags["own"]; own != "" && !strings.Contains(own, "tenant:") && len(candidates) == len(r.OwnSeen) && r.Classes[Forged] > 0 {
		add("nothing in this mail or in DNS is a server of what --own names ("+own+"): see that it is spelled right, for mail that went through a server of yours looks forged until it is known", "ndrscan own SOURCE")
	}
	if has("reporter-unstamped") {
		add("no host of yours stamped some of the reports: who handed them over rests on their own word; name your receiving servers with --own, or read the mailbox itself over IMAP", "")
	}
	if has("reporter-hidden") {
		add("a proxy, filter or NAT in front of your server hides who handed over some of the reports; if it is yours, name its inner address", "ndrscan scan --own 10.0.0.0/24 ...")
	}
	if has("dns-failed") {
		add("DNS did not answer for some messages, and nobody is accused on those; run again, or name a resolver with --dns", "")
	}
	if has("spf-unasked") {
		add("SPF was not asked, for there was no DNS", "ndrscan scan --dns system ...")
	}
	if slices.ContainsFunc(r.Accounts, func(a Account) bool { return a.Entry == "tenant" }) {
		add("the provider's lines name neither client nor login: the tenant's sign-in log does, and its message trace by the ids in the accounts table", "")
	} else if n := unnamed(r.Accounts); n > 0 && c.LogAtHand {
		add("neither your server's lines nor the mail log name the login for "+count(n, "bounced message")+": see whether the log is that server's and whole for that time", "")
	} else if n > 0 {
		add("your server's lines do not name the login for "+count(n, "bounced message")+": give its mail log, or search it for the queue ids in the accounts table", maillogCommand)
	}
	logSettles := slices.Contains(append(r.Verdict.Also, r.Verdict.Verdict), CompromiseSuspected) || has("entry-unknown") ||
		r.Verdict.Verdict == Inconclusive && len(list) == 0
	if logSettles && !c.LogAtHand {
		add("your mail log: it shows whether your server took these messages, and from whom", maillogCommand)
	}
	return list
}

// unnamed counts the messages of a thief whose login no line names.
func unnamed(accounts []Account) int {
	n := 0
	for _, a := range accounts {
		if a.Class == Compromised && a.Login == "" {
			n += a.Messages
		}
	}
	return n
}

const maillogCommand = "ndrscan scan --maillog FILE ..."

// actions lists the next steps (METHOD 7) for everything that holds.
func actions(r *Report) []Action {
	list := []Action{}
	holds := append([]Judgement{r.Verdict.Verdict}, r.Verdict.Also...)
	for _, j := range holds {
		switch j {
		case Compromise:
			list = append(list, compromiseSteps(r)...)
		case JoeJob:
			list = append(list, joeJobSteps(r)...)
		case Both:
			list = append(append(list, compromiseSteps(r)...), joeJobSteps(r)...)
		case CompromiseSuspected:
			list = append(list, suspectedSteps(r)...)
		case MisconfiguredSender:
			list = append(list, misconfiguredSteps(r)...)
		case OwnBackscatterFlood:
			list = append(list, backscatterStep(r))
		case Inconclusive:
			list = append(list, Action{Do: "supply what is missing (above) and run again", Why: "the evidence at hand decides nothing"})
		}
	}
	return list
}

// backscatterStep names the remedy for the kind of backscatter that is seen most.
func backscatterStep(r *Report) Action {
	kind := SourceBackscatter
	for _, o := range r.Origins {
		if o.Class == OwnBackscatter && o.Misconfiguration != "" {
			kind = o.Misconfiguration
			break
		}
	}
	return Action{Do: kind.remedy(), Why: "your server accepts forged mail and bounces it later: each such bounce goes to a stranger"}
}

func suspectedSteps(r *Report) []Action {
	var ids, atProvider []string
	for _, a := range r.Accounts {
		if a.Entry == string(trace.EntryTenant) || len(a.QueueIDs) == 0 {
			atProvider = append(atProvider, safeMessageIDs(a.MessageIDs)...)
			continue
		}
		ids = append(ids, safeQueueIDs(a)...)
	}
	if len(ids) == 0 && len(atProvider) > 0 {
		return []Action{{Do: "search the message log of the provider that sent them for these message ids: " + strings.Join(first(atProvider...), ", "),
			Why: "it names the account or the key that sent them; if that is not what its owner did, it is compromised. Lock nobody out before"}}
	}
	command := ""
	if len(ids) > 0 {
		command = "grep -E '" + strings.Join(first(ids...), "|") + "' " + mailLogFile
	}
	return []Action{{Do: "search your mail log for these queue ids", Command: command,
		Why: "if they are there, with this recipient and client, the account is compromised; if not, the reports are fabricated. Lock nobody out before"}}
}

func joeJobSteps(r *Report) []Action {
	list := []Action{{
		Do:      "filter bounces to addresses that never send; close catch-alls; sign your return addresses (BATV)",
		Why:     "first aid: genuine bounces bear your signature, backscatter does not; this writes rules for the mailbox, tried on all that was read",
		Command: "ndrscan filter ... > backscatter.sieve",
	}}
	for _, d := range r.Domains {
		switch {
		case d.Record == "":
			list = append(list, Action{Do: "publish an SPF record for " + d.Domain + " that names every host that sends for it",
				Why:     "without one no site can tell the forgeries; findings.jsonl is written by scan -o",
				Command: spfCommand("compose ", d.Domain, " --from-scan findings.jsonl")})
		case len(d.Issues) > 0:
			list = append(list, Action{Do: "mend the SPF record of " + d.Domain + ": " + strings.Join(d.Issues, "; "),
				Why: "sites that check it can't refuse the forgeries", Command: spfCommand("lint ", d.Domain, "")})
		case softEnd(d.Record):
			list = append(list, Action{Do: "test whether " + d.Domain + " can end its SPF record in -all", Command: rehearsal(d),
				Why: "a softer end lets sites accept the forgeries first and bounce them later; findings.jsonl is written by scan -o"})
		}
		if d.DMARC == "" {
			list = append(list, Action{Do: "publish a DMARC record for " + d.Domain, Why: "receivers then report to you what fails; when nothing of your own does, ask for more than none",
				Command: "_dmarc." + d.Domain + fmt.Sprintf(". IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@%s\"", d.Domain)})
		}
	}
	return append(list, Action{Do: "report the origin networks above to their abuse desks", Command: "ndrscan abuse ...",
		Why: "the machines that send are there, not at the sites that bounce; this drafts the letters, and sends none"})
}

// spfCommand writes a command of the SPF bench. A domain that a shell would take for more than a word is not put into one: it
// may come from mail.
func spfCommand(before, domain, after string) string {
	if !plainDomain.MatchString(domain) {
		return ""
	}
	return "ndrscan spf " + before + domain + after
}

// rehearsal is the command that tries a record with a hard end on this very flood.
func rehearsal(d Domain) string {
	policy, err := spf.Parse(d.Record)
	if err != nil || strings.ContainsAny(d.Record, "'\\") {
		return ""
	}
	var terms []string
	for _, t := range policy.Terms {
		if t.Kind != spf.All {
			terms = append(terms, t.Text)
		}
	}
	record := strings.Join(append(append([]string{"v=spf1"}, terms...), "-all"), " ")
	return spfCommand("test --domain ", d.Domain, " --record '"+record+"' --findings findings.jsonl")
}

// softEnd tells whether a record lets addresses that it does not name pass as anything but a fail.
func softEnd(record string) bool {
	policy, err := spf.Parse(record)
	if err != nil {
		return false
	}
	for _, term := range policy.Terms {
		if term.Kind == spf.All {
			return term.Qualifier != spf.Fail
		}
		if term.Kind == spf.Redirect {
			return false
		}
	}
	return true
}

// misconfiguredSteps names the remedy for each kind of source, with its addresses, the busiest first. An address is written
// as a term of the record only where our own record ties it to us and two verified witnesses saw it (METHOD 7).
func misconfiguredSteps(r *Report) []Action {
	var kinds []SourceKind
	sources := map[SourceKind][]OriginRow{}
	for _, o := range r.Origins {
		if o.Class != Misconfigured || o.Misconfiguration == "" {
			continue
		}
		if sources[o.Misconfiguration] == nil {
			kinds = append(kinds, o.Misconfiguration)
		}
		sources[o.Misconfiguration] = append(sources[o.Misconfiguration], o)
	}
	var list []Action
	for _, kind := range kinds {
		list = append(list, misconfiguredStep(kind, sources[kind]))
	}
	return list
}

func misconfiguredStep(kind SourceKind, sources []OriginRow) Action {
	var who, terms []string
	messages := 0
	for _, o := range sources {
		messages += o.Messages
		name := o.IP
		if o.RDNSConfirmed {
			name += " " + o.RDNS
		}
		who = append(who, name)
		if o.SPFTerm != "" {
			terms = append(terms, o.SPFTerm)
		}
	}
	its := "its"
	if len(sources) > 1 {
		its = "their"
	}
	return Action{Do: some(who) + ": " + kind.remedy(), Command: strings.Join(terms[:min(len(terms), maxFacts)], " "),
		Why: fmt.Sprintf("%s: %d of %s messages failed SPF", kind, messages, its)}
}

// some lists the first few, and says how many there are besides.
func some(list []string) string {
	if n := len(list) - maxFacts; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:maxFacts], ", "), n)
	}
	return strings.Join(list, ", ")
}
