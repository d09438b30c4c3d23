package classify

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What to do about a compromise: METHOD 7's steps, in its order, with the command of whoever runs the mail. The words of a
// step are for everybody; its commands are a table by platform. Everything in a command that came from mail is checked
// before (safeLogin and the like): people paste these lines into a shell.
//
// Commands are as their makers document them: doveadm-kick(1), doveadm-auth(1), doveadm-sieve(1), postsuper(1), postqueue(1),
// exiqgrep(8), exim(8); Microsoft's "Responding to a compromised email account" and the references of Get-MessageTraceV2 (90
// days back, 10 days a query), Get-InboxRule, Revoke-MgUserSignInSession, Get-MgAuditLogSignIn; Google's "Identify and secure
// compromised accounts", and GAM's wiki for `gam`, which not every Workspace has.

// platform is who runs the mail of an account.
type platform string

const (
	dovecotPostfix platform = "Dovecot and Postfix"
	eximServer     platform = "Exim"
	microsoft365   platform = "Microsoft 365"
	googleSpace    platform = "Google Workspace"
)

const mailLogFile = "/var/log/mail.log"

// responseStep is one step of a checklist. {who} in its words is the account as a person reads it.
type responseStep struct {
	do, why  string
	commands map[platform]command
	notes    map[platform]string // where a platform has no command: where to click
}

// command writes a step's command for a case, "" where it lacks what it would need.
type command func(c incident) string

// incident is what is known of one compromised account, as it may stand in a command.
type incident struct {
	account    Account
	who        string   // for people
	login      string   // "" where there is none, or none that is safe
	queueIDs   []string // safe ones
	messageIDs []string
	clients    []string
	from, to   time.Time // a window around what was seen; zero: unknown
}

// forLogin makes a command of a text in which {login} is the account; without a login there is none.
func forLogin(text string) command {
	return func(c incident) string {
		if c.login == "" {
			return ""
		}
		return strings.ReplaceAll(text, "{login}", c.login)
	}
}

// either takes the first command that has what it needs.
func either(commands ...command) command {
	return func(c incident) string {
		for _, make := range commands {
			if text := make(c); text != "" {
				return text
			}
		}
		return ""
	}
}

