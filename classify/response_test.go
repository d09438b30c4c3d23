package classify

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func incidentOf(change func(*Account)) *Report {
	first, last := time.Date(2026, 11, 23, 21, 30, 33, 0, time.UTC), time.Date(2026, 11, 23, 21, 30, 37, 0, time.UTC)
	a := Account{Login: "alice@example.com", Host: "submit.example.com", Entry: "account", Class: Compromised, First: &first, Last: &last,
		Messages: 23, ClientIPs: []string{"198.51.100.66"}, QueueIDs: []string{"04AD2A251C4", "04DF2A251FA"}, FailedRecipients: 20,
		MessageIDs: []string{"<970af4becf.js@example.com>"}, Campaigns: []string{"0cfd87e5fe3b"},
		Clients: []AccountClient{{IP: "198.51.100.66", Messages: 23, First: &first, Last: &last}}}
	change(&a)
	return &Report{Accounts: []Account{a}, Verdict: Verdict{Verdict: Compromise}}
}

func commands(list []Action) string {
	var all []string
	for _, a := range list {
		all = append(all, a.Command)
	}
	return strings.Join(all, "\n")
}

// The order is METHOD 7's, and each platform's commands name the account, its ids and its window.
func TestResponse(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Account)
		own     string
		records string
		steps   []string // in this order
		want    []string // commands that are there
		not     []string
	}{
		{name: "a login at Postfix", change: func(*Account) {},
			steps: []string{"write down", "revoke sessions", "change the password", "scan the owner's machines", "second factor", "rules, forwards", "outgoing queue", "tell those"},
			want:  []string{"doveadm kick 'alice@example.com'", "doveadm sieve list -u 'alice@example.com'", "grep -hF 'sasl_username=alice@example.com'", "postsuper -h -"},
			not:   []string{"Revoke-", "gam ", "exim"}},
		{name: "no login at Postfix", change: func(a *Account) { a.Login = "" },
			steps: []string{"write down", "find the login", "revoke sessions"},
			want:  []string{"grep -E '04AD2A251C4|04DF2A251FA' /var/log/mail.log", "postsuper -h 04AD2A251C4 -h 04DF2A251FA"},
			not:   []string{"doveadm kick", "sasl_username="}},
		{name: "Exim, by its ids", change: func(a *Account) { a.QueueIDs = []string{"1xVbcP-00001m-2U"} },
			want: []string{"exiqgrep -i -f 'alice@example.com'"}, not: []string{"postsuper", "Revoke-"}},
		{name: "a tenant of Microsoft's", change: func(a *Account) { a.Entry, a.Host, a.QueueIDs, a.ClientIPs, a.Login = "tenant", "", nil, nil, "" },
			own:   "tenant:contoso.onmicrosoft.com",
			steps: []string{"find the login", "revoke sessions"},
			want:  []string{"Get-MessageTraceV2 -MessageId '<970af4becf.js@example.com>' -StartDate 2026-11-23T20:30:33Z -EndDate 2026-11-23T22:30:37Z", "Get-BlockedSenderAddress"},
			not:   []string{"doveadm", "gam "}},
		{name: "a login at Microsoft's", change: func(a *Account) { a.Entry, a.Host, a.QueueIDs = "tenant", "", nil },
			records: "v=spf1 include:spf.protection.outlook.com -all",
			want: []string{"Revoke-MgUserSignInSession -UserId 'alice@example.com'", "Get-InboxRule -Mailbox 'alice@example.com' -IncludeHidden",
				"Get-MessageTraceV2 -SenderAddress 'alice@example.com' -StartDate 2026-11-23T20:30:33Z", `createdDateTime ge 2026-11-16T20:30:33Z"`},
			not: []string{"doveadm", "gam "}},
		{name: "a login at Google's", change: func(a *Account) { a.Entry, a.Host, a.QueueIDs = "tenant", "", nil },
			records: "v=spf1 include:_spf.google.com ~all",
			want:    []string{"gam user 'alice@example.com' signout", "gam user 'alice@example.com' show filters"}, not: []string{"doveadm", "Revoke-"}},
		{name: "nobody knows where", change: func(a *Account) { a.Host, a.QueueIDs = "", nil },
			want: []string{"doveadm kick 'alice@example.com'", "Revoke-MgUserSignInSession -UserId 'alice@example.com'", "gam user 'alice@example.com' signout"}},
		{name: "a script", change: func(a *Account) { a.Entry, a.Login = "script", "" },
			steps: []string{"write down", "stop what sends", "outgoing queue", "way in"},
			want:  []string{"find /var/www -type f -newermt 2026-11-22 -ls"}, not: []string{"doveadm", "Revoke-"}},
		{name: "an infected host", change: func(a *Account) { a.Entry, a.Login = "host", "" },
			steps: []string{"off the network", "outgoing queue", "find what sends"},
			want:  []string{"iptables -I INPUT -s 198.51.100.66 -p tcp"}, not: []string{"doveadm"}},
		{name: "an open relay", change: func(a *Account) { a.Entry, a.Login = "relay", "" },
			steps: []string{"close the relay"}, want: []string{"postconf mynetworks"}, not: []string{"doveadm"}},
		{name: "the key of a service", change: func(a *Account) { a.Entry = "api-key" },
			steps: []string{"revoke the key", "where the key lay", "make a new key", "tell those"}, not: []string{"doveadm", "Revoke-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := incidentOf(c.change)
			r.Run.Flags = map[string]string{"own": c.own}
			r.Domains = []Domain{{Domain: "example.com", Record: c.records}}
			list := compromiseSteps(r)
			at := 0
			for _, step := range c.steps {
				i := slices.IndexFunc(list[at:], func(a Action) bool { return strings.Contains(a.Do, step) })
				if i < 0 {
					t.Fatalf("no step %q after step %d of %v", step, at, list)
				}
				at += i
			}
			all := commands(list)
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("no command %q in\n%s", want, all)
				}
			}
			for _, not := range c.not {
				if strings.Contains(all, not) {
					t.Errorf("a command %q in\n%s", not, all)
				}
			}
		})
	}
}

