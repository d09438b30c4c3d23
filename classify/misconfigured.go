package classify

import (
	"net/netip"
	"strings"

	"ndrscan/trace"
)

// SourceKind names what kind of source of ours mail came from that SPF does not permit, or what became of it on its way
// (METHOD 7): it decides what to change.
type SourceKind string

// The kinds of sources.
const (
	SourceWebForm      SourceKind = "web-form"
	SourceBulk         SourceKind = "newsletter-service"
	SourcePhone        SourceKind = "phone-gateway"
	SourceHotspot      SourceKind = "hotspot-proxy"
	SourceProvider     SourceKind = "provider-smtp"
	SourceOwnServer    SourceKind = "own-server"
	SourceOther        SourceKind = "other-host"
	SourceForwarder    SourceKind = "forwarder"
	SourceBackscatter  SourceKind = "own-backscatter"
	SourceDoubleBounce SourceKind = "double-bounce"
	SourceDirectSend   SourceKind = "direct-send"
)

// sourceRow says by what a kind is recognised and what to do about it.
type sourceRow struct {
	kind   SourceKind
	class  Class
	is     func(e *Evidence) bool
	remedy string
}

// sourceRows, the first that fits. None of the signs ties a source to us: that is the class's business; they only name it.
var sourceRows = []sourceRow{
	{SourceDirectSend, OwnBackscatter, func(e *Evidence) bool { return e.Tenant == TenantOutside },
		"your tenant takes mail in your name from anybody who connects to it: switch on RejectDirectSend (Exchange Online: Set-OrganizationConfig -RejectDirectSend $true), or let only your gateway's connector in"},
	{SourceDoubleBounce, OwnBackscatter, (*Evidence).nullSender,
		"your server's own bounces came back: refuse unknown recipients while the SMTP connection is open (Postfix: relay_recipient_maps, local_recipient_maps; Exim: verify = recipient; Exchange: directory edge blocking), so that it writes none"},
	{SourceBackscatter, OwnBackscatter, always,
		"refuse unknown recipients and SPF failures while the SMTP connection is open (Postfix: relay_recipient_maps, local_recipient_maps; Exim: verify = recipient; Exchange: directory edge blocking); never bounce what was accepted from outside"},
	{SourceForwarder, Forwarded, always,
		"nothing is wrong with your server: a forwarder passes your mail on unchanged, where SPF can't pass. Sign with DKIM, which survives it; the forwarder should rewrite the sender (SRS); do not add its address to your SPF record"},
	{SourceWebForm, Misconfigured, webForm,
		"let the page hand its mail to your submission port (587 or 465) with a login of its own, and write with an address of yours; only if that web server is yours alone add it to the SPF record"},
	{SourceBulk, Misconfigured, func(e *Evidence) bool { return e.named(bulkServices, nil) || outside(e) && e.DKIMRecipient },
		"this is a newsletter or notification service: let it use a bounce domain of its own below yours, with the SPF include and the DKIM keys that its settings page shows"},
	{SourcePhone, Misconfigured, func(e *Evidence) bool { return e.named(phoneGateways, phoneWords) },
		"a phone's messages leave by its carrier's gateway: set the mail account on the phone to your submission server (587, with login); the carrier's hosts do not belong into your record"},
	{SourceHotspot, Misconfigured, func(e *Evidence) bool { return e.named(nil, hotspotWords) },
		"a hotel's or hotspot's proxy takes over port 25: send through your submission port (587 or 465 with TLS), webmail or VPN; its address does not belong into your record"},
	{SourceOwnServer, Misconfigured, ownBorder,
		"a server of yours is missing from the SPF record: let it send through your outgoing server, or add its address to the record"},
	{SourceProvider, Misconfigured, func(e *Evidence) bool { return e.Origin.SiteAuth || e.Origin.ProperRelay },
		"the mail program sends through a provider's server: set it to your submission server (587 or 465, with login). All its customers send from there, so it does not belong into your record"},
	{SourceOther, Misconfigured, always,
		"let it send through your submission port (587 or 465, with login), webmail or VPN; only if the host is yours alone add it to the SPF record"},
}

func always(*Evidence) bool { return true }

// webForm tells mail that a program on a web server of ours handed in: the lines show a local user or a page, or the host is
// ours by name and calls itself a web server.
func webForm(e *Evidence) bool {
	return ownBorder(e) && (e.Origin.Entry == trace.EntryScript || firstLabelIn(e.Origin.RDNS, "www", "web", "apache", "httpd"))
}