// accountSteps are METHOD 7's for a login that somebody else has.
var accountSteps = []responseStep{
	{do: "revoke sessions, app passwords and OAuth grants of {who}", why: "a new password alone leaves them alive",
		commands: map[platform]command{
			dovecotPostfix: forLogin("doveadm auth cache flush '{login}'; doveadm kick '{login}'"),
			microsoft365:   forLogin("Revoke-MgUserSignInSession -UserId '{login}'; Get-MgUserOauth2PermissionGrant -UserId '{login}'"),
			googleSpace:    forLogin("gam user '{login}' signout; gam user '{login}' deprovision"),
		},
		notes: map[platform]string{
			microsoft365: "app passwords: Entra admin center, the user's authentication methods",
			googleSpace:  "without GAM: Admin console, Directory, Users, the user's Security: reset sign-in cookies, revoke app passwords and connected applications",
		}},
	{do: "change the password of {who}, let the client connect encrypted only", why: "somebody else has it",
		commands: map[platform]command{
			dovecotPostfix: func(incident) string { return "doveadm pw" },
			microsoft365:   forLogin("Update-MgUser -UserId '{login}' -PasswordProfile @{ForceChangePasswordNextSignIn=$true; Password=(Read-Host)}"),
			googleSpace:    forLogin("gam update user '{login}' password random changepassword on"),
		},
		notes: map[platform]string{dovecotPostfix: "it asks for the password and prints the hash for your passdb"}},
	{do: "scan the owner's machines, clean them, then change the password again", why: "a thief on the machine reads the new one too"},
	{do: "turn on a second factor", why: "a password alone was not enough",
		commands: map[platform]command{
			microsoft365: forLogin("Get-MgUserAuthenticationMethod -UserId '{login}'"),
			googleSpace:  forLogin("gam info user '{login}'"),
		},
		notes: map[platform]string{
			dovecotPostfix: "IMAP and SMTP logins have none: one password a device, or OAuth",
			microsoft365:   "remove methods that are not the owner's",
			googleSpace:    "2-step enrolled and enforced: Admin console, the user's Security",
		}},
	{do: "look for rules, forwards and connectors that are not the owner's", why: "thieves leave them behind",
		commands: map[platform]command{
			dovecotPostfix: forLogin("doveadm sieve list -u '{login}'"),
			microsoft365: forLogin("Get-InboxRule -Mailbox '{login}' -IncludeHidden; Get-Mailbox '{login}' | Format-List Forwarding*,DeliverTo*; " +
				"Get-MailboxPermission '{login}'; Get-TransportRule; Get-InboundConnector; Get-OutboundConnector"),
			googleSpace: forLogin("gam user '{login}' show filters; gam user '{login}' show forwardingaddresses; gam user '{login}' show delegates"),
		},
		notes: map[platform]string{
			dovecotPostfix: "also aliases and .forward files",
			googleSpace:    "without GAM: the user's Gmail settings, Filters, Forwarding, Accounts",
		}},
	{do: "clean the outgoing queue, then look your addresses up in block lists", why: "what is queued goes on being delivered",
		commands: map[platform]command{
			dovecotPostfix: either(forLogin("grep -hF 'sasl_username={login}' "+mailLogFile+
				` | sed -nE 's/.*\]: ([0-9A-Za-z]+): client=.*/\1/p' | postsuper -h -`), holdByID),
			eximServer:   either(forLogin("exiqgrep -i -f '{login}' | xargs -r exim -Mf"), freezeByID),
			microsoft365: func(incident) string { return "Get-BlockedSenderAddress" },
		},
		notes: map[platform]string{
			dovecotPostfix: "this holds it; look at it (postcat -q ID), then postsuper -d. Lists: ndrscan doctor DOMAIN --enrich dnsbl",
			eximServer:     "this freezes it; look at it (exim -Mvh ID), then exim -Mrm. Lists: ndrscan doctor DOMAIN --enrich dnsbl",
			microsoft365:   "an account that is restricted from sending stands there; release it last (Remove-BlockedSenderAddress)",
		}},
	{do: "tell those who were written to", why: "they hold mail in the owner's name; bounces show only the failures, the log shows all",
		commands: map[platform]command{
			dovecotPostfix: either(forLogin("grep -hF 'sasl_username={login}' "+mailLogFile), grepLog),
			eximServer:     either(forLogin("grep -hE 'A=[a-z_0-9]+:{login}( |$)' /var/log/exim4/mainlog"), exigrep),
			microsoft365:   traceSender,
		},
		notes: map[platform]string{
			dovecotPostfix: "the queue ids in these lines lead to the recipients (to=)",
			googleSpace:    "Admin console, Reporting, Email Log Search: by sender, or by the Message-IDs in the report (message_ids)",
		}},
}

// findLogin comes before all else where our server's lines name no login.
var findLogin = responseStep{do: "find the login behind {who}", why: "the account is whoever logged in there, not the address that the mail bore",
	commands: map[platform]command{dovecotPostfix: grepLog, eximServer: exigrep, microsoft365: traceMessages},
	notes: map[platform]string{
		dovecotPostfix: "sasl_username= names it",
		eximServer:     "A= names it",
		microsoft365:   "SenderAddress names it; the sign-in log (Get-MgAuditLogSignIn) says from where",
		googleSpace:    "Admin console, Reporting, Email Log Search by Message-ID (message_ids in the report); the login audit says from where",
	}}

// signIns looks at who else was there, where a provider keeps a log of it.
var signIns = responseStep{do: "look through the sign-ins of {who}", why: "the thief's first one says when it began",
	commands: map[platform]command{
		dovecotPostfix: forLogin("doveadm who '{login}'; grep -hF 'user=<{login}>' " + mailLogFile),
		microsoft365: func(c incident) string {
			if c.login == "" || c.from.IsZero() {
				return ""
			}
			return fmt.Sprintf(`Get-MgAuditLogSignIn -All -Filter "userPrincipalName eq '%s' and createdDateTime ge %s"`,
				strings.ToLower(c.login), c.from.Add(-7*24*time.Hour).Format(time.RFC3339))
		},
		googleSpace: forLogin("gam report login user '{login}'"),
	}}

