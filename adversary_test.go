package ndrscan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ndrscan/classify"
)

// An adversary wants a wrong answer. Each runs twice: right with its defence, wrong with the rules of that defence switched
// off, so that no defence can go unnoticed.
type adversary struct {
	name    string
	attack  func(t *testing.T) attack
	verdict classify.Judgement
	class   classify.Class // of every bounce; "": not looked at
	login   string         // of the first account; "": not looked at

	without []string                        // codes of rules, signs and defences that are switched off the second time
	also    func(r *classify.Report) string // what else must be right; says what is wrong
}

var thief = "203.0.113.200"

var adversaries = []adversary{
	{name: "Received lines forged in our servers' own style", verdict: classify.JoeJob, class: classify.Forged, without: []string{"border"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", bot(n)) + login(n, "alice@ours.example", "198.51.100.66") + spam(n)
				return b
			})}
		}},
	{name: "forged results on top of the original", verdict: classify.JoeJob, class: classify.Forged, without: []string{"recorded"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = fmt.Sprintf("Received-SPF: pass (%s: domain of ours.example designates 192.0.2.2) client-ip=192.0.2.2; receiver=%s\nAuthentication-Results: %s; spf=pass smtp.mailfrom=ours.example smtp.remote-ip=192.0.2.2\n", b.name, b.name, b.name) +
					taken(b, "pc", "unknown", bot(n)) + spam(n)
				return b
			})}
		}},
	{name: "a HELO that holds by and with, raw", verdict: classify.JoeJob, class: classify.Forged, without: []string{"right-hand"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				helo := "pc (pc.home.example [198.51.100.130]) (Authenticated sender: alice@ours.example) by submit.ours.example with ESMTPSA"
				b.orig = fmt.Sprintf("Received: from %s (unknown [%s])\n\tby %s with ESMTP id 88%d; %s\n", helo, bot(n), b.name, n, at(n)) + spam(n)
				return b
			})}
		}},
	{name: "a recipient that holds from and by, raw", verdict: classify.Inconclusive, class: classify.Undetermined, without: []string{"path"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				rcpt := b.rcpts[0]
				b.rcpts[0] = fmt.Sprintf("x> from submit.ours.example (submit.ours.example [192.0.2.2]) by %s (Postfix) with ESMTPS id 8Zz%05d for <%s", b.name, n, rcpt)
				line := taken(b, "pc", "unknown", bot(n))
				b.rcpts[0] = rcpt
				b.orig = line + login(n, "alice@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "a lying PTR", verdict: classify.JoeJob, class: classify.Forged, without: []string{"confirm"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "submit.ours.example", "submit.ours.example", "203.0.113.99") + login(n, "alice@ours.example", "198.51.100.66") + spam(n)
				return b
			})}
		}},
	{name: "a reporter behind NAT", verdict: classify.CompromiseSuspected, class: classify.Undetermined, without: []string{"origin-stepped"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", "172.17.0.1") + fromOurs(b, "alice@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "a compromise behind hosted gateways", verdict: classify.Compromise, class: classify.Compromised, without: []string{"gateway"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				k := 1 + n%4
				b := bounce{n: n, name: fmt.Sprintf("mail.corp%d.example", k), ip: fmt.Sprintf("198.18.%d.5", 60+k), rcpts: []string{fmt.Sprintf("r%d@corp%d.example", n, k)}}
				gateway := fmt.Sprintf("gw.filter%d.example", k)
				inner := b
				inner.name = gateway
				b.orig = taken(b, gateway, gateway, fmt.Sprintf("198.18.%d.1", 50+k)) + fromOurs(inner, "alice@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "a fabricated report in our server's name", verdict: classify.Inconclusive, class: classify.Undetermined, without: []string{"reporter-address"},
		attack: func(*testing.T) attack {
			b := bounce{name: "pc", ip: bot(7), mta: "submit.ours.example"}
			for n := range 12 {
				b.rcpts = append(b.rcpts, fmt.Sprintf("r%d@s%d.example", n, n%9))
			}
			b.orig = login(1, "alice@ours.example", thief) + spam(1)
			c := b
			c.n, c.rcpts = 1, []string{"x@s5.example", "y@s5.example", "z@s5.example"}
			return attack{mails: []string{b.String(), c.String()}}
		}},
	{name: "a colleague who writes reports in our server's name", verdict: classify.Inconclusive, class: classify.Undetermined, without: []string{"reporter-address"},
		attack: func(*testing.T) attack {
			a := attack{noSent: true, mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.mta, b.top = "submit.ours.example", login(n, "eve@ours.example", "127.0.0.1")+"Received: by submit.ours.example with HTTP; "+at(n)+"\n"
				b.orig = login(n, "alice@ours.example", thief) + spam(n)
				return b
			})}
			for i, m := range a.mails {
				a.mails[i] = strings.Replace(m, "Return-Path: <>", "Return-Path: <eve@ours.example>", 1)
			}
			return a
		}},
	{name: "twenty fabricated reports from twenty networks", verdict: classify.CompromiseSuspected, class: classify.Undetermined, without: []string{"witness"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(20, func(n int) bounce {
				name := fmt.Sprintf("mx%d.bank.example", n)
				b := bounce{n: n, name: name, ip: fmt.Sprintf("203.0.%d.9", n), rcpts: []string{fmt.Sprintf("r%d@bank%d.example", n, n)}}
				b.orig = fromOurs(b, "alice@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "fabricated reports from the networks that one domain's record lists", verdict: classify.OrdinaryBounces, without: []string{"voucher"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(20, func(n int) bounce {
				k := 1 + n%5
				b := bounce{n: n, name: fmt.Sprintf("mx%d.evil.example", k), ip: fmt.Sprintf("203.0.%d.9", k), rcpts: []string{fmt.Sprintf("r%d@evil.example", n)}}
				b.orig = fromOurs(b, "alice@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "a thief logged in as bob who sends as alice", verdict: classify.Compromise, class: classify.Compromised, login: "bob@ours.example", without: []string{"login-named"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := ourOwn(n, 1+n%4)
				b.orig = login(n, "bob@ours.example", thief) + spam(n)
				return b
			})}
		}},
	{name: "sites that name bob, in another form than our server writes logins", verdict: classify.Compromise, without: []string{"login-strange"},
		attack: func(*testing.T) attack {
			return attack{noSent: true, mails: append(flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = fromOurs(b, "bob", thief) + spam(n)
				return b
			}), flood(3, func(n int) bounce { // what our server itself reports
				b := ourOwn(200+n, 9)
				b.diag = "550 5.1.1 user unknown"
				b.orig = login(200+n, "carol@ours.example", "198.51.100.130") + mail(200+n, "carol@ours.example", b.rcpts[0], "Minutes")
				return b
			})...)}
		},
		also: func(r *classify.Report) string {
			for _, a := range r.Accounts {
				if a.Login == "bob" {
					return "it accuses bob"
				}
			}
			return ""
		}},
	{name: "a thief who saves to Sent", verdict: classify.Compromise, class: classify.Compromised, without: []string{"out-of-habit"},
		attack: func(*testing.T) attack {
			a := attack{}
			for n := range 24 {
				b := ourOwn(n, 1+n%4)
				text := mail(n, "alice@ours.example", b.rcpts[0], "Cheap pills")
				b.orig = login(n, "alice@ours.example", thief) + text
				a.mails, a.sent = append(a.mails, b.String()), append(a.sent, text)
			}
			return a
		}},
	{name: "a thief with the owner's mail program", verdict: classify.Compromise, class: classify.Compromised, without: []string{"sign-burst", "sign-refused", "sign-recipients"},
		attack: func(*testing.T) attack {
			write := func(n int, to string) string {
				return "User-Agent: Mozilla Thunderbird\n" + mail(n, "alice@ours.example", to, "Cheap pills")
			}
			a := attack{}
			for n := range 5 {
				a.sent = append(a.sent, strings.Replace(write(n+1000, "friend@s9.example"), "Date: Mon, 23 Nov", "Date: Mon, 16 Nov", 1))
			}
			a.mails = flood(24, func(n int) bounce {
				b := ourOwn(n, 1+n%4)
				b.orig = login(n, "alice@ours.example", thief) + write(n, b.rcpts[0])
				return b
			})
			return a
		}},
	{name: "a Joe-Job that hides one per cent of compromise", verdict: classify.Both, without: []string{"border-witnessed"},
		attack: func(*testing.T) attack {
			joeJob := flood(400, func(n int) bounce {
				b := site(n, 1+n%9)
				b.orig = taken(b, "pc", "unknown", bot(n)) + spam(n)
				return b
			})
			hidden := flood(4, func(n int) bounce {
				k := 1 + n
				b := site(500+n, k, fmt.Sprintf("a%d@s%d.example", n, k), fmt.Sprintf("b%d@s%d.example", n, k), fmt.Sprintf("c%d@s%d.example", n, k))
				b.orig = fromOurs(b, "alice@ours.example", thief) + spam(500+n)
				return b
			})
			return attack{mails: append(joeJob, hidden...)}
		}},
	{name: "a header block of ours replayed under spam", verdict: classify.JoeJob, class: classify.Forged, without: []string{"alias"},
		attack: func(*testing.T) attack {
			letter := mail(1, "alice@ours.example", "friend@s9.example", "Dinner on Sunday")
			a := attack{sent: []string{letter}}
			header, _, _ := strings.Cut(letter, "\n\n")
			a.mails = flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", bot(n)) + header + "\n\nBuy http://pills.example now\n"
				return b
			})
			return a
		}},
	{name: "a signed message replayed", verdict: classify.JoeJob, class: classify.Forged, without: []string{"dkim-replayed"},
		attack: func(t *testing.T) attack {
			letter := sign(t, mail(1, "alice@ours.example", "friend@s9.example", "Dinner on Sunday"))
			return attack{noSent: true, mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", fmt.Sprintf("203.0.%d.7", n)) + letter
				return b
			})}
		}},
	{name: "a pass by a stranger through a shared provider", verdict: classify.Inconclusive, class: classify.Undetermined, without: []string{"pass"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "out.shared.example", "unknown", fmt.Sprintf("198.19.0.%d", n)) + spam(n)
				return b
			})}
		}},
	{name: "direct send to our tenant, which bounces it", verdict: classify.OwnBackscatterFlood, class: classify.OwnBackscatter, without: []string{"tenant-outside"},
		attack: func(*testing.T) attack {
			a := attack{mails: flood(24, func(n int) bounce {
				b := bounce{n: n, name: "mail-x.outbound.protection.outlook.com", ip: "198.18.200.5", rcpts: []string{fmt.Sprintf("nobody%d@ours.example", n)}, diag: "550 5.1.10 RESOLVER.ADR.RecipientNotFound"}
				inner := b
				inner.name = "FT012.mail.protection.outlook.com"
				b.orig = taken(inner, "pc", "unknown", bot(n)) + stamps(tenantID, "Anonymous") + spam(n)
				return b
			})}
			a.opts.Own = []string{"tenant:" + tenantID}
			return a
		},
		also: func(r *classify.Report) string {
			for _, a := range r.Actions {
				if strings.Contains(a.Do, "RejectDirectSend") {
					return ""
				}
			}
			return fmt.Sprintf("direct send is not named: %+v", r.Actions)
		}},
	{name: "a forged web script that wants into the record", verdict: classify.JoeJob, class: classify.Forged, without: []string{"address"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "www.ours.example", "unknown", "203.0.113.77") + "X-PHP-Originating-Script: 1000:mailer.php\n" +
					strings.Replace(spam(n), "@ours.example>", "@www.ours.example>", 1)
				return b
			})}
		},
		also: func(r *classify.Report) string {
			for _, a := range r.Actions {
				if strings.Contains(a.Command+a.Do, "203.0.113.77") {
					return "the record is to take in " + a.Do + a.Command
				}
			}
			return ""
		}},
	{name: "a forwarder without SRS", verdict: classify.OrdinaryBounces, class: classify.Forwarded, without: []string{"sent-alias"}, attack: forwarder("")},
	{name: "a forwarder with SRS", verdict: classify.OrdinaryBounces, class: classify.Forwarded, without: []string{"sent-alias"},
		attack: forwarder("Return-Path: <SRS0=HHHH=TT=ours.example=alice@alumni.example>\n")},
	{name: "a forwarder that seals (ARC), and no Sent", verdict: classify.OrdinaryBounces, class: classify.Forwarded, without: []string{"arc-sealed"},
		attack: func(*testing.T) attack {
			return attack{noSent: true, mails: flood(6, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "mail.alumni.example", "mail.alumni.example", "198.18.70.1") + sealedByAlumni(n)
				return b
			})}
		}},
	{name: "a sealed message replayed by bots", verdict: classify.JoeJob, class: classify.Forged, without: []string{"sealer"},
		attack: func(*testing.T) attack {
			return attack{noSent: true, mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", bot(n)) + sealedByAlumni(1)
				return b
			})}
		}},
	{name: "a thief in our tenant at Google", verdict: classify.Compromise, class: classify.Compromised, login: "", without: []string{"tenant-inside"},
		attack: func(t *testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "mail-y.google.com", "mail-y.google.com", "198.18.201.5") +
					"Received: by 2002:a05:6402:1:b0:1 with SMTP id " + fmt.Sprint(n) + "; " + at(n) + "\n" +
					signAs(t, "ours-example.20230601.gappssmtp.com", spam(n))
				return b
			})}
		}},
	{name: "a newsletter service that signs for us, outside our record", verdict: classify.MisconfiguredSender, class: classify.Misconfigured, without: []string{"dkim-recipient"},
		attack: func(t *testing.T) attack {
			return attack{zone: "o7.sendhub.example. IN A 198.18.80.7\n7.80.18.198.in-addr.arpa. IN PTR o7.sendhub.example.\n",
				mails: flood(24, func(n int) bounce {
					b := site(n, 1+n%4)
					b.diag = "550 5.7.23 SPF validation failed"
					b.orig = taken(b, "o7.sendhub.example", "o7.sendhub.example", "198.18.80.7") + sign(t, mail(n, "news@ours.example", b.rcpts[0], "Our news"))
					return b
				})}
		},
		also: func(r *classify.Report) string {
			for _, o := range r.Origins {
				if o.Misconfiguration != classify.SourceBulk || o.SPFTerm != "" { // whoever has the key could be there
					return fmt.Sprintf("%s: %s, to be permitted as %q", o.IP, o.Misconfiguration, o.SPFTerm)
				}
			}
			return ""
		}},
	{name: "our tenant's stamps under a bot's border", verdict: classify.JoeJob, class: classify.Forged, without: []string{"provider"},
		attack: func(*testing.T) attack {
			a := attack{mails: flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = taken(b, "pc", "unknown", bot(n)) + stamps(tenantID, "Internal") + spam(n)
				return b
			})}
			a.opts.Own = []string{"tenant:" + tenantID}
			return a
		}},
	{name: "a loop through a gateway, with lines forged below it", verdict: classify.Inconclusive, class: classify.Undetermined, without: []string{"loop"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				k := 1 + n%4
				b := bounce{n: n, name: fmt.Sprintf("mail.corp%d.example", k), ip: fmt.Sprintf("198.18.%d.5", 60+k), rcpts: []string{fmt.Sprintf("r%d@corp%d.example", n, k)}, diag: "554 5.4.6 Too many hops"}
				gateway := b
				gateway.name, gateway.ip = fmt.Sprintf("gw.filter%d.example", k), fmt.Sprintf("198.18.%d.1", 50+k)
				b.orig = taken(b, gateway.name, gateway.name, gateway.ip) + taken(gateway, b.name, b.name, b.ip) +
					taken(gateway, "submit.ours.example", "submit.ours.example", "192.0.2.2") + login(n, "alice@ours.example", thief) + spam(n)
				return b
			})}
		},
		also: func(r *classify.Report) string {
			for _, o := range r.Origins {
				if o.IP == "192.0.2.2" {
					return "a forged line made our server the origin"
				}
			}
			return ""
		}},
	{name: "a loop through a gateway that a bot began", verdict: classify.JoeJob, class: classify.Forged, without: []string{"gateway"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(24, func(n int) bounce {
				k := 1 + n%4
				b := bounce{n: n, name: fmt.Sprintf("mail.corp%d.example", k), ip: fmt.Sprintf("198.18.%d.5", 60+k), rcpts: []string{fmt.Sprintf("r%d@corp%d.example", n, k)}, diag: "554 5.4.6 Too many hops"}
				gateway := b
				gateway.name, gateway.ip = fmt.Sprintf("gw.filter%d.example", k), fmt.Sprintf("198.18.%d.1", 50+k)
				round := taken(b, gateway.name, gateway.name, gateway.ip) + taken(gateway, b.name, b.name, b.ip)
				b.orig = strings.Repeat(round, 8) + taken(b, gateway.name, gateway.name, gateway.ip) + taken(gateway, "pc", "unknown", bot(n)) + spam(n)
				return b
			})}
		},
		also: func(r *classify.Report) string {
			if len(r.Origins) < 20 {
				return fmt.Sprintf("only %d origins", len(r.Origins))
			}
			return ""
		}},
	{name: "a compromise behind a loop that bots' mail went through, too", verdict: classify.CompromiseSuspected, without: []string{"border-stepped"},
		attack: func(*testing.T) attack {
			return attack{noSent: true, mails: flood(36, func(n int) bounce {
				k := 1 + n%4
				b := bounce{n: n, name: fmt.Sprintf("mail.corp%d.example", k), ip: fmt.Sprintf("198.18.%d.5", 60+k), rcpts: []string{fmt.Sprintf("r%d@corp%d.example", n, k)}, diag: "554 5.4.6 Too many hops"}
				gateway := b
				gateway.name, gateway.ip = fmt.Sprintf("gw.filter%d.example", k), fmt.Sprintf("198.18.%d.1", 50+k)
				b.orig = taken(b, gateway.name, gateway.name, gateway.ip) + taken(gateway, b.name, b.name, b.ip) + taken(b, gateway.name, gateway.name, gateway.ip)
				if n%3 == 0 {
					b.orig += fromOurs(gateway, "alice@ours.example", thief) + spam(n)
				} else {
					b.orig += taken(gateway, "pc", "unknown", bot(n)) + spam(n)
				}
				return b
			})}
		}},
	{name: "reporters with wrong clocks", verdict: classify.Both, without: []string{"clock"},
		attack: func(*testing.T) attack {
			wrong := func(line string, n int) string { // each message days off the one before
				return strings.Replace(line, "; "+at(n+2), "; "+at(n+2-n*17280), 1)
			}
			joeJob := flood(24, func(n int) bounce {
				b := site(n, 1+n%4)
				b.orig = wrong(taken(b, "pc", "unknown", bot(n)), n) + spam(n)
				return b
			})
			stolen := flood(16, func(n int) bounce {
				b := site(100+n, 1+n%4)
				border := taken(b, "submit.ours.example", "submit.ours.example", "192.0.2.2")
				b.orig = wrong(border, 100+n) + login(100+n, "alice@ours.example", thief) + spam(100+n)
				return b
			})
			return attack{noSent: true, mails: append(joeJob, stolen...)}
		}},
	{name: "bounces of bounces", verdict: classify.OwnBackscatterFlood, class: classify.OwnBackscatter, without: []string{"null-sender"},
		attack: func(*testing.T) attack {
			return attack{mails: flood(150, func(n int) bounce {
				b := ourOwn(n, 1+n%4)
				b.to = "postmaster@ours.example"
				b.orig = "Return-Path: <>\nReceived: by submit.ours.example (Postfix)\n\tid 7Ef" + fmt.Sprintf("%05d", n) + "; " + at(n) + "\n" +
					mail(n, "MAILER-DAEMON@submit.ours.example", b.rcpts[0], "Undelivered Mail Returned to Sender")
				return b
			})}
		}},
	{name: "reports in eight languages", verdict: classify.JoeJob, class: classify.Forged, without: []string{"words"},
		attack: func(*testing.T) attack { return attack{mails: manyLanguages()} }},
}