func firstLabelIn(name string, labels ...string) bool {
	first, _, _ := strings.Cut(strings.ToLower(name), ".")
	first = strings.TrimRight(first, "0123456789-")
	for _, label := range labels {
		if first == label {
			return true
		}
	}
	return false
}

// bulkServices send for many customers; the organisations of their sending hosts' names, as their own documentation gives
// them for SPF or as their hosts are called.
var bulkServices = []string{
	"amazonses.com", "sendgrid.net", "mailgun.net", "mailgun.org", "mcsv.net", "mcdlv.net", "rsgsv.net", "mandrillapp.com",
	"sparkpostmail.com", "mailjet.com", "sendinblue.com", "brevo.com", "ccsend.com", "constantcontact.com", "exacttarget.com",
	"mktomail.com", "mktdns.com", "hubspotemail.net", "hubspot.com", "createsend.com", "cmail19.com", "cmail20.com", "aweber.com",
	"getresponse.com", "klaviyomail.com", "postmarkapp.com", "mtasv.net", "smtp2go.com", "elasticemail.com", "salesforce.com",
	"zendesk.com", "freshemail.io", "activehosted.com", "mlsend.com", "cleverreach.com", "rapidmail.com", "inxmail.com",
	"optimizely.com", "emarsys.net", "sailthru.com", "responsys.net", "bronto.com", "icontact.com", "sendpulse.com",
}

// phoneGateways are carriers' and makers' mail hosts for phones.
var phoneGateways = []string{
	"blackberry.com", "blackberry.net", "vtext.com", "vzwpix.com", "vzwmail.net", "tmomail.net", "mycingular.net", "mycricket.com",
	"pm.sprint.com", "sprintpcs.com", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "vodafone.ne.jp",
}

// Words in a host's name that say what it is.
var (
	phoneWords   = []string{"mms", "mmsc", "sms", "wap", "bis", "gprs"}
	hotspotWords = []string{"hotel", "hotels", "inn", "resort", "motel", "hostel", "hotspot", "guest", "wifi", "wlan", "airport", "lounge", "cafe", "proxy"}
)

// named tells whether the origin's confirmed name lies in one of these organisations, or bears one of these words.
func (e *Evidence) named(organisations, words []string) bool {
	if !e.Origin.RDNSConfirmed {
		return false
	}
	name := strings.ToLower(e.Origin.RDNS)
	for _, org := range organisations {
		if name == org || strings.HasSuffix(name, "."+org) {
			return true
		}
	}
	for label := range strings.FieldsFuncSeq(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
		for _, word := range words {
			if label == word {
				return true
			}
		}
	}
	return false
}

// sourceKinds gives, for each class that has kinds, the row that fits. It is stored before the class is known.
func sourceKind(e *Evidence) SourceKinds {
	var kinds SourceKinds
	for i := len(sourceRows) - 1; i >= 0; i-- {
		if row := &sourceRows[i]; row.is(e) {
			*kinds.place(row.class) = row.kind
		}
	}
	return kinds
}

// SourceKinds are the kinds that a message's source has, by what its class may turn out to be.
type SourceKinds struct{ Misconfigured, Backscatter SourceKind }

func (k *SourceKinds) place(class Class) *SourceKind {
	switch class {
	case Misconfigured:
		return &k.Misconfigured
	case OwnBackscatter:
		return &k.Backscatter
	}
	return new(SourceKind)
}

// of gives the kind that goes with a class, "" for the others.
func (k SourceKinds) of(class Class) SourceKind {
	if class == Forwarded {
		return SourceForwarder
	}
	return *k.place(class)
}

// remedy says what to do about a kind.
func (k SourceKind) remedy() string {
	for _, row := range sourceRows {
		if row.kind == k {
			return row.remedy
		}
	}
	return ""
}

// mayBePermitted tells whether such a source may be a host of ours alone: only then can its address enter the SPF record.
func (k SourceKind) mayBePermitted() bool {
	return k == SourceOwnServer || k == SourceWebForm || k == SourceOther
}

// term writes an address as an SPF mechanism.
func term(ip string) string {
	if addr, err := netip.ParseAddr(ip); err == nil && addr.Unmap().Is6() {
		return "ip6:" + ip
	}
	return "ip4:" + ip
}

// termWitnesses is how many verified witnesses must have seen an address before we name it for the record (METHOD 7).
const termWitnesses = 2