// scriptSteps are for a web form or program on a host of ours.
var scriptSteps = []responseStep{
	{do: "stop what sends on {who}: the script or form", why: "the spam enters there, without a login",
		commands: map[platform]command{dovecotPostfix: grepLog, eximServer: exigrep},
		notes: map[platform]string{dovecotPostfix: "the pickup line says whose uid it was",
			eximServer: "U= says whose it was, cwd= where it lay"}},
	{do: "clean the outgoing queue", why: "what is queued goes on being delivered",
		commands: map[platform]command{dovecotPostfix: holdByID, eximServer: freezeByID}},
	{do: "find and mend the way in before it is switched on again", why: "else it starts again",
		commands: map[platform]command{dovecotPostfix: newFiles, eximServer: newFiles}},
}

// hostSteps are for a machine that needs no login: an infected one in the office.
var hostSteps = []responseStep{
	{do: "take the machine behind {who} off the network", why: "the spam enters there, without a login",
		commands: map[platform]command{dovecotPostfix: blockClient, eximServer: blockClient}},
	{do: "clean the outgoing queue", why: "what is queued goes on being delivered",
		commands: map[platform]command{dovecotPostfix: holdByID, eximServer: freezeByID}},
	{do: "find what sends on it, clean it, and change every password that was used there", why: "a thief on the machine reads them"},
	{do: "let nobody send without a login, not from inside either; let only the mail server out on port 25", why: "else the next one does the same",
		commands: map[platform]command{dovecotPostfix: func(incident) string {
			return "postconf mynetworks smtpd_relay_restrictions smtpd_recipient_restrictions"
		}}},
}

// relaySteps are for a server of ours that takes strangers' mail for strangers.
var relaySteps = []responseStep{
	{do: "close the relay {who}: it takes mail from anybody for anybody", why: "no login was stolen, and changing passwords changes nothing",
		commands: map[platform]command{
			dovecotPostfix: func(incident) string {
				return "postconf mynetworks smtpd_relay_restrictions smtpd_recipient_restrictions"
			},
			eximServer: func(incident) string { return "exim -bP +relay_from_hosts; exim -bP acl_smtp_rcpt" },
		}},
	{do: "clean the outgoing queue, then look your addresses up in block lists", why: "what is queued goes on being delivered",
		commands: map[platform]command{dovecotPostfix: holdByID, eximServer: freezeByID}},
}

// keySteps are for the key of a sending service.
var keySteps = []responseStep{
	{do: "revoke the key that {who} was used with, at the service that issued it", why: "a key works without a password until it is revoked"},
	{do: "look through what the service sent with it, and stop what is queued there", why: "bounces show only the failures"},
	{do: "find where the key lay: code, a public repository, a web server's files; mend that before a new one is made", why: "else the new one is taken, too"},
	{do: "make a new key that can do only what it must, from the addresses it is used at", why: "the next thief can do less with it"},
	{do: "tell those who were written to", why: "they hold mail in the owner's name"},
}

// checklists are the steps by entry (METHOD 5); entries that are not here are accounts.
var checklists = map[string][]responseStep{"script": scriptSteps, "host": hostSteps, "relay": relaySteps, "api-key": keySteps}

// maxIncidents bounds the accounts that get a checklist; the table has them all.
const maxIncidents = 3

// compromiseSteps are what to do, for each account, the busiest first.
func compromiseSteps(r *Report) []Action {
	var list []Action
	n, whole := 0, true
	for _, a := range r.Accounts {
		if a.Class != Compromised || n == maxIncidents {
			continue
		}
		n++
		list = append(list, respond(newIncident(a), platforms(r, a), whole)...)
		if _, special := checklists[a.Entry]; !special {
			whole = false
		}
	}
	if n == 0 {
		return respond(newIncident(Account{Entry: "account"}), platforms(r, Account{}), true)
	}
	return list
}

// noteDown begins the step that holds the facts of an incident.
const noteDown = "write down: "

// MostUrgent is the step that can't wait: the first that does something. The facts come before it in the list, but they don't
// run away. It is nil where there is nothing to do.
func MostUrgent(list []Action) *Action {
	for i, a := range list {
		if !strings.HasPrefix(a.Do, noteDown) {
			return &list[i]
		}
	}
	return nil
}