// forwarder makes bounces of mail that a forwarder passed on, which fails SPF there.
func forwarder(returnPath string) func(*testing.T) attack {
	return func(*testing.T) attack {
		a := attack{}
		for n := range 6 {
			text := mail(n, "alice@ours.example", fmt.Sprintf("buddy%d@alumni.example", n), "Class reunion")
			b := site(n, 1+n%4)
			if returnPath != "" { // his rewritten address: the report comes back through him
				b.top = postfix("mail.alumni.example", "mail.alumni.example", "198.18.70.1", "mx.ours.example", "ESMTPS", fmt.Sprintf("4Xy%05d", n), "", n+6, "alice@ours.example") +
					postfix(b.name, b.name, b.ip, "mail.alumni.example", "ESMTPS", fmt.Sprintf("3Xy%05d", n), "", n+5, "SRS0=HHHH=TT=ours.example=alice@alumni.example")
			}
			b.orig = returnPath + taken(b, "mail.alumni.example", "mail.alumni.example", "198.18.70.1") +
				postfix("submit.ours.example", "submit.ours.example", "192.0.2.2", "mail.alumni.example", "ESMTPS", "9Gh1", "", n, "buddy@alumni.example") + text
			a.mails, a.sent = append(a.mails, b.String()), append(a.sent, text)
		}
		return a
	}
}