// A login that no command may hold is a known login all the same: its steps come without commands, not the search for it.
func TestResponseOddLogin(t *testing.T) {
	list := compromiseSteps(incidentOf(func(a *Account) { a.Login = "o'brien@example.com" }))
	if urgent := MostUrgent(list); urgent == nil || !strings.HasPrefix(urgent.Do, "revoke sessions") || !strings.Contains(urgent.Do, "o'brien@example.com") {
		t.Errorf("first comes %+v", urgent)
	}
	if text := commands(list); strings.Contains(text, "brien") {
		t.Errorf("commands %s", text)
	}
	if MostUrgent(nil) != nil {
		t.Error("something to do in an empty list")
	}
}

// A slip in --own makes every own server a stranger's; the report says that it named nothing.
func TestMissingOwn(t *testing.T) {
	for _, c := range []struct {
		own  string
		seen []OwnHost
		want bool
	}{
		{"exmaple.com", nil, true},
		{"exmaple.com", []OwnHost{{Host: "192.0.2.1", Rule: "candidate"}}, true},
		{"example.com", []OwnHost{{Host: "mx.example.com [192.0.2.1]", Rule: "confirmed-name"}}, false},
		{"tenant:contoso.onmicrosoft.com", nil, false},
		{"", nil, false},
	} {
		r := &Report{Kinds: map[string]int{"bounce": 3}, Classes: map[Class]int{Forged: 3}, OwnSeen: c.seen, Run: Run{Flags: map[string]string{"own": c.own}}}
		list := missing(r, Context{SentAtHand: true}, func(...string) bool { return false })
		if got := len(list) == 1 && strings.Contains(list[0].What, c.own); got != c.want {
			t.Errorf("%q with %v: %v", c.own, c.seen, list)
		}
	}
}

// One is no plural, least of all in the first sentence.
func TestSentenceOfOne(t *testing.T) {
	for _, c := range []struct {
		judgement Judgement
		class     Class
		bounces   int
		want      string
	}{
		{JoeJob, Forged, 12, "1 of 12 bounces answers forgeries that never passed your servers"},
		{Compromise, Compromised, 1, "1 of 1 bounce answers mail that went out through your servers"},
		{CompromiseSuspected, Compromised, 2, "1 of 2 bounces points at your servers, but proves nothing yet"},
		{OrdinaryBounces, Forged, 1, "1 bounce, and no flood of one kind among them; 1 answers a forgery"},
		{OrdinaryBounces, Genuine, 3, "3 bounces, and no flood of one kind among them"},
	} {
		tally := newTally(nil)
		tally.bounces, tally.of(c.class).messages = c.bounces, 1
		if got := sentence(c.judgement, tally); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// The checklist of accounts stands once, wherever the first account is.
func TestResponseTwo(t *testing.T) {
	r := incidentOf(func(a *Account) { a.Entry, a.Login = "script", "" })
	unknown, another := r.Accounts[0], r.Accounts[0]
	unknown.Entry, another.Entry = "account", "account"
	r.Accounts = append(r.Accounts, unknown, another)
	n := 0
	for _, a := range compromiseSteps(r) {
		if strings.HasPrefix(a.Do, "revoke sessions") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("sessions are revoked %d times", n)
	}
}

// What came from mail enters a command only where no shell could take it for anything but a word.
func TestResponseHostile(t *testing.T) {
	for _, bad := range []string{"$(reboot)", "a'; reboot; '", "a\u2019; Remove-Mailbox", "a\nreboot", "`reboot`", "-rf", "a b", "a|b", "a&b", "a;b", "a\x00b", "a\"b", "{login}$x", "ä@example.com", "<a>"} {
		for _, own := range []string{"", "tenant:x.onmicrosoft.com", "tenant:a.gappssmtp.com"} {
			for _, entry := range []string{"account", "script", "host", "relay", "api-key", "tenant", "unknown"} {
				r := incidentOf(func(a *Account) {
					a.Entry, a.Login, a.Host, a.QueueIDs, a.ClientIPs, a.MessageIDs = entry, bad, bad, []string{bad}, []string{bad}, []string{"<" + bad + "@x>", bad}
				})
				r.Run.Flags = map[string]string{"own": own}
				for _, a := range append(compromiseSteps(r), suspectedSteps(r)...) {
					if strings.Contains(a.Command, bad) || strings.Contains(a.Command, "reboot") || strings.Contains(a.Command, "{login}") {
						t.Errorf("%s: %q stands in the command %q", entry, bad, a.Command)
					}
				}
			}
		}
	}
}