// respond writes the checklist of one account. The whole list stands once: of a second account without a login, only how to
// find that login, for the rest is the same.
func respond(c incident, on []platform, whole bool) []Action {
	var steps []responseStep
	list := []Action{}
	if facts := c.facts(); facts != "" {
		list = append(list, Action{Do: noteDown + facts, Why: "bounces show only failures: it may have begun earlier, and sent more"})
	}
	checklist, special := checklists[c.account.Entry]
	switch {
	case special:
		steps = checklist
	case c.account.Login == "" && !whole:
		steps = []responseStep{findLogin}
	case c.account.Login == "":
		steps = append([]responseStep{findLogin}, accountSteps...)
	default:
		steps = append(slices.Clone(accountSteps), signIns)
	}
	for _, s := range steps {
		list = append(list, s.actions(c, on)...)
	}
	return list
}

// actions writes a step: one for each platform that has something to say, where several are possible.
func (s responseStep) actions(c incident, on []platform) []Action {
	first := Action{Do: strings.ReplaceAll(s.do, "{who}", c.who), Why: s.why}
	var list []Action
	for _, p := range on {
		text := ""
		if write := s.commands[p]; write != nil {
			text = write(c)
		}
		note := s.notes[p]
		if text == "" && note == "" {
			continue
		}
		a := Action{Do: first.Do, Why: first.Why, Command: text}
		if len(on) > 1 {
			a.Do += " (" + string(p) + ")"
		}
		if note != "" {
			a.Why += "; " + note
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return []Action{first}
	}
	return list
}

// platforms guesses who runs the mail of an account: a tenant's provider, or the server whose lines and queue ids are there;
// both where nothing tells.
func platforms(r *Report, a Account) []platform {
	hosted := hostedAt(r)
	if a.Entry == "tenant" {
		if len(hosted) == 0 {
			return []platform{microsoft365, googleSpace}
		}
		return hosted
	}
	switch {
	case slices.ContainsFunc(a.QueueIDs, eximID.MatchString):
		return []platform{eximServer}
	case len(a.QueueIDs) > 0 || a.Host != "":
		return []platform{dovecotPostfix}
	case len(hosted) > 0:
		return hosted
	}
	return []platform{dovecotPostfix, microsoft365, googleSpace}
}

// eximID is the form of Exim's message ids, also that of 4.97 and later.
var eximID = regexp.MustCompile(`^[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}$`)

// hostedAt tells by the tenants named as ours and the SPF records whether a provider has our mail.
func hostedAt(r *Report) (list []platform) {
	text := strings.ToLower(r.Run.Flags["own"])
	for _, d := range r.Domains {
		text += " " + strings.ToLower(d.Record)
	}
	for _, h := range r.OwnSeen {
		text += " " + strings.ToLower(h.Host)
	}
	for _, sign := range []struct {
		text string
		platform
	}{{"tenant:", microsoft365}, {"outlook.com", microsoft365}, {"_spf.google.com", googleSpace}, {"gappssmtp.com", googleSpace}} {
		if strings.Contains(text, sign.text) && !slices.Contains(list, sign.platform) {
			list = append(list, sign.platform)
		}
	}
	return list
}

func newIncident(a Account) incident {
	c := incident{account: a, login: safeLogin(a.Login), queueIDs: safeQueueIDs(a), messageIDs: safeMessageIDs(a.MessageIDs), clients: safeAddresses(a.ClientIPs)}
	switch {
	case a.Login != "":
		c.who = a.Login
	case a.Host != "" && len(a.QueueIDs) > 0:
		c.who = a.Host + " (queue ids " + strings.Join(a.QueueIDs, ", ") + ")"
	case a.Host != "":
		c.who = a.Host
	default:
		c.who = "the account"
	}
	if a.First != nil && a.Last != nil {
		c.from, c.to = a.First.UTC().Add(-time.Hour), a.Last.UTC().Add(time.Hour)
	}
	return c
}

// maxFacts bounds the addresses and campaigns in a sentence.
const maxFacts = 5

// facts are what an incident report begins with.
func (c incident) facts() string {
	a := c.account
	if a.Messages == 0 {
		return ""
	}
	parts := []string{c.who + ": " + count(a.Messages, "bounced message") + between(a.First, a.Last)}
	for i, client := range a.Clients {
		if i == maxFacts {
			parts = append(parts, fmt.Sprintf("and %d more addresses", len(a.Clients)-i))
			break
		}
		if len(a.Clients) == 1 && client.Messages == a.Messages {
			parts[0] += ", all from " + client.IP
			break
		}
		parts = append(parts, fmt.Sprintf("%d from %s%s", client.Messages, client.IP, between(client.First, client.Last)))
	}
	parts = append(parts, count(a.FailedRecipients, "failed recipient"))
	if len(a.Campaigns) > 0 {
		parts = append(parts, "campaigns "+some(a.Campaigns))
	}
	return strings.Join(parts, "; ")
}

func between(first, last *time.Time) string {
	if first == nil || last == nil {
		return ""
	}
	const form = "2006-01-02 15:04:05"
	if first.Equal(*last) {
		return " at " + first.UTC().Format(form) + " UTC"
	}
	return " between " + first.UTC().Format(form) + " and " + last.UTC().Format(form) + " UTC"
}

func grepLog(c incident) string {
	if len(c.queueIDs) == 0 {
		return ""
	}
	return "grep -E '" + strings.Join(c.queueIDs, "|") + "' " + mailLogFile
}

func exigrep(c incident) string {
	if len(c.queueIDs) == 0 {
		return ""
	}
	return "exigrep '" + strings.Join(c.queueIDs, "|") + "' /var/log/exim4/mainlog"
}

func holdByID(c incident) string {
	if len(c.queueIDs) == 0 {
		return ""
	}
	return "postsuper -h " + strings.Join(c.queueIDs, " -h ")
}

func freezeByID(c incident) string {
	if len(c.queueIDs) == 0 {
		return ""
	}
	return "exim -Mf " + strings.Join(c.queueIDs, " ")
}

// newFiles lists what was put on a web server since a day before the first message.
func newFiles(c incident) string {
	if c.from.IsZero() {
		return ""
	}
	return "find /var/www -type f -newermt " + c.from.AddDate(0, 0, -1).Format(time.DateOnly) + " -ls"
}

func blockClient(c incident) string {
	if len(c.clients) == 0 {
		return ""
	}
	table := "iptables"
	if strings.Contains(c.clients[0], ":") {
		table = "ip6tables"
	}
	return table + " -I INPUT -s " + c.clients[0] + " -p tcp -m multiport --dports 25,465,587 -j DROP"
}

// maxTrace is how much time one query of Get-MessageTraceV2 may cover.
const maxTrace = 10 * 24 * time.Hour

func traceWindow(c incident) string {
	if c.from.IsZero() {
		return ""
	}
	to := c.to
	if to.Sub(c.from) > maxTrace {
		to = c.from.Add(maxTrace)
	}
	return " -StartDate " + c.from.Format(time.RFC3339) + " -EndDate " + to.Format(time.RFC3339)
}

func traceSender(c incident) string {
	if c.login == "" || !strings.Contains(c.login, "@") {
		return traceMessages(c)
	}
	return "Get-MessageTraceV2 -SenderAddress '" + c.login + "'" + traceWindow(c) + " -ResultSize 5000"
}

func traceMessages(c incident) string {
	if len(c.messageIDs) == 0 {
		return ""
	}
	return "Get-MessageTraceV2 -MessageId '" + strings.Join(c.messageIDs, "','") + "'" + traceWindow(c)
}

// What may stand in a command line is what needs no quoting in any shell, for it is mail's text: a login, ids, addresses.
var (
	plainLogin     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,253}$`)
	plainQueueID   = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z_-]{0,63}$`)
	plainDomain    = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z_.-]{0,253}$`)
	plainMessageID = regexp.MustCompile(`^<[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,200}@[A-Za-z0-9_.-]{1,200}>$`)
)

func safeLogin(login string) string {
	if plainLogin.MatchString(login) {
		return login
	}
	return ""
}

func safeQueueIDs(a Account) []string {
	return slices.DeleteFunc(slices.Clone(a.QueueIDs), func(id string) bool { return !plainQueueID.MatchString(id) })
}

func safeMessageIDs(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !plainMessageID.MatchString(id) })
}

func safeAddresses(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(text string) bool {
		ip, err := netip.ParseAddr(text)
		return err != nil || ip.Zone() != ""
	})
}
