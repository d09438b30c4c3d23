package proof

import (
	"net/netip"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// ConsumerTenant is Outlook.com: shared by everyone, never ours (METHOD 3.6).
const ConsumerTenant = "84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa"

// Stamp is what Exchange Online wrote into a message that left it. Anybody can write the same fields: a stamp is believed
// only where the border is an address that the provider publishes as its own (Provider.Ranges).
type Stamp struct {
	Tenant        string // X-MS-Exchange-CrossTenant-Id, lower case
	AuthAs        string // internal: began in the tenant; anonymous: entered it from outside
	FromEntity    string // hosted, hybridonprem or internet: where the author's mailbox is
	OriginatorOrg string // X-OriginatorOrg: a domain of the tenant, lower case
	NetworkID     string // X-MS-Exchange-CrossTenant-Network-Message-Id: what a message trace is searched for

	// From OriginalAttributedTenantConnectingIp, where the message came in through a connector.
	ConnectingTenant string
	ConnectingIP     netip.Addr
	ConnectingHELO   string

	Twice bool // a field stands twice with different values: somebody else's is among them
}

// maxStampValue bounds one value.
const maxStampValue = 512

// TenantStamp reads the stamp of a returned message's header section; ok is false where there is none.
func TenantStamp(section header.Section) (s Stamp, ok bool) {
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"X-MS-Exchange-CrossTenant-Id", &s.Tenant},
		{"X-MS-Exchange-CrossTenant-AuthAs", &s.AuthAs},
		{"X-MS-Exchange-CrossTenant-FromEntityHeader", &s.FromEntity},
		{"X-OriginatorOrg", &s.OriginatorOrg},
		{"X-MS-Exchange-CrossTenant-Network-Message-Id", &s.NetworkID},
	} {
		for _, field := range section.All(f.name) {
			value := strings.ToLower(field.Value())
			if len(value) > maxStampValue || *f.to != "" && *f.to != value {
				s.Twice = true
				continue
			}
			*f.to = value
		}
	}
	s.readConnection(section.Get("X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp"))
	return s, isGUID(s.Tenant)
}

// readConnection reads TenantId=GUID;Ip=[ADDRESS];Helo=[NAME].
func (s *Stamp) readConnection(value string) {
	if len(value) > maxStampValue {
		return
	}
	for part := range strings.SplitSeq(value, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "tenantid":
			s.ConnectingTenant = strings.ToLower(value)
		case "ip":
			s.ConnectingIP = parseIP(value)
		case "helo":
			s.ConnectingHELO = strings.Trim(value, "[]")
		}
	}
}

// isGUID tells 8-4-4-4-12 hexadecimal digits.
func isGUID(s string) bool { return isUUID(s) }

// Tenants are the tenants that are ours: GUIDs, and names under which Microsoft or Google sign for them.
type Tenants struct {
	guids, domains []string
}

// NewTenants reads values of --own tenant:... (a GUID, NAME.onmicrosoft.com, or example-com.20230601.gappssmtp.com) and adds
// what stands for our domains at Google: example-com.*.gappssmtp.com. The consumer tenant is dropped: refused tells it.
func NewTenants(values, ownDomains []string) (t Tenants, refused []string) {
	for _, value := range values {
		value = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(value), "."))
		switch {
		case value == ConsumerTenant:
			refused = append(refused, value)
		case isGUID(value):
			t.guids = append(t.guids, value)
		case value != "":
			t.domains = append(t.domains, value)
		}
	}
	for _, domain := range ownDomains {
		t.domains = append(t.domains, strings.ReplaceAll(strings.ToLower(domain), ".", "-")+gappsSuffix)
	}
	return t, refused
}

const (
	gappsSuffix     = ".gappssmtp.com"
	microsoftSuffix = ".onmicrosoft.com"
)

// SignsFor tells whether a DKIM domain stands for one of our tenants: the provider signs so for no one else (METHOD 3.6).
// Of Google's names the label in the middle is the generation of the key and does not count.
func (t Tenants) SignsFor(domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if rest, ok := strings.CutSuffix(domain, gappsSuffix); ok {
		if name, generation, found := strings.Cut(rest, "."); found && !strings.Contains(generation, ".") {
			return slices.ContainsFunc(t.domains, func(d string) bool {
				first, _, _ := strings.Cut(d, ".")
				return strings.HasSuffix(d, gappsSuffix) && first == name
			})
		}
		return false
	}
	return strings.HasSuffix(domain, microsoftSuffix) && slices.Contains(t.domains, domain)
}

// GoogleSignsFor tells whether a DKIM domain is one of Google's for a tenant of ours.
func (t Tenants) GoogleSignsFor(domain string) bool {
	return strings.HasSuffix(strings.ToLower(domain), gappsSuffix) && t.SignsFor(domain)
}

// TenantEntry is what a stamp says about how a message got into a tenant of ours.
type TenantEntry string

// A message began inside our tenant or entered it from outside (direct send, a connector, a forward: never the account).
const (
	NotOurTenant  TenantEntry = "" // another's, contradictory, or not told
	TenantInside  TenantEntry = "inside"
	TenantOutside TenantEntry = "outside"
)

// Entry judges a stamp that stands under the provider's border. A tenant is known by its GUID; one of which --own gives only
// the name (NAME.onmicrosoft.com) by X-OriginatorOrg, where Exchange Online may write another domain of the tenant's: then
// it is not recognised, and --own tenant:GUID helps.
func (t Tenants) Entry(s Stamp) TenantEntry {
	ours := slices.Contains(t.guids, s.Tenant) || slices.Contains(t.domains, s.OriginatorOrg)
	if s.Twice || s.Tenant == ConsumerTenant || !ours {
		return NotOurTenant
	}
	switch s.AuthAs {
	case "internal":
		return TenantInside
	case "anonymous":
		return TenantOutside
	}
	return NotOurTenant
}

// TenantHosts gives the organisation of the hosts where a tenant's mailboxes lie: a tenant of Google is named by what Google
// signs with, the others are Microsoft's.
func TenantHosts(tenant string) string {
	if strings.HasSuffix(strings.ToLower(tenant), gappsSuffix) {
		return "google.com"
	}
	return "outlook.com"
}

// Provider is a mail service whose network many tenants share.
type Provider struct {
	Name   string
	Ranges string   // domain whose SPF record lists the addresses that it sends from
	Seals  []string // domains that seal its ARC sets
}

// Providers are those whose stamps are read.
var Providers = []Provider{
	{"Microsoft 365", "spf.protection.outlook.com", []string{"microsoft.com"}},
	{"Google", "_spf.google.com", []string{"google.com"}},
}

// ProviderOf gives the provider that publishes an address as one it sends from. permits asks DNS whether a domain's SPF
// record passes the address (spf.Checker does); whoever asks caches, and its failures are "no".
func ProviderOf(ip netip.Addr, permits func(domain string, ip netip.Addr) bool) (Provider, bool) {
	if ip.IsValid() {
		for _, p := range Providers {
			if permits(p.Ranges, ip) {
				return p, true
			}
		}
	}
	return Provider{}, false
}

// SealedBy tells whether a seal's domain is the provider's.
func (p Provider) SealedBy(domain string) bool { return slices.Contains(p.Seals, domain) }
