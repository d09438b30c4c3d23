package report

// fix is how one mail server is told to refuse at once what it would bounce later.
type fix struct {
	software string // as the finding names it
	Name     string
	Steps    []string
	source   string // where it is documented
}

// fixes are by the software that wrote the bounces, as far as its marks show.
var fixes = []fix{
	{"postfix", "Postfix", []string{
		"list valid recipients: relay_recipient_maps for relay_domains, local_recipient_maps not empty; smtpd_reject_unlisted_recipient = yes",
		"where the list is elsewhere: reject_unverified_recipient",
		"filter before the queue (milter, smtpd_proxy_filter), not after it",
		"an SPF policy service that rejects on fail",
	}, "BACKSCATTER_README, ADDRESS_VERIFICATION_README, postconf(5)"},
	{"exim", "Exim", []string{
		"in acl_smtp_rcpt: require verify = recipient, with /callout for domains that are relayed to another host",
		"refuse spam in acl_smtp_data, not after acceptance",
		"deny spf = fail (Exim built with SPF support)",
	}, "The Exim specification, chapters on ACLs and on SPF"},
	{"sendmail", "Sendmail", []string{
		"refuse unknown users of virtual domains: @domain error:nouser in virtusertable",
		"for relayed domains, check the recipient by a milter that asks the next host",
		"run SPF and spam checks as milters, which refuse in the dialogue",
	}, "cf/README, sections on virtusertable and milters"},
	{"qmail", "qmail", []string{
		"qmail-smtpd takes every local part and bounces later: let it check recipients (a RCPT-checking patch or plug-in), or put a server before it that knows them",
		"check SPF in qmail-smtpd (a patch), refusing on fail",
	}, "qmail-smtpd(8): only rcpthosts is looked at"},
	{"courier", "Courier", []string{
		"SPF: opt BOFHSPFMAILFROM in the file bofh, leaving out fail",
		"keep aliases and virtual accounts where the ESMTP daemon sees them, so that it refuses unknown ones itself",
	}, "courier(8), section on Sender Policy Framework"},
	{"opensmtpd", "OpenSMTPD", []string{
		"match ... for domain D rcpt-to <recipients>: what matches nothing is refused",
		"SPF by a filter in the dialogue",
	}, "smtpd.conf(5)"},
	{"exchange", "Exchange Server", []string{
		"Set-RecipientFilterConfig -RecipientValidationEnabled $true (anti-spam agents installed), accepted domains of type Authoritative",
		"Set-SenderIdConfig -SpoofedDomainAction Reject",
	}, "Microsoft's documentation of recipient filtering and Sender ID agents"},
	{"exchange-online", "Exchange Online", []string{
		"Directory-Based Edge Blocking: make the accepted domain Authoritative once all recipients are in the directory",
		"no forwarding rules or connectors to hosts that refuse later",
	}, "Microsoft: Use Directory-Based Edge Blocking to reject messages sent to invalid recipients"},
	{"gmail", "Google Workspace", []string{
		"unknown addresses: reject them; no catch-all or routing rule to a host that refuses later",
		"behind an inbound gateway: let the gateway check recipients and SPF",
	}, "Google Workspace Admin Help: unknown addresses, inbound gateway"},
	{"haraka", "Haraka", []string{
		"a plug-in that checks recipients (rcpt_to.*), and spf with deny on fail",
	}, "Haraka's documentation of plug-ins"},
	{"mdaemon", "MDaemon", []string{
		"refuse unknown local users in the SMTP dialogue; turn on SPF verification with rejection on fail",
	}, "MDaemon's help"},
}

// anyServer is for software that is not in the table.
var anyServer = fix{Steps: []string{
	"know the valid recipients at the border, also on backup MX hosts and gateways, and refuse others at RCPT TO",
	"check spam and viruses before the final 250, not after it",
	"check SPF in the dialogue and refuse on fail",
	"send no auto-replies or challenges to mail that fails SPF or looks like spam",
}}

func fixFor(software string) fix {
	for _, f := range fixes {
		if f.software == software {
			return f
		}
	}
	return anyServer
}