// languages are what mail systems say in their own ones, with no report fields beside it.
var languages = []struct{ name, subject, says string }{
	{"English", "Undeliverable mail", "Your message could not be delivered to the following recipient:"},
	{"German", "Unzustellbare Nachricht", "Ihre Nachricht konnte nicht zugestellt werden an:"},
	{"French", "Message non remis", "Votre message n'a pas pu être remis à :"},
	{"Spanish", "Mensaje devuelto", "No se pudo entregar su mensaje a:"},
	{"Portuguese", "Falha na entrega", "Não foi possível entregar a sua mensagem a:"},
	{"Italian", "Mancato recapito", "Non è stato possibile recapitare il messaggio a:"},
	{"Russian", "Недоставленное сообщение", "Не удалось доставить сообщение:"},
	{"Japanese", "配信不能", "メールを配信できませんでした:"},
}

func manyLanguages() []string {
	var list []string
	for n := range 24 {
		l, b := languages[n%len(languages)], site(n, 1+n%4)
		original := taken(b, "pc", "unknown", bot(n)) + mail(n, "alice@ours.example", b.rcpts[0], "Предложение 特价 Angebot")
		list = append(list, "Return-Path: <>\n"+postfix(b.name, b.name, b.ip, "mx.ours.example", "ESMTPS", fmt.Sprintf("4Xy%05d", n), "", n+5, "alice@ours.example")+
			fmt.Sprintf("From: postmaster@s%d.example\nTo: alice@ours.example\nSubject: %s\nDate: %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n\n<%s>\n\n550 5.7.1 spam\n\n----- Original message -----\n\n%s",
				1+n%4, l.subject, at(n), l.says, b.rcpts[0], original))
	}
	return list
}

