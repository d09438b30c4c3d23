package proof

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// tenantSuffixes are domains under which a provider names its customers and that the public suffix list lacks; labels is
// how many labels before the suffix name one customer. Strangers must not look like one organisation (METHOD 3.6).
var tenantSuffixes = []struct {
	suffix string
	labels int
}{
	{".onmicrosoft.com", 1}, // NAME.onmicrosoft.com
	{".gappssmtp.com", 2},   // example-com.20230601.gappssmtp.com
}

// OrgDomain gives the organisational domain of a name: the public suffix and one label more; the name itself where it has
// none (a top-level domain, an address). Lower case, without a final dot.
func OrgDomain(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, t := range tenantSuffixes {
		if rest, ok := strings.CutSuffix(name, t.suffix); ok {
			labels := strings.Split(rest, ".")
			return strings.Join(labels[max(0, len(labels)-t.labels):], ".") + t.suffix
		}
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name
	}
	return org
}

// Aligned tells whether two domains belong to one organisation: relaxed alignment (RFC 7489 section 3.1; RFC 9989 finds
// the organisational domain by a tree walk instead, which needs DNS and rarely differs).
func Aligned(a, b string) bool {
	org := OrgDomain(a)
	return org != "" && org == OrgDomain(b)
}
