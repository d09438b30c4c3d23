package trace

import (
	"slices"
	"strings"
)

// sharedProvider is a mail service that many owners' domains send or receive through: a pass by its networks, or its hosts
// as MX, make nothing ours (METHOD 2). What it is decides, not how large its networks are.
type sharedProvider struct {
	name  string
	hosts []string // its MX hosts, its SPF includes and its sending hosts lie under these
}

// sharedProviders, as their own set-up pages name includes and MX hosts.
var sharedProviders = []sharedProvider{
	{"Microsoft 365", []string{"protection.outlook.com", "mx.microsoft", "outlook.com"}},
	{"Google Workspace", []string{"google.com", "googlemail.com"}},
	{"Amazon SES", []string{"amazonses.com", "amazonaws.com"}},
	{"SendGrid", []string{"sendgrid.net"}}, {"Mailgun", []string{"mailgun.org", "mailgun.net"}},
	{"Mailchimp", []string{"mcsv.net", "mandrillapp.com"}}, {"Brevo", []string{"sendinblue.com", "brevo.com"}},
	{"Mailjet", []string{"mailjet.com"}}, {"Postmark", []string{"mtasv.net"}}, {"SparkPost", []string{"sparkpostmail.com"}},
	{"Constant Contact", []string{"constantcontact.com", "ccsend.com"}}, {"Campaign Monitor", []string{"createsend.com"}},
	{"HubSpot", []string{"hubspotemail.net"}}, {"Salesforce", []string{"salesforce.com", "exacttarget.com"}},
	{"Zendesk", []string{"zendesk.com"}}, {"Freshworks", []string{"freshemail.io", "freshdesk.com"}},
	{"Klaviyo", []string{"klaviyomail.com"}}, {"SMTP2GO", []string{"smtp2go.com"}},
	{"Proofpoint", []string{"pphosted.com", "ppe-hosted.com"}}, {"Mimecast", []string{"mimecast.com"}},
	{"Barracuda", []string{"barracudanetworks.com", "cudasvc.com"}}, {"Cisco", []string{"iphmx.com"}},
	{"Trend Micro", []string{"trendmicro.com", "trendmicro.eu"}}, {"Symantec", []string{"messagelabs.com"}},
	{"Hornetsecurity", []string{"hornetsecurity.com", "antispameurope.com"}}, {"MailChannels", []string{"mailchannels.net"}},
	{"Zoho", []string{"zoho.com", "zohomail.com", "zoho.eu"}}, {"Fastmail", []string{"messagingengine.com"}},
	{"Proton", []string{"protonmail.ch"}}, {"iCloud", []string{"icloud.com"}}, {"Yahoo", []string{"yahoo.com", "yahoodns.net"}},
	{"Yandex", []string{"yandex.net", "yandex.ru"}}, {"VK", []string{"mail.ru"}}, {"Tencent", []string{"qq.com"}},
	{"Rackspace", []string{"emailsrvr.com"}}, {"GoDaddy", []string{"secureserver.net"}}, {"IONOS", []string{"perfora.net", "kundenserver.de", "ionos.com", "ionos.de"}},
	{"Strato", []string{"rzone.de", "strato.de"}}, {"OVH", []string{"ovh.net", "ovh.com"}}, {"Gandi", []string{"gandi.net"}},
	{"Infomaniak", []string{"infomaniak.ch"}}, {"Hostinger", []string{"hostinger.com"}}, {"Namecheap", []string{"registrar-servers.com", "privateemail.com"}},
	{"DreamHost", []string{"dreamhost.com"}}, {"Bluehost", []string{"websitewelcome.com", "bluehost.com", "unifiedlayer.com"}},
	{"one.com", []string{"one.com"}}, {"Migadu", []string{"migadu.com"}}, {"mailbox.org", []string{"mailbox.org"}},
	{"Cloudflare", []string{"mx.cloudflare.net"}}, {"ImprovMX", []string{"improvmx.com"}}, {"ForwardEmail", []string{"forwardemail.net"}},
}

// filters are those that only pass mail on to where the mailboxes lie.
var filters = []string{"Proofpoint", "Mimecast", "Barracuda", "Cisco", "Trend Micro", "Symantec", "Hornetsecurity"}

func sharedFilter(host string) bool {
	provider, ok := SharedProvider(host)
	return ok && slices.Contains(filters, provider)
}

// SharedProvider tells a host or an SPF include of a service that many owners share, and which.
func SharedProvider(name string) (provider string, ok bool) {
	name = strings.ReplaceAll(cleanName(name), "_", "")
	for _, p := range sharedProviders {
		for _, host := range p.hosts {
			if under(name, host) {
				return p.name, true
			}
		}
	}
	return "", false
}