func TestAdversaries(t *testing.T) {
	for _, adv := range adversaries {
		t.Run(adv.name, func(t *testing.T) {
			report, findings := adv.attack(t).scan(t)
			if wrong := adv.judge(report, findings); wrong != "" {
				t.Errorf("with its defence: %s", wrong)
			}
			a := adv.attack(t)
			a.opts.Without = adv.without
			report, findings = a.scan(t)
			wrong := adv.judge(report, findings)
			if wrong == "" {
				t.Errorf("without its defence it is right, too: %s, %v", report.Verdict.Verdict, report.Classes)
			}
			t.Logf("without its defence: %s", wrong)
		})
	}
}

// judge says what is wrong with an answer.
func (adv *adversary) judge(r *classify.Report, findings []classify.Finding) string {
	if r.Verdict.Verdict != adv.verdict {
		return fmt.Sprintf("verdict %s, want %s; %v; %v", r.Verdict.Verdict, adv.verdict, r.Classes, codes(findings[0]))
	}
	for _, f := range findings {
		if f.Kind != "bounce" {
			return fmt.Sprintf("%s is no bounce but %s", f.ID, f.Kind)
		}
		if adv.class != "" && f.Class != adv.class {
			return fmt.Sprintf("%s is %s, want %s; %v", f.ID, f.Class, adv.class, codes(f))
		}
	}
	if adv.login != "" && (len(r.Accounts) == 0 || r.Accounts[0].Login != adv.login) {
		return fmt.Sprintf("accounts %+v, want %s", r.Accounts, adv.login)
	}
	if adv.also != nil {
		return adv.also(r)
	}
	return ""
}

