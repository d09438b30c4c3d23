package dsn

import (
	"bytes"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// dialect is one form of report that some software writes. It claims a message if one of its marks and all of also stand
// in the text above the original, none of lacks does, one of its fields stands in the header and status in the
// delivery-status part; what is empty asks for nothing. A mark is within one line; a * in it stands for anything in
// that line. A sample and a near miss of every row are in testdata/dialects.txt.
type dialect struct {
	id       string // software, and a slash and the form where it writes several
	marks    []string
	also     []string
	lacks    []string
	fields   []fieldMark
	status   string
	original []string // beginnings of the line under which the original stands
	mta      []string // what stands in front of the host's name for itself
	sender   []string // what stands in front of the MAIL FROM of the original
	read     reader   // recipients; nil: the generic reader
	kind     Kind     // what it reports; "": a failure, or a delay where the text says so
	copy     bool     // it goes to the postmaster (METHOD 4)
	reason   Reason   // why, where neither code nor text says so
	source   string   // where the form is written down: file, RFC or documentation; or who writes it, and fromReports

	marksIDs, alsoIDs, lacksIDs []uint16 // the numbers of marks, also and lacks in the index
}

// fieldMark is a header field and what its value contains, in lower case; "": the field is enough.
type fieldMark struct{ name, contains string }

// software is the id without the form.
func (d *dialect) software() string {
	name, _, _ := strings.Cut(d.id, "/")
	return name
}

// dialects is the table, its marks entered in the index.
var dialects = indexed(dialectTable)

func indexed(table []dialect) []dialect {
	for i := range table {
		d := &table[i]
		d.mta, d.sender = loweredHeads(d.mta), loweredHeads(d.sender)
		d.marksIDs, d.alsoIDs, d.lacksIDs = index.enterAll(d.marks, false), index.enterAll(d.also, false), index.enterAll(d.lacks, false)
	}
	return table
}

// loweredHeads gives marks in the form in which wordAfter wants them.
func loweredHeads(marks []string) []string {
	var heads []string
	for _, mark := range lowered(marks) {
		heads = append(heads, strings.TrimRight(mark, " "))
	}
	return heads
}

// findRow gives the first row that claims the message. The first row of the table, the commonest, is tried by itself, for
// looking for its mark alone costs less than looking for all.
func (p *parser) findRow() *dialect {
	if !p.scanned && dialects[0].claimsAlone(p) {
		return &dialects[0]
	}
	p.scan()
	for i := range dialects {
		if dialects[i].claims(p) {
			return &dialects[i]
		}
	}
	return nil
}

// claims tells whether the message is this row's; its text has been scanned.
func (d *dialect) claims(p *parser) bool {
	switch {
	case len(d.marksIDs) > 0 && !p.found.hasAny(d.marksIDs):
	case !p.found.hasAll(d.alsoIDs), p.found.hasAny(d.lacksIDs):
	default:
		return d.claimsHeader(p)
	}
	return false
}

// claimsAlone is claims without a scan for all marks, and its slow twin.
func (d *dialect) claimsAlone(p *parser) bool {
	in := func(id uint16) bool { return index.marks[id].in(p.text) }
	switch {
	case len(d.marksIDs) > 0 && !slices.ContainsFunc(d.marksIDs, in):
	case slices.ContainsFunc(d.alsoIDs, func(id uint16) bool { return !in(id) }), slices.ContainsFunc(d.lacksIDs, in):
	default:
		return d.claimsHeader(p)
	}
	return false
}

// claimsHeader asks for what has to stand outside the text.
func (d *dialect) claimsHeader(p *parser) bool {
	return (d.status == "" || bytes.Contains(p.status, []byte(d.status))) && (len(d.fields) == 0 || p.hasField(d.fields))
}

func (p *parser) hasField(marks []fieldMark) bool {
	for _, m := range marks {
		for i := range p.b.Header {
			if f := &p.b.Header[i]; f.Is(m.name) && containsFold(f.Body(), m.contains) {
				return true
			}
		}
	}
	return false
}

// nameWriter fills in what only the text says: who wrote the report, and on which host.
func (p *parser) nameWriter() {
	b := p.b
	if p.row == nil || b.Kind == KindOther {
		return
	}
	setOnce(&b.Software, p.row.software())
	for i := 0; i < len(p.row.mta) && b.ReportingMTA == ""; i++ {
		b.ReportingMTA = string(wordAfter(p.text, p.row.mta[i]))
	}
	for i := 0; i < len(p.row.sender) && b.EnvelopeSender == ""; i++ {
		b.EnvelopeSender, _, _ = leadingAddress(wordAfter(p.text, p.row.sender[i]))
	}
	if b.ReportingMTA == "" && (b.Kind == KindBounce || b.Kind == KindDelay) && isDaemon(b.From) {
		b.ReportingMTA = header.Domain(b.From)
	}
}

// wordAfter gives the word that stands behind a mark in the text; the mark is in lower case.
func wordAfter(text []byte, mark string) []byte {
	at := indexFold(text, mark)
	if at < 0 {
		return nil
	}
	word := bytes.TrimLeft(text[at+len(mark):], " \t\r\n")
	if end := bytes.IndexAny(word, " \t\r\n"); end >= 0 {
		word = word[:end]
	}
	return bytes.Trim(word[:min(len(word), maxAddress)], ".,:;()<>\"'")
}

// fromReports ends the source of a row whose form is published nowhere that we know of: it is known from reports of that software.
const fromReports = " (known from its reports)"

// Texts that several rows share.
const (
	eximLead     = "This message was created automatically by mail delivery software"
	qmailSorry   = "I'm afraid I wasn't able to deliver your message to the following addresses."
	qmailCopy    = "--- Below this line is a copy of the message."
	tmdaLead     = "by mail delivery software (TMDA)" // behind the first words of eximLead
	oneandone    = "--- The header of the original message is following. ---"
	sesTrying    = "An error occurred while trying to deliver the mail to the following recipients:"
	activeHunter = "  ----- The following addresses had permanent fatal errors -----\n\n>>> "
	v8Transcript = "----- Transcript of session follows -----"
)

// v8Lists are the headings of Sendmail's lists of recipients.
var v8Lists = []string{"----- The following addresses had permanent fatal errors -----", "----- The following addresses had transient non-fatal errors -----",
	"----- The following addresses had delivery problems -----", "----- The following addresses had successful delivery notifications -----"}

// dialectTable is tried in order; rows of one family exclude each other by lacks and fields, so that the order tells
// nothing but which is tried first: the commonest.
var dialectTable = []dialect{
	{id: "postfix", mta: []string{"This is the mail system at host "}, marks: []string{"This is the mail system at host "}, lacks: []string{"This is the mail system at host yandex.", "This is the mail system at host *.yandex.", "Это письмо отправлено почтовым сервером yandex"}, read: angled,
		source: "Postfix conf/bounce.cf.default, bounce_template.c; since 2.3"},
	{id: "postfix/old", mta: []string{"This is the Postfix program at host "}, marks: []string{"This is the Postfix program at host "}, read: angled,
		source: "Postfix bounce_notify_util.c before 2.3"},
	{id: "postfix/template", status: "X-Postfix-Queue-ID:", lacks: []string{"This is the mail system at host ", "This is the Postfix program at host ", "Это письмо отправлено почтовым сервером yandex"}, read: angled,
		source: "Postfix bounce(5): templates may say anything; bounce_notify_util.c writes the fields"},
	{id: "postfix/transcript", fields: []fieldMark{{"Subject", "postfix smtp server: errors from"}}, kind: KindPostmasterCopy, read: noRecipients,
		source: "Postfix smtpd_chat.c, smtp_chat.c: notify_classes"},

	{id: "sendmail", marks: v8Lists, lacks: []string{"----- Non-delivered information -----", activeHunter}, read: v8List, original: []string{"----- Original message follows -----", "----- Unsent message follows -----", "----- Message header follows -----"},
		source: "Sendmail 8 savemail.c errbody()"},
	{id: "sendmail5", marks: []string{v8Transcript, "----- Transcript of session follows ---"}, lacks: []string{"The following addresses had"}, read: transcript,
		original: []string{"----- Unsent message follows -----", "----- Message header follows -----", "----- Returned message follows -----", "----- Message text follows: -----"},
		source:   "Sendmail 5 and IDA savemail.c"},

	{id: "exim", marks: []string{eximLead}, lacks: []string{"one or more of\nits recipients", "A message that you have sent", "its recipients. This is a permanent error. ", "Mail.Ru", tmdaLead},
		original: []string{"------ This is a copy of ", "------ The body of the message is "}, read: eximList,
		source: "Exim deliver.c, local/bounce_message_file default text"},
	{id: "exim/malformed", marks: []string{"A message that you sent contained one or more recipient addresses that were", "A message that you sent contained no recipient addresses"},
		original: []string{"------ This is a copy of "}, read: listed("incorrectly constructed:", "following recipient addresses were"),
		source: "Exim moan.c moan_send_message()"},
	{id: "exim/frozen", marks: []string{"has been frozen"}, also: []string{"The sender is <"}, kind: KindPostmasterCopy, read: noRecipients, source: "Exim deliver.c: freeze_tell"},
	{id: "exim/template", fields: []fieldMark{{"Content-Type", "-eximdsn-"}}, lacks: []string{eximLead},
		source: "Exim deliver.c: the boundary where bounce_message_file replaces the text"},
	{id: "mail.ru", marks: []string{"Mail.Ru"}, also: []string{eximLead}, original: []string{"------ This is a copy of "}, read: firstOf(eximList, listed("\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\u0435\u043b\u044f\u043c:")),
		source: "Mail.ru's Exim: its text in Russian around Exim's" + fromReports},
	{id: "tmda", marks: []string{tmdaLead}, also: []string{"its recipients. This is a permanent error."}, read: angledSpaced, source: "TMDA templates/bounce_*.txt"},
	{id: "tmda/challenge", marks: []string{tmdaLead}, lacks: []string{"its recipients. This is a permanent error."}, kind: KindChallenge, source: "TMDA templates/confirm_request.txt, confirm_accept.txt"},
	{id: "gmx", marks: []string{"one or more of\nits recipients"}, also: []string{eximLead}, lacks: []string{tmdaLead}, original: []string{oneandone, "--- The original message is following. ---"},
		read:   firstOf(listed("address(es)\nfailed:", "address\nfailed:", "addresses\nfailed:", "address failed:", "addresses failed:", "following addresses:"), angled),
		source: "GMX, WEB.DE, mail.com and IONOS (1&1, kundenserver.de): Nemesis mail system" + fromReports},
	{id: "mxlogic", marks: []string{"A message that you have sent could not be delivered"}, also: []string{eximLead}, original: []string{"Included is a copy of the message header:"},
		read: listed("address failed:", "addresses failed:"), source: "McAfee SaaS (MX Logic) mxl_mta" + fromReports},
	{id: "zoho", marks: []string{"its recipients. This is a permanent error. "}, fields: []fieldMark{{"X-Mailer", "zoho mail"}}, also: []string{eximLead}, read: listed("This is a permanent error."),
		source: "Zoho Mail" + fromReports},

	{id: "qmail/double", marks: []string{"I tried to deliver a bounce message to this address, but the bounce bounced!"}, mta: []string{"Hi. This is the qmail-send program at "}, original: []string{"--- Below this line is the original bounce."}, read: angled, copy: true,
		source: "qmail-send.c: the double bounce, which goes to doublebounceto"},
	{id: "qmail", mta: []string{"Hi. This is the qmail-send program at "}, marks: []string{"Hi. This is the qmail-send program at "}, lacks: []string{"I tried to deliver a bounce message to this address, but the bounce bounced!"}, original: []string{qmailCopy, "--- Enclosed are the original headers of the message.", "--- Enclosed is a copy of the message."}, read: angled,
		source: "qmail-send.c (1.03, netqmail, notqmail); qmail-bounce patches for the last two marks"},
	{id: "qmail/custom", fields: []fieldMark{{"Received", "invoked for bounce"}}, lacks: []string{"Hi. This is the qmail-send program at ", "Hi. This is the Haraka Mailer program at "}, original: []string{"--- Below this line is ", "--- Below the next line is a copy of the message."}, read: angled,
		source: "qmail-send.c writes \"(qmail N invoked for bounce)\", indimail \"(invoked for bounce)\"; control/bouncemsg changes the text"},
	{id: "messagelabs", mta: []string{"This is the mail delivery agent at "}, marks: []string{"This is the mail delivery agent at "}, original: []string{qmailCopy}, read: angled,
		source: "MessageLabs (Symantec Email Security.cloud)" + fromReports},
	{id: "yahoo", marks: []string{"Sorry, we were unable to deliver your message to the following address."}, original: []string{qmailCopy}, read: angled,
		source: "Yahoo Mail, since about 2008" + fromReports},
	{id: "yahoo/old", mta: []string{"Message from "}, marks: []string{"Unable to deliver message to the following address(es)."}, original: []string{"--- Original message follows."}, read: angled,
		source: "Yahoo Mail before about 2008, and hosts of its software" + fromReports},
	{id: "haraka", mta: []string{"Hi. This is the Haraka Mailer program at "}, marks: []string{"Hi. This is the Haraka Mailer program at "}, read: angled,
		source: "Haraka config/outbound.bounce_message"},
	{id: "james", mta: []string{"Hi. This is the James mail server at "}, marks: []string{"Hi. This is the James mail server at "}, read: firstOf(listed("Failed recipient(s):"), angled),
		source: "Apache James mailets: Bounce, DSNBounce, RemoteDelivery"},
	{id: "james/notify", sender: []string{"MAIL FROM:"}, marks: []string{"Error message below:"}, also: []string{"Message details:", "RCPT TO:"}, read: phrases("rcpt to:"), kind: KindBounce,
		source: "Apache James AbstractNotify, NotifySender"},

	{id: "courier", mta: []string{"This is a delivery status notification from "}, marks: []string{"running the Courier mail server"}, read: angled, source: "Courier module.dsn, dsnfrom and dsnheader.txt"},
	{id: "opensmtpd", marks: []string{"This is the MAILER-DAEMON, please DO NOT REPLY to this e"}, original: []string{"Below is a copy of the original message:"},
		read: listed("list of recipients:", "the following"), source: "OpenSMTPD smtpd/bounce.c"},
	{id: "maddy", mta: []string{"This is the mail delivery system at "}, marks: []string{"This is the mail delivery system at "}, status: "X-Maddy-Msgid:", read: phrases("delivery to "), source: "maddy internal/dsn/dsn.go"},
	{id: "chasquid", marks: []string{"Delivery of your message to the following recipient(s) failed permanently:"}, read: listed("failed permanently:"), source: "chasquid internal/queue/dsn.go"},
	{id: "dma", mta: []string{" at "}, marks: []string{"This is the DragonFly Mail Agent"}, original: []string{"Message headers follow.", "Original message follows."}, read: phrases("error delivering your mail to "),
		source: "dma mail.c bounce()"},
	{id: "kumomta", sender: []string{"\nfrom "}, marks: []string{"from * and addressed to "}, read: phrases("and addressed to "), source: "KumoMTA crates/kumo-log-types/src/rfc3464.rs"},
	{id: "powermta", mta: []string{"Hello, this is the mail server on "}, marks: []string{"Hello, this is the mail server on "}, read: angledSpaced, source: "PowerMTA; its DSN has X-PowerMTA fields" + fromReports},

	{id: "exchange", marks: []string{"did not reach the following recipient(s):"}, read: exchangeList("did not reach the following recipient(s):"),
		source: "Exchange 5.0, 5.5 Internet Mail Service; 2000" + fromReports},
	{id: "exchange/2003", marks: []string{"Your message did not reach some or all of the intended recipients.", "Ihre Nachricht hat einige oder alle Empfänger nicht erreicht.", "Votre message n'a pas atteint certains ou tous les destinataires"}, lacks: []string{"hMailServer"}, read: exchangeList("could not be reached:", "cannot be reached:", "nicht erreicht werden:", "suivant(s)"),
		source: "Exchange 4.0 Internet Mail Connector, 2000, 2003; Outlook's view of their DSNs" + fromReports},
	{id: "hmailserver", marks: []string{"hMailServer sent:", "\nhMailServer"}, also: []string{"Your message did not reach some or all of the intended recipients."}, read: exchangeList("could not be reached:"),
		source: "hMailServer server messages SEND_FAILED_NOTIFICATION"},
	{id: "exchange-online", marks: onOutlook(exchangeServers), original: exchangeOriginals, mta: exchangeServers, sender: []string{"Sender Address:"}, read: exchangeList(exchangeHeads...),
		source: "Microsoft 365: learn.microsoft.com, non-delivery reports in Exchange Online, in its languages; the short form and the one with Error Details and Message Hops"},
	{id: "exchange-online/words", marks: []string{".prod.outlook.com", ".PROD.OUTLOOK.COM", ".protection.outlook.com", ".prod.exchangelabs.com"}, lacks: onOutlook(exchangeServers), fields: exchangeFields, original: exchangeOriginals, read: exchangeList(exchangeHeads...),
		source: "Microsoft 365: X-MS-Exchange-Message-Is-Ndr stands on its reports in every language"},
	{id: "exchange/2007", marks: exchangeServers, lacks: onOutlook(exchangeServers),
		original: exchangeOriginals, mta: exchangeServers, read: exchangeList(exchangeHeads...),
		source: "Exchange Server 2007 to 2019: learn.microsoft.com, DSNs and NDRs in Exchange Server"},
	{id: "exchange/words", fields: exchangeFields, lacks: slices.Concat(exchangeServers, []string{".prod.outlook.com", ".PROD.OUTLOOK.COM", ".protection.outlook.com", ".prod.exchangelabs.com"}),
		original: exchangeOriginals, read: exchangeList(exchangeHeads...),
		source: "Exchange Server 2007 to 2019: the sender MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e is the same in every language"},
	{id: "microsoft-smtp", marks: []string{"Delivery to the following recipients failed.", "Delivery to the following recipients has been delayed."}, read: listed("Delivery to the following recipients"),
		source: "SMTP service of Windows 2000 and later, Exchange 2000/2003, Hotmail" + fromReports},

	{id: "gmail/old", marks: []string{"Technical details of permanent failure", "Technical details of temporary failure", "Delivery to the following recipient failed permanently:", "Delivery to the following recipient has been delayed:"},
		original: []string{"----- Original message -----", "----- Message header follows -----"}, read: listed("Delivery to the following recipient"),
		source: "Gmail until about 2016" + fromReports},
	{id: "gmail", fields: googleDaemon, lacks: []string{"Technical details of ", "Delivery to the following recipient", "groups.google.com", "Google Groups", "the group you tried to contact"}, original: []string{"----- Original message -----", "----- Message header follows -----"}, read: firstOf(googlePhrases, besideReply),
		source: "Gmail and Google Workspace since about 2016: multipart/report, words in the user's language" + fromReports},
	{id: "googlegroups", reason: ReasonUserUnknown, marks: []string{"groups.google.com", "Google Groups", "the group you tried to contact"}, fields: googleDaemon, lacks: []string{"Technical details of "}, original: []string{"----- Original message -----"}, read: noRecipients,
		source: "Google Groups' refusals: the address is only in X-Failed-Recipients" + fromReports},

	{id: "domino", marks: []string{"was not delivered to:"}, also: []string{"because:"}, lacks: []string{"for the following reason:"}, read: listed("was not delivered to:"), source: "Lotus Domino router, since 5" + fromReports},
	{id: "domino/4", marks: []string{"------- Failure Reasons  --------"}, original: []string{"------- Returned Message --------"}, read: notesList, source: "Lotus SMTP MTA 4" + fromReports},
	{id: "groupwise", marks: []string{"The message that you sent was undeliverable to the following:"}, read: listed("undeliverable to the following:"), source: "Novell GroupWise Internet Agent" + fromReports},
	{id: "sun", marks: []string{"This report relates to a message you sent with the following header fields:"}, read: phrases("recipient address: "), source: "PMDF, iPlanet, Sun and Oracle Messaging Server: return_*.txt"},
	{id: "x400", status: "X400-", lacks: []string{"This is the mail system at host "}, read: listed("was not delivered to:"), source: "MIXER gateways, RFC 2156: X400- fields"},
	{id: "communigate", marks: []string{"Failed to deliver to '"}, read: phrases("failed to deliver to '"), source: "CommuniGate Pro" + fromReports},
	{id: "imail", fields: []fieldMark{{"X-Mailer", "<smtp32 "}}, original: []string{"Original message follows.", "Original headers follow."}, read: afterColon, source: "Ipswitch IMail Server: SMTP32" + fromReports},
	{id: "mailmarshal", mta: []string{"Reporting-MTA:"}, sender: []string{"Original Sender:"}, marks: []string{"Could not be delivered because of", "could not be delivered because of"}, also: []string{"The following recipients were affected:"}, read: listed("The following recipients were affected:"), source: "MailMarshal SMTP" + fromReports},
	{id: "mdaemon", marks: []string{"the attached message has", "- no such user here."}, fields: []fieldMark{{"From", "mdaemon"}}, read: firstOf(phrases("failed address:"), firstAddress), source: "MDaemon NoUser.dat, DelErr.dat"},

	{id: "amazonses", marks: []string{sesTrying}, lacks: []string{"Technical report:"}, read: listed(sesTrying), source: "Amazon SES: bounce notifications by mail" + fromReports},
	{id: "amazonworkmail", marks: []string{sesTrying}, also: []string{"Technical report:"}, read: statusFields, source: "Amazon WorkMail" + fromReports},
	{id: "amazonses/sns-bounce", marks: []string{`"notificationType":"Bounce"`}, fields: []fieldMark{{"From", "sns.amazonaws.com"}}, read: phrases(`"emailaddress":"`), source: "docs.aws.amazon.com: Amazon SNS notification contents for Amazon SES", kind: KindBounce},
	{id: "amazonses/sns-complaint", marks: []string{`"notificationType":"Complaint"`}, fields: []fieldMark{{"From", "sns.amazonaws.com"}}, read: noRecipients, source: "docs.aws.amazon.com: Amazon SNS notification contents for Amazon SES", kind: KindFeedback},
	{id: "amazonses/sns-delivery", marks: []string{`"notificationType":"Delivery"`}, fields: []fieldMark{{"From", "sns.amazonaws.com"}}, read: noRecipients, source: "docs.aws.amazon.com: Amazon SNS notification contents for Amazon SES", kind: KindSuccess},
	{id: "sendgrid", marks: []string{"This is an automatically generated message from SendGrid."}, source: "SendGrid" + fromReports},
	{id: "yandex", marks: []string{"This is the mail system at host yandex.", "This is the mail system at host *.yandex.", "Это письмо отправлено почтовым сервером yandex"}, read: angled, source: "Yandex Mail: Postfix's text and its own" + fromReports},
	{id: "symantec", marks: []string{"could not be delivered to the following recipients:"}, fields: []fieldMark{{"From", "symantec_antivirus_for_smtp_gateways@"}}, read: listed("could not be delivered to the following recipients:"), kind: KindBounce, source: "Symantec AntiVirus for SMTP Gateways" + fromReports},
	{id: "symantec/gateway", status: "X-Symantec-Messaging-Gateway-Queue-ID:", read: angled, source: "Symantec Messaging Gateway" + fromReports},
	{id: "mimecast", sender: []string{"an email "}, marks: []string{"This is a delivery failure notification message indicating that"}, read: phrases("addressed to email address :\n-- "), source: "Mimecast" + fromReports},
	{id: "barracuda", marks: []string{"was blocked by our Spam & Virus Firewall", "was blocked by our Spam Firewall"}, read: phrases("your message to: "), source: "Barracuda Spam Firewall: bounce templates" + fromReports},
	{id: "interscan", marks: []string{"Message from InterScan"}, read: phrases("unable to deliver message to "), kind: KindBounce, source: "Trend Micro InterScan VirusWall, IMSS" + fromReports},
	{id: "interscan/imss", fields: []fieldMark{{"Content-Type", "interscan_nt_mime_boundary"}}, lacks: []string{"Message from InterScan"}, read: phrases("sent <<< rcpt to:"), kind: KindBounce, source: "Trend Micro IMSS: a notice of the administrator's own words" + fromReports},
	{id: "amavis", marks: []string{"was generated by the program amavisd-new"}, read: phrases("was not relayed to:\n", "was not delivered to:\n", "not delivered to:\n"), source: "amavisd-new: notify_undelivered template"},
	{id: "surfcontrol", marks: []string{"A transcript of the attempts to send the message follows."}, read: phrases("addressed to: "), source: "SurfControl (Websense) E-mail Filter" + fromReports},
	{id: "mcafee", marks: []string{"--- The following addresses had delivery problems ---"}, lacks: []string{"----- The following"}, read: listed("--- The following addresses had delivery problems ---"), source: "McAfee WebShield" + fromReports},
	{id: "mailfoundry", marks: []string{"Unable to deliver message to: <"}, also: []string{"Delivery failed for the following reason:"}, read: phrases("unable to deliver message to: "), source: "MailFoundry" + fromReports},
	{id: "lsmtp", marks: []string{"--> Error description:"}, also: []string{"Error-for:"}, original: []string{"------------------------------ Original message"}, read: phrases("error-for:"), source: "L-Soft LSMTP, LISTSERV error reports" + fromReports},
	{id: "smail", marks: []string{"|------------------------- Failed addresses follow: ---------------------|"}, original: []string{"|------------------------- Message text follows: "}, read: listed("Failed addresses follow: ---------------------|"), source: "Smail 3 and kin"},
	{id: "netscape", marks: []string{"This Message was undeliverable due to the following reason:"}, read: phrases("reply to <", "recipient: "), source: "Netscape Messaging Server, InterMail" + fromReports},
	{id: "csm", marks: []string{"------ Failed Recipients ------"}, original: []string{"-------- Returned Mail --------"}, read: listed("------ Failed Recipients ------"), kind: KindBounce, source: "CSM Proxy (csmap), McAfee WebShield e500" + fromReports},
	{id: "spamlion", fields: []fieldMark{{"X-Mailer", "spamlion"}}, marks: []string{"Did not reach the following recipient: "}, read: phrases("did not reach the following recipient: "), source: "SpamLion" + fromReports},
	{id: "aol", marks: []string{"Your mail to the following recipients could not be delivered because"}, read: screenNames, source: "AOL" + fromReports},
	{id: "mail2000", sender: []string{"\nfrom "}, marks: []string{"---The following addresses had delivery errors---"}, read: listed("had delivery errors---"), source: "Openfind Mail2000" + fromReports},
	{id: "activehunter", marks: []string{activeHunter}, read: listed("permanent fatal errors -----\n\n>>> "), source: "TransWARE Active! hunter" + fromReports},
	{id: "biglobe", marks: []string{"----- Non-delivered information -----"}, read: listed("had delivery problems -----"), source: "BIGLOBE" + fromReports},
	{id: "ezweb", marks: []string{"Each of the following recipients was rejected by a remote"}, read: firstOf(phrases("recipient: "), firstAddress), source: "KDDI au (EZweb Mail)" + fromReports},
	{id: "kddi", marks: []string{"Could not be delivered to: <"}, also: []string{"Your mail sent on: "}, read: phrases("could not be delivered to: "), kind: KindBounce, source: "KDDI au one net" + fromReports},
	{id: "mfilter", fields: []fieldMark{{"X-Mailer", "m-filter"}}, original: []string{"-------original message", "-------original mail info"}, read: firstAddress, source: "Digital Arts m-FILTER" + fromReports},
	{id: "verizon", reason: ReasonUserUnknown, marks: []string{"Message could not be delivered to mobile."}, original: []string{"Original Message:"}, read: phrases("\nto: "), source: "Verizon Wireless MMSC" + fromReports},

	{id: "sieve", marks: []string{"was automatically rejected"}, fields: []fieldMark{{"Content-Type", "disposition-notification"}}, source: "RFC 5429; Dovecot Pigeonhole, Cyrus"},
	{id: "boxbe", marks: []string{"Boxbe Guest List", "boxbe.com"}, fields: []fieldMark{{"From", "boxbe.com"}}, kind: KindChallenge, source: "Boxbe" + fromReports},
	{id: "bluebottle", marks: []string{"This account is protected by Bluebottle."}, kind: KindChallenge, source: "Bluebottle" + fromReports},
	{id: "apple", fields: []fieldMark{{"X-Apple-Action", "vacation"}}, kind: KindAutoreply, source: "iCloud Mail: X-Apple-Action" + fromReports},
	{id: "stalwart", marks: []string{"> (host '*' rejected ", "> (connection to '*' failed", "> (failed to lookup '", "> (TLS error from '", "> (delivered to '"}, read: angledSpaced,
		source: "Stalwart crates/smtp/src/queue/dsn.rs write_dsn_text()"},
	{id: "ironport", marks: []string{"The following message to <"}, also: []string{"was undeliverable.", "The reason for the problem:"}, read: phrases("the following message to <"),
		source: "Cisco (IronPort) AsyncOS for Email: bounce profiles, the text as shipped"},
	{id: "facebook", marks: []string{"This message was created automatically by Facebook."}, source: "Facebook Messages, 2010 to 2014" + fromReports},
	{id: "softbank", fields: []fieldMark{{"From", "mailer-daemon@softbank.ne.jp"}}, read: angledSpaced, source: "SoftBank Mobile, Vodafone Japan" + fromReports},
	{id: "smartermail", marks: []string{"Could not deliver message to the following recipient(s):"}, original: []string{"-- The header and top "}, read: phrases("failed recipient: "), source: "SmarterTools SmarterMail" + fromReports},
	{id: "mailenable", marks: []string{"Recipient: [SMTP:"}, original: []string{"Message headers follow:"}, read: phrases("recipient: [smtp:"), source: "MailEnable: message delivery failure notices" + fromReports},
	{id: "xmail", marks: []string{"XMail bounce: Rcpt=["}, original: []string{"[<05>] Here is listed the initial part of the message:", "[<04>] Here is listed the initial part of the message:"}, read: phrases("rcpt=["), source: "XMail SMAILUtils.cpp, and AfterLogic XMail Server"},
	{id: "kerio", fields: []fieldMark{{"X-Mailer", "kerio connect"}, {"X-Mailer", "kerio mailserver"}, {"User-Agent", "kerio connect"}}, read: firstOf(angled, besideReply), source: "Kerio MailServer and Connect name themselves in the header; their text is the administrator's language" + fromReports},
	{id: "proofpoint", fields: []fieldMark{{"From", "@ppe-hosted.com"}}, read: firstOf(angled, besideReply), source: "Proofpoint Essentials; Proofpoint on pphosted.com and on the premises writes Sendmail's reports" + fromReports},
	{id: "coremail", marks: []string{"您的邮件被退回来了", "您的邮件被退回", "無法發送到", "无法发送到"}, lacks: []string{"你的邮件被退回"}, read: firstOf(phrases("无法发送到", "無法發送到", "收件人："), besideReply), source: "Coremail: 163.com, 126.com, yeah.net and its hosts" + fromReports},
	{id: "qq", marks: []string{"你的邮件被退回"}, read: firstOf(phrases("无法发送到", "收件人："), besideReply), source: "QQ Mail, Tencent Exmail" + fromReports},
	{id: "amazonses/receiving", marks: []string{"This message could not be delivered."}, status: "inbound-smtp.", source: "docs.aws.amazon.com: Amazon SES receipt rules, bounce response"},

	{id: "mailman", fields: []fieldMark{{"X-List-Administrivia", "yes"}}, kind: KindList, source: "Mailman 2 and 3 mark their own notices so: held, refused, bounced and disabled members, passwords"},
	{id: "ezmlm", marks: []string{"This is the ezmlm program."}, kind: KindList, source: "ezmlm and ezmlm-idx text files"},
	{id: "mlmmj", marks: []string{"this is the Mlmmj program managing"}, kind: KindList, source: "Mlmmj listtexts"},
	{id: "majordomo", fields: []fieldMark{{"Subject", "majordomo results"}}, kind: KindList, source: "Majordomo 1 and 2"},
	{id: "listserv", fields: []fieldMark{{"From", "l-soft list server"}, {"From", "<listserv@"}}, lacks: []string{"--> Error description:"}, kind: KindList, source: "L-Soft LISTSERV" + fromReports},
	{id: "sympa", fields: []fieldMark{{"From", "sympa@"}}, lacks: []string{"Final-Recipient:"}, kind: KindList, source: "Sympa" + fromReports},
	{id: "fml", marks: []string{"You are not a member of this mailing list <"}, kind: KindList, source: "fml"},
}

// Exchange since 2007 writes in the language of the sender. These are its fixed lines in the languages of which reports or
// documents were seen, for no catalogue of them is published; what it writes in others is read by its fields and its build (an address alone in a line, its reply
// under it, header fields under a heading).
var (
	// googleDaemon is the sender of Google's reports.
	googleDaemon = []fieldMark{{"From", "mailer-daemon@googlemail.com"}, {"From", "mailer-daemon@google.com"}}

	// exchangeFields stand on every report of Exchange.
	exchangeFields = []fieldMark{{"X-MS-Exchange-Message-Is-Ndr", ""}, {"From", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e"}}

	// exchangeHeads stand above the list of recipients.
	exchangeHeads = []string{"Delivery has failed to these recipients or", "Delivery is delayed to these recipients or", "rejected your message to the following e", "The following recipients or groups couldn't be", "wasn't delivered to anyone because", "couldn't be delivered to the following",
		"Fehler bei der Nachrichtenzustellung an folgende Empf", "Échec de la remise ", "Error de entrega a estos destinatarios o", "Error al entregar a estos destinatarios o", "Recapito non riuscito ", "Bezorging aan de volgende geadresseerden", "Falha na entrega ", "Não foi possível entregar a estes destinatários", "次の受信者または"}

	// exchangeServers stand before the name of the server that wrote the report.
	exchangeServers = []string{"Generating server: ", "DSN generated by: ", "Generierender Server: ", "Serveur de génération\u00a0: ", "Serveur de génération : ", "Serveur de génération: ", "Servidor de generación: ", "Generando servidor: ", "Server di generazione: ", "Bronserver: ", "Genererende server: ", "Servidor de origem: ", "Gerando servidor: ", "Servidor gerador: ", "Genererande server: ", "生成元サーバー: ", "生成サーバー: "}

	// exchangeOriginals stand above the fields of the original.
	exchangeOriginals = []string{"Original message headers:", "Original Message Headers", "Ursprüngliche Nachrichtenkopfzeilen", "Ursprüngliche Nachrichtenheader", "Ursprüngliche Nachrichtenköpfe", "En-têtes de message d'origine", "En-têtes du message d'origine", "En-têtes de message d\u2019origine", "Encabezados de mensajes originales", "Encabezados de mensaje originales", "Encabezados originales del mensaje", "Intestazioni originali del messaggio", "Intestazioni originali", "Oorspronkelijke berichtkoppen", "Cabeçalhos originais da mensagem", "Cabeçalhos de mensagem originais", "Ursprungshuvuden", "元のメッセージ ヘッダー", "元のメッセージのヘッダー"}
)

// onOutlook gives the marks of servers of Microsoft 365.
func onOutlook(servers []string) []string {
	var marks []string
	for _, server := range servers {
		server = strings.TrimRight(server, " ")
		marks = append(marks, server+"*.outlook.com", server+"*.exchangelabs.com", server+"*.office365.us", server+"*.outlook.cn")
	}
	return marks
}
