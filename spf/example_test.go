package spf_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"ndrscan/resolve"
	"ndrscan/spf"
)

// A zone file stands in for DNS; resolve.Open("system", ...) asks the real one.
func ExampleChecker_Check() {
	zone, err := resolve.ParseZone(strings.NewReader(`
example.com.           IN TXT "v=spf1 mx include:_spf.provider.example -all"
example.com.           IN MX 10 mail.example.com.
mail.example.com.      IN A 192.0.2.25
_spf.provider.example. IN TXT "v=spf1 ip4:198.51.100.0/24 ~all"
`), "example.zone")
	if err != nil {
		fmt.Println(err)
		return
	}
	checker := &spf.Checker{Resolver: resolve.FromZone(zone, resolve.Options{})}
	for _, ip := range []string{"192.0.2.25", "198.51.100.7", "203.0.113.7"} {
		out := checker.Check(context.Background(), spf.Request{
			IP: netip.MustParseAddr(ip), Sender: "owner@example.com", HELO: "mail.example.com",
		})
		fmt.Printf("%s: %s by %s on the way %s\n", ip, out.Result, out.Mechanism, strings.Join(out.Path, " > "))
	}
	// Output:
	// 192.0.2.25: pass by mx on the way example.com
	// 198.51.100.7: pass by ip4:198.51.100.0/24 on the way example.com > _spf.provider.example
	// 203.0.113.7: fail by -all on the way example.com
}