// A stranger who sends us mail with a report in it, as if he passed it on, writes every line of that report: our own
// servers' lines in it make no report of ours.
func TestReportsPassedOnProveNothing(t *testing.T) {
	var flood memory
	for m, err := range open(t, "testdata/mbox/compromise.mbox.gz").Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		flood = append(flood, passedOn(string(m.Raw)))
	}
	report, findings := scanLab(t, flood)
	bounces := 0
	for _, f := range findings {
		if f.Kind != "bounce" {
			continue
		}
		bounces++
		if f.Reporter.Own || f.Reporter.Verified || f.Class == classify.Compromised {
			t.Fatalf("%s: own %v, verified %v, class %s", f.ID, f.Reporter.Own, f.Reporter.Verified, f.Class)
		}
	}
	if bounces < 100 {
		t.Fatalf("only %d of the passed-on reports were read as bounces", bounces)
	}
	if v := report.Verdict.Verdict; v == classify.Compromise || v == classify.Both {
		t.Errorf("verdict %s", v)
	}
}

// passedOn wraps a report as a stranger sends it on: delivered to us like any mail, the report attached whole.
func passedOn(raw string) string {
	return "Return-Path: <eve@evil.example>\nDelivered-To: alice@example.com\n" +
		"Received: from mail.evil.example (mail.evil.example [203.0.113.99])\n\tby mx.example.com (Postfix) with ESMTP id 4AAAA\n" +
		"\tfor <alice@example.com>; Mon, 23 Nov 2026 21:30:25 +0000\n" +
		"From: eve@evil.example\nTo: alice@example.com\nSubject: Fwd: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/mixed; boundary=\"eve\"\n\n--eve\nContent-Type: text/plain\n\nSee below.\n\n" +
		"--eve\nContent-Type: message/rfc822\n\n" + raw + "\n--eve--\n"
}
