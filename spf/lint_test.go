package spf_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
	"ndrscan/spf"
)

// lintBase is a domain without a fault, to which each fixture adds its record and what else it needs.
const lintBase = `
$ORIGIN example.com.
@    MX  10 mail
mail A   198.18.0.25
mail TXT "v=spf1 a -all"
$ORIGIN example.net.
spf  TXT "v=spf1 ip4:198.18.100.0/24 -all"
$ORIGIN example.com.
`

// lintFixtures have for each rule a zone in which it is found, beside the rules in also, and one near it in which only
// those in missAlso are. "R:" begins a zone with a record for example.com; "bare:" one without lintBase.
var lintFixtures = []struct {
	id             string
	fires, miss    string
	also, missAlso string
}{
	{id: "P01", fires: `www2 A 198.18.0.9`, miss: `R:v=spf1 mx -all`},
	{id: "P02", fires: `R:v=spf1 mx -all
@ TXT "v=spf1 mx ~all"`, miss: `R:v=spf1 mx -all
@ TXT "some-site-verification=v=spf1"`},
	{id: "P03", fires: `R:v=spf1 mx -all
@ SPF "v=spf1 mx -all"`, miss: `R:v=spf1 mx -all
mail SPF "v=spf1 a -all"`},
	{id: "P04", fires: `R:v=spf1mx -all`, miss: `R:V=SPF1 mx -all`},
	{id: "P04", fires: `R:v=spf1; mx -all`, miss: `R:v=spf1  mx  -all `},
	{id: "P04", fires: `R:v=spf10 mx -all`, miss: `R:v=spf1 MX -ALL`},
	{id: "P04", fires: `R:v = spf1 mx -all`, miss: `R:v=spf1 mx -all`},
	{id: "P05", fires: `R: v=spf1 mx -all`, miss: `R:v=spf1   mx -all`},
	{id: "P05", fires: `@ TXT "\"v=spf1 mx -all\""`, miss: `@ TXT "v=spf1" " mx -all"`},
	{id: "P06", fires: `@ TXT "v=spf1 ip4:198.18.0.1" "ip4:198.18.0.2 -all"`, miss: `@ TXT "v=spf1 ip4:198.18.0.1 " "ip4:198.18.0.2 -all"`},
	{id: "P06", fires: `@ TXT "v=spf1" "mx -all"`, miss: `@ TXT "v=spf1 include:spf.exam" "ple.net -all"`},
	{id: "P06", fires: `example.com. TXT "v=spf1 mx a:mail.example.net" "include:spf.example.net -all"`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "P06", fires: `example.com. TXT "v=spf1 mx include:spf.example.net" "all"`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "P08", fires: `R:v=spf1 mx -all
@ TXT "` + strings.Repeat("verification-", 19) + `"
@ TXT "` + strings.Repeat("proof-of-owner", 18) + `"`, miss: `R:v=spf1 mx -all
@ TXT "` + strings.Repeat("verification-", 19) + `"
@ TXT "` + strings.Repeat("proof-of-owner", 10) + `"`},
	{id: "P09", fires: `R:v=spf1 mx -all
@ TXT "spf2.0/pra mx -all"`, miss: `R:v=spf1 mx -all
@ TXT "about spf2.0/pra"`},
	{id: "P10", fires: `spf TXT "v=spf1 mx -all"`, miss: `R:v=spf1 mx -all
spf TXT "v=spf1 mx -all"`},
	{id: "P10", fires: `bare:example.com.example.com. TXT "v=spf1 -all"`, miss: `R:v=spf1 mx -all`},
	{id: "P11", fires: `R:v=spf1 mx -all
* TXT "v=spf1 -all"`, miss: `R:v=spf1 mx -all
* TXT "not about mail"`},
	{id: "P11", fires: `R:v=spf1 mx -all
* MX 10 mail`, miss: `R:v=spf1 mx -all
* A 198.18.0.25`},
	{id: "P12", fires: `R:v=spf1 mx include:alias.example.org -all
alias.example.org. CNAME spf.example.net.`, miss: `R:v=spf1 mx a:alias.example.org -all
alias.example.org. CNAME other.example.org.
other.example.org. A 198.18.0.26`},
	{id: "P13", fires: `R:v=spf1 mx -all
@ MX 20 mail2
mail2 A 198.18.0.26`, miss: `R:v=spf1 mx -all
@ MX 20 mx.example.net.
mx.example.net. A 198.18.0.26`},
	{id: "P13", fires: `R:v=spf1 mx a:shop.example.com -all
shop A 198.18.0.80`, miss: `R:v=spf1 mx a:shop.example.com -all
shop A 198.18.0.80
shop TXT "v=spf1 a -all"`},
	{id: "P12", fires: `@ CNAME spf.example.net.
@ TXT "v=spf1 mx -all"`, miss: `R:v=spf1 mx -all`},
	{id: "P12", fires: `bare:example.com. CNAME example.net.
example.net. MX 10 mail.example.net.
example.net. TXT "v=spf1 mx -all"
mail.example.net. A 198.18.0.27`, miss: `R:v=spf1 mx -all`},
	{id: "P14", fires: `R:v=spf1 mx -all
www A 198.18.0.80`, miss: `R:v=spf1 mx -all
www A 198.18.0.80
www TXT "v=spf1 -all"`},
	{id: "P15", fires: `bare:example.com. TXT "v=spf1 ip4:198.18.0.1 -all"
example.com. MX 0 .`, miss: `bare:example.com. TXT "v=spf1 -all"
example.com. MX 0 .`},
	{id: "P15", fires: `bare:example.com. TXT "v=spf1 ~all"`, also: "Y04", miss: `bare:example.com. TXT "v=spf1 ip4:198.18.0.1 -all"`},
	{id: "P15", fires: `bare:example.com. TXT "a parked domain"`, miss: `bare:example.com. TXT "v=spf1 -all"`},
	{id: "P17", fires: `_temperror.invalid. TXT "TXT" "SERVFAIL" "example.com."`, miss: `R:v=spf1 mx -all
_temperror.invalid. TXT "TXT" "SERVFAIL" "www.example.com."`},
	{id: "P17", fires: `R:v=spf1 include:slow.example.net -all
_temperror.invalid. TXT "TXT" "timeout" "slow.example.net."`, miss: `R:v=spf1 include:spf.example.net -all`},

	{id: "S01", fires: `R:v=spf1 ip:198.18.0.1 -all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S01", fires: `R:v=spf1 ipv4:198.18.0.1 -all`, miss: `R:v=spf1 IP4:198.18.0.1 -all`},
	{id: "S01", fires: `R:v=spf1 198.18.0.1 -all`, miss: `R:v=spf1 mx/30 -all`},
	{id: "S01", fires: `R:v=spf1 mail.example.com -all`, miss: `R:v=spf1 a:mail.example.com -all`},
	{id: "S01", fires: `R:v=spf1 mx redirect=_spf.example.com
_spf TXT "v=spf1 ip:198.18.0.1 -all"`, miss: `R:v=spf1 mx redirect=_spf.example.com
_spf TXT "v=spf1 ip4:198.18.0.1 -all"`},
	{id: "L08", fires: `R:v=spf1 mx redirect=bad.example.net
bad.example.net. TXT "v=spf1 ip:198.18.0.1 -all"`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "L07", fires: `R:v=spf1 mx include:_spf.example.com -all
_spf TXT "v=spf1 ip:198.18.0.1 -all"`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "P08", fires: `R:v=spf1 mx` + manyAddresses(30) + ` -all`, miss: `R:v=spf1 mx` + manyAddresses(25) + ` -all`},
	{id: "S02", fires: `R:v=spf1 mx=mail.example.com -all`, miss: `R:v=spf1 mx ra=postmaster -all`},
	{id: "S02", fires: `R:v=spf1 mx redirct=example.net -all`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "S03", fires: `R:v=spf1 ip4:198.18.0 -all`, miss: `R:v=spf1 ip4:198.18.0.0/24 -all`},
	{id: "S03", fires: `R:v=spf1 ip4:198.18.0.256 -all`, miss: `R:v=spf1 ip4:198.18.0.255 -all`},
	{id: "S03", fires: `R:v=spf1 ip4:198.18.0.1-198.18.0.9 -all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S03", fires: `R:v=spf1 ip4:mail.example.com -all`, miss: `R:v=spf1 a:mail.example.com -all`},
	{id: "S04", fires: `R:v=spf1 ip4:198.18.0.0/33 -all`, miss: `R:v=spf1 ip4:198.18.0.0/32 -all`},
	{id: "S04", fires: `R:v=spf1 ip4:198.18.0.0/255.255.255.0 -all`, miss: `R:v=spf1 ip4:198.18.0.0/24 -all`},
	{id: "S04", fires: `R:v=spf1 ip4:198.18.0.0/024 -all`, miss: `R:v=spf1 ip6:2001:2::/128 -all`},
	{id: "S04", fires: `R:v=spf1 mx//129 -all`, miss: `R:v=spf1 mx//64 -all`},
	{id: "S04", fires: `R:v=spf1 a:mail.example.com/ -all`, miss: `R:v=spf1 a:mail.example.com/32 -all`},
	{id: "S05", fires: `R:v=spf1 ip4:2001:2::1 -all`, miss: `R:v=spf1 ip6:2001:2::1 -all`},
	{id: "S05", fires: `R:v=spf1 ip6:198.18.0.1 -all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S05", fires: `R:v=spf1 mx ip6:::ffff:198.18.0.1 -all`, miss: `R:v=spf1 mx ip6:2001:2::198.18.0.1 -all`},
	{id: "S06", fires: `R:v=spf1 mx, ip4:198.18.0.1 -all`, miss: `R:v=spf1 mx  ip4:198.18.0.1 -all`},
	{id: "S06", fires: `R:v=spf1 mx -all;`, miss: `R:v=spf1 mx -all `},
	{id: "S06", fires: `R:v=spf1 mx -all.`, miss: `R:v=spf1 a:mail.example.com. -all`},
	{id: "S06", fires: `R:v=spf1 mx - -all`, miss: `R:v=spf1 mx -all`},
	{id: "S07", fires: `R:v=spf1 mx-all`, miss: `R:v=spf1 mx -all`},
	{id: "S07", fires: `R:v=spf1 ip4:198.18.0.1-all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S07", fires: `R:v=spf1 mx include:spf.example.net~all`, miss: `R:v=spf1 mx include:over-all.example.net -all
over-all.example.net. TXT "v=spf1 ip4:198.18.7.7 -all"`},
	{id: "S07", fires: `R:v=spf1 mx include:spf.example.net-all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S08", fires: `R:v=spf1 mx include: spf.example.net -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S08", fires: `R:v=spf1 mx :mail.example.com -all`, miss: `R:v=spf1 mx -all`},
	{id: "S08", fires: `R:v=spf1 ip4 :198.18.0.1 -all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S08", fires: `R:v=spf1 ip4: 198.18.0.1 -all`, miss: `R:v=spf1 ip4:198.18.0.1 -all`},
	{id: "S09", fires: `R:v=spf1 mx include: -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S09", fires: `R:v=spf1 exists -all`, miss: `R:v=spf1 exists:%{i}.example.net -all`},
	{id: "S09", fires: `R:v=spf1 a: -all`, miss: `R:v=spf1 a:mail.example.com -all`},
	{id: "S09", fires: `R:v=spf1 mx redirect=`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "S10", fires: `R:v=spf1 mx include:spf.example.net/24 -all`, miss: `R:v=spf1 mx a:mail.example.com/24 -all`, missAlso: "Y12"},
	{id: "S10", fires: `R:v=spf1 mx include:198.18.0.1 -all`, miss: `R:v=spf1 mx ip4:198.18.0.1 -all`},
	{id: "S10", fires: `R:v=spf1 mx include:https://spf.example.net -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S10", fires: `R:v=spf1 mx include:spf.example.net:25 -all`, miss: `R:v=spf1 mx include:_spf.example.net -all
_spf.example.net. TXT "v=spf1 ip4:198.18.7.7 -all"`},
	{id: "S11", fires: `R:v=spf1 mx include:localhost -all`, miss: `R:v=spf1 mx include:spf.example.net. -all`},
	{id: "S11", fires: `R:v=spf1 a:198.18.0.1 -all`, miss: `R:v=spf1 a:mail.example.com -all`},
	{id: "S04", fires: `R:v=spf1 mx a:%{d}/33 -all`, miss: `R:v=spf1 mx exists:%{i}.example.net -all`},
	{id: "S10", fires: `R:v=spf1 mx include:%{d}/24 -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S06", fires: `R:v=spf1 mx include:spf.example.net,include:spf.example.org -all`, miss: `R:v=spf1 mx exists:%{l,}.example.net -all`},
	{id: "S06", fires: `R:v=spf1 mx a:mail.example.com,mail.example.org -all`, miss: `R:v=spf1 mx -all`},
	{id: "S08", fires: `R:v=spf1 mx include : spf.example.net -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "S05", fires: `R:v=spf1 mx ip6:::ffff:198.18.0.1/120 -all`, miss: `R:v=spf1 mx ip6:2600::/120 -all`},
	{id: "S12", fires: `R:v=spf1 mx -all:example.com`, miss: `R:v=spf1 mx -all`},
	{id: "S13", fires: `R:v=spf1 mx redirect=spf.example.net redirect=spf.example.net`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "S13", fires: `R:v=spf1 mx -redirect=spf.example.net`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "S13", fires: `R:v=spf1 mx ?ra=postmaster -all`, miss: `R:v=spf1 mx ra=postmaster -all`},
	{id: "S07", fires: `R:v=spf1 mx a:mail.example.com-all`, miss: `R:v=spf1 mx -all`},
	{id: "S14", fires: `R:v=spf1 mx \226\128\147all`, miss: `R:v=spf1 mx -all`},
	{id: "S14", fires: `R:v=spf1 mx\194\160-all`, miss: `R:v=spf1 mx -all`},
	{id: "S15", fires: `R:v=spf1 exists:%{z}.example.net -all`, miss: `R:v=spf1 exists:%{I}.example.net -all`},
	{id: "S15", fires: `R:v=spf1 exists:%{d0}.example.net -all`, miss: `R:v=spf1 exists:%{d2}.%{i}.example.net -all`},
	{id: "S15", fires: `R:v=spf1 exists:%{c}.example.net -all`, miss: `R:v=spf1 exists:%{ir}.example.net -all`},
	{id: "S16", fires: `R:v=spf1 mx include:b\195\188ro.example.net -all`, miss: `R:v=spf1 mx include:xn--bro-hoa.example.net -all
xn--bro-hoa.example.net. TXT "v=spf1 ip4:198.18.7.7 -all"`},

	{id: "L01", fires: `R:v=spf1 ` + chain(11) + ` -all`, miss: `R:v=spf1 ` + chain(10) + ` -all`, missAlso: "L02"},
	{id: "L02", fires: `R:v=spf1 ` + chain(8) + ` -all`, miss: `R:v=spf1 ` + chain(7) + ` -all`},
	{id: "L03", fires: `R:v=spf1 mx ` + chain(10) + ` -all`, also: "L01", miss: `R:v=spf1 ` + chain(11) + ` -all`, missAlso: "L01"},
	{id: "L04", fires: `R:v=spf1 mx exists:gone.example.net -all`, miss: `R:v=spf1 mx exists:%{i}.example.net -all`},
	{id: "L05", fires: `R:v=spf1 mx -all` + hosts("mail%d MX", 10), also: "L06", miss: `R:v=spf1 mx -all` + hosts("mail%d MX 46", 9)},
	{id: "L05", fires: `R:v=spf1 mx:pool.example.net -all
pool.example.net. MX 10 mx.example.net.` + hosts("mx A", 11), miss: `R:v=spf1 a:mx.example.net -all` + hosts("mx A", 11)},
	{id: "L06", fires: `R:v=spf1 mx a:mail1.example.net a:mail2.example.net -all` + hosts("mail%d", 2), miss: `R:v=spf1 mx a:mail1.example.net -all` + hosts("mail%d", 1)},
	{id: "L07", fires: `R:v=spf1 mx include:nowhere.example.net -all`, miss: `R:v=spf1 mx a:mail.example.com -all`, missAlso: "Y12"},
	{id: "L07", fires: `R:v=spf1 mx include:bad.example.net -all
bad.example.net. TXT "v=spf1 ip4:198.18.0 -all"`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "L08", fires: `R:v=spf1 mx redirect=nowhere.example.net`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "L09", fires: `R:v=spf1 mx include:example.com -all`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "L09", fires: `R:v=spf1 mx redirect=b.example.net
b.example.net. TXT "v=spf1 redirect=example.com"`, miss: `R:v=spf1 mx redirect=b.example.net
b.example.net. TXT "v=spf1 redirect=spf.example.net"`},
	{id: "L09", fires: `R:v=spf1 mx include:b.example.net -all
b.example.net. TXT "v=spf1 include:c.example.net -all"
c.example.net. TXT "v=spf1 include:b.example.net -all"`, miss: `R:v=spf1 mx include:spf.example.net -all`},
	{id: "L10", fires: `R:v=spf1 mx a:gone.example.com -all`, also: "L04", miss: `R:v=spf1 mx a:six.example.com -all
six AAAA 2001:2::6
six TXT "v=spf1 a -all"`},
	{id: "L10", fires: `R:v=spf1 mx mx:mail.example.com -all`, also: "L04", miss: `R:v=spf1 mx a:mail.example.com -all`, missAlso: "Y12"},
	{id: "L11", fires: `bare:example.com. MX 0 .
example.com. TXT "v=spf1 mx -all"`, also: "P15", miss: `bare:example.com. MX 0 .
example.com. TXT "v=spf1 -all"`},
	{id: "L11", fires: `R:v=spf1 mx mx:null.example.net -all
null.example.net. MX 0 .`, miss: `R:v=spf1 mx mx:full.example.net -all
full.example.net. MX 0 spf.example.net.
spf.example.net. A 198.18.7.7`},
	{id: "L12", fires: `R:v=spf1 mx -all exp=why.example.com`, miss: `R:v=spf1 mx -all exp=why.example.com
why TXT "%{i} may not send for %{d}, see http://www.example.com/?s=%{S}"`},

	{id: "Y01", fires: `R:v=spf1 mx +all`, miss: `R:v=spf1 +mx -all`},
	{id: "Y01", fires: `R:v=spf1 mx all`, miss: `R:v=spf1 mx -all`},
	{id: "Y02", fires: `R:v=spf1 mx include:any.example.net -all
any.example.net. TXT "v=spf1 +all"`, miss: `R:v=spf1 mx include:any.example.net -all
any.example.net. TXT "v=spf1 ip4:198.18.7.7 ~all"`},
	{id: "Y02", fires: `R:v=spf1 ip4:0.0.0.0/0 -all`, miss: `R:v=spf1 mx -ip4:0.0.0.0/0 -all`},
	{id: "Y02", fires: `R:v=spf1 exists:mail.example.com -all`, miss: `R:v=spf1 exists:%{i}.example.com -all`},
	{id: "Y02", fires: `R:v=spf1 mx ip4:0.0.0.0/0 -all`, miss: `R:v=spf1 mx ip4:198.18.0.0/24 -all`, missAlso: "Y12"},
	{id: "Y02", fires: `R:v=spf1 include:any.example.net -all
any.example.net. TXT "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"`, miss: `R:v=spf1 include:any.example.net -all
any.example.net. TXT "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/2 -all"`},
	{id: "Y02", fires: `R:v=spf1 include:any.example.net -all
any.example.net. TXT "v=spf1 exists:mail.example.com -all"`, miss: `R:v=spf1 include:any.example.net -all
any.example.net. TXT "v=spf1 exists:%{i}.mail.example.com -all"`},
	{id: "Y02", fires: `R:v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all`, also: "Y09", miss: `R:v=spf1 ip4:0.0.0.0/1 -ip4:128.0.0.0/1 -all`, missAlso: "Y09"},
	{id: "Y03", fires: `R:v=spf1 mx ?all`, miss: `R:v=spf1 ?mx -all`},
	{id: "Y03", fires: `R:v=spf1 mx`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "Y04", fires: `R:v=spf1 mx ~all`, miss: `R:v=spf1 ~mx -all`},
	{id: "Y05", fires: `R:v=spf1 mx -all ip4:198.18.0.1`, miss: `R:v=spf1 mx ip4:198.18.0.1 -all`},
	{id: "Y05", fires: `R:v=spf1 mx -all ~all`, miss: `R:v=spf1 mx -all ra=postmaster`},
	{id: "Y06", fires: `R:v=spf1 mx -all redirect=spf.example.net`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "Y07", fires: `R:v=spf1 redirect=spf.example.net mx`, miss: `R:v=spf1 mx redirect=spf.example.net`},
	{id: "Y08", fires: `R:v=spf1 mx ptr -all`, miss: `R:v=spf1 mx -all`},
	{id: "Y08", fires: `R:v=spf1 mx exists:%{p}.example.net -all`, miss: `R:v=spf1 mx exists:%{i}.example.net -all`},
	{id: "Y09", fires: `R:v=spf1 ip4:198.0.0.0/8 -all`, miss: `R:v=spf1 ip4:198.18.0.0/16 -all`},
	{id: "Y09", fires: `R:v=spf1 mx/15 -all`, miss: `R:v=spf1 mx/17 -all`},
	{id: "Y09", fires: `R:v=spf1 a:mail.example.com/16 -all`, miss: `R:v=spf1 ip4:198.18.0.0/16 -all`},
	{id: "Y09", fires: `R:v=spf1 mx ip6:2600::/31 -all`, miss: `R:v=spf1 mx ip6:2600::/32 -all`},
	{id: "Y10", fires: `R:v=spf1 ip4:198.18.0.9/24 -all`, miss: `R:v=spf1 ip4:198.18.0.0/24 -all`},
	{id: "Y11", fires: `R:v=spf1 mx ip4:10.1.2.3 -all`, miss: `R:v=spf1 mx ip4:11.1.2.3 -all`},
	{id: "Y11", fires: `R:v=spf1 mx ip4:100.64.1.1 -all`, miss: `R:v=spf1 mx ip4:100.63.1.1 -all`},
	{id: "Y11", fires: `R:v=spf1 mx ip6:fd00::1 -all`, miss: `R:v=spf1 mx ip6:2600::1 -all`},
	{id: "Y11", fires: `R:v=spf1 mx ip4:203.0.113.7 -all`, miss: `R:v=spf1 mx ip4:203.0.114.7 -all`},
	{id: "Y11", fires: `R:v=spf1 mx ip6::: -all`, miss: `R:v=spf1 mx ip6:2600:: -all`},
	{id: "Y12", fires: `R:v=spf1 ip4:198.18.0.0/24 ip4:198.18.0.7 -all`, miss: `R:v=spf1 ip4:198.18.0.0/24 ip4:198.18.1.7 -all`},
	{id: "Y12", fires: `R:v=spf1 mx ip4:198.18.0.25 -all`, miss: `R:v=spf1 mx ip4:198.18.0.26 -all`},
	{id: "Y13", fires: `R:v=spf1 include:spf.example.net include:both.example.org -all
both.example.org. TXT "v=spf1 ip4:198.18.7.7 include:spf.example.net -all"`, miss: `R:v=spf1 include:spf.example.net include:both.example.org -all
both.example.org. TXT "v=spf1 ip4:198.18.7.7 -all"`},
	{id: "Y14", fires: `R:v=spf1 mx include:never.example.net -all
never.example.net. TXT "v=spf1 -all"`, miss: `R:v=spf1 mx include:some.example.net -all
some.example.net. TXT "v=spf1 a:mail.example.com -all"`},
	{id: "Y15", fires: `R:v=spf1 mx -include:spf.example.net -all`, miss: `R:v=spf1 mx +include:spf.example.net -all`},
	{id: "Y16", fires: `R:v=spf1 ip4:198.18.0.25 -all
mail AAAA 2001:2::25`, miss: `R:v=spf1 mx -all
mail AAAA 2001:2::25`},
	{id: "Y17", fires: `R:v=spf1 mx include:_spf.example.com -all
_spf TXT "v=spf1 ip4:198.18.7.7 -all"`, miss: `R:v=spf1 include:_spf.example.com include:spf.example.net -all
_spf TXT "v=spf1 ip4:198.18.7.7 -all"`},
	{id: "Y17", fires: `R:v=spf1 include:_spf.example.com -all
_spf TXT "v=spf1 ip4:198.18.7.7 -all"`, miss: `R:v=spf1 include:spf.example.net -all`},
}

// manyAddresses writes n terms of 15 or 16 octets; the zone parser cuts what is longer than one string.
func manyAddresses(n int) string {
	var record strings.Builder
	for i := range n {
		fmt.Fprintf(&record, " ip4:198.18.40.%d", i)
	}
	return record.String()
}

// chain writes an include that costs n look-ups; chains has the records.
func chain(n int) string {
	return fmt.Sprintf("include:c%d.example.org", n)
}

// chains are records c1 to c11: cN costs N look-ups together with the include that leads to it.
func chains() string {
	var zone strings.Builder
	zone.WriteString("c1.example.org. TXT \"v=spf1 ip4:198.18.7.7 -all\"\n")
	for n := 2; n <= 11; n++ {
		fmt.Fprintf(&zone, "c%d.example.org. TXT \"v=spf1 include:c%d.example.org -all\"\n", n, n-1)
	}
	return zone.String()
}

// hosts writes n hosts of example.net: MX hosts of the domain, with both families ("46"), or n addresses of one.
func hosts(kind string, n int) string {
	var zone strings.Builder
	for i := 1; i <= n; i++ {
		switch kind {
		case "mx A":
			fmt.Fprintf(&zone, "\nmx.example.net. A 198.18.9.%d", i)
			continue
		case "mail%d MX", "mail%d MX 46":
			fmt.Fprintf(&zone, "\n@ MX 20 mail%d.example.net.", i)
		}
		fmt.Fprintf(&zone, "\nmail%d.example.net. A 198.18.8.%d", i, i)
		if kind == "mail%d MX 46" {
			fmt.Fprintf(&zone, "\nmail%d.example.net. AAAA 2001:2::%d", i, i)
		}
	}
	return zone.String()
}

// lintZone makes the DNS of a fixture.
func lintZone(t *testing.T, text string) *resolve.Client {
	t.Helper()
	zone := lintBase
	if rest, ok := strings.CutPrefix(text, "bare:"); ok {
		zone, text = "$ORIGIN example.com.\n", rest
	}
	if rest, ok := strings.CutPrefix(text, "R:"); ok {
		record, more, _ := strings.Cut(rest, "\n")
		text = `@ TXT "` + record + "\"\n" + more
	}
	parsed, err := resolve.ParseZone(strings.NewReader(zone+text+"\n"+chains()), "zone")
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return resolve.FromZone(parsed, resolve.Options{})
}

func TestLintRules(t *testing.T) {
	fixtures, alone := map[string]int{}, map[string]bool{}
	for _, f := range lintFixtures {
		fixtures[f.id]++
		t.Run(fmt.Sprintf("%s-%d", f.id, fixtures[f.id]), func(t *testing.T) {
			report := lint(t, lintZone(t, f.fires))
			sameIDs(t, f.fires, report, append(strings.Fields(f.also), f.id))
			for _, issue := range report.Issues {
				if issue.Problem == "" || issue.Effect == "" || issue.Fix == "" || issue.Severity == "" {
					t.Errorf("%s: a text is missing: %+v", f.fires, issue)
				}
				if at := issue.Offset; strings.Contains(issue.Record, issue.Term) && (at+len(issue.Term) > len(issue.Record) || issue.Record[at:at+len(issue.Term)] != issue.Term) {
					t.Errorf("%s: %q is not at %d of %q", f.fires, issue.Term, at, issue.Record)
				}
			}
			sameIDs(t, f.miss, lint(t, lintZone(t, f.miss)), strings.Fields(f.missAlso))
		})
	}
	for _, f := range lintFixtures {
		alone[f.id] = alone[f.id] || f.also == ""
	}
	for id, ok := range alone {
		if !ok && id != "L03" && id != "L10" { // over ten look-ups (L01), and a void one (L04), by what they say
			t.Errorf("rule %s never fires alone", id)
		}
	}
	for _, id := range spf.RuleIDs() {
		if fixtures[id] == 0 && id != "P07" && id != "P16" { // below: a zone can't show them
			t.Errorf("rule %s has no fixture", id)
		}
	}
}

func lint(t *testing.T, dns spf.Resolver) *spf.Report {
	t.Helper()
	report, err := spf.Lint(context.Background(), dns, "example.com", spf.LintOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func sameIDs(t *testing.T, zone string, report *spf.Report, want []string) {
	t.Helper()
	got := report.IDs()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s\nfound %v, want %v", zone, got, want)
		for _, i := range report.Issues {
			t.Logf("  %s %s: %s", i.ID, i.Term, i.Problem)
		}
	}
}

// ruleList is the list of rules that lint is held to. It is read where it stands and not part of this project.
const ruleList = "../../shared/spf/LINT_RULES.md"

// Every rule of the list is in the table, with its severity, and no other.
func TestLintRuleList(t *testing.T) {
	text, err := os.ReadFile(ruleList)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the list of rules is not at %s", ruleList)
	}
	if err != nil {
		t.Fatal(err)
	}
	severity := map[string]spf.Severity{"E": spf.SeverityError, "W": spf.SeverityWarning, "I": spf.SeverityInfo}
	var ids []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([PSLY]\d\d) \| ([EWI]) \|`).FindAllStringSubmatch(string(text), -1) {
		ids = append(ids, row[1])
		for _, f := range lintFixtures {
			if f.id != row[1] {
				continue
			}
			if issue := find(lint(t, lintZone(t, f.fires)), f.id); issue.Severity != severity[row[2]] && !mixed[f.id] {
				t.Errorf("%s is %s, want %s: %s", f.id, issue.Severity, severity[row[2]], f.fires)
			}
		}
	}
	if !slices.Equal(ids, spf.RuleIDs()) {
		t.Errorf("the list has %v, the table %v", ids, spf.RuleIDs())
	}
}

// mixed are rules whose severity depends on how bad it is; TestLintSeverity has them.
var mixed = map[string]bool{"L04": true, "L05": true, "S05": true}

func TestLintSeverity(t *testing.T) {
	for _, tc := range []struct {
		id, zone string
		want     spf.Severity
	}{
		{"L04", `R:v=spf1 mx exists:a.example.net exists:b.example.net -all`, spf.SeverityWarning},
		{"L04", `R:v=spf1 mx exists:a.example.net exists:b.example.net exists:c.example.net -all`, spf.SeverityError},
		{"L05", `R:v=spf1 mx -all` + hosts("mail%d MX", 10), spf.SeverityError},
		{"L05", "R:v=spf1 mx:pool.example.net -all\npool.example.net. MX 10 mx.example.net." + hosts("mx A", 11), spf.SeverityWarning},
		{"S05", `R:v=spf1 ip6:198.18.0.1 -all`, spf.SeverityError},
		{"S05", `R:v=spf1 mx ip6:::ffff:198.18.0.1 -all`, spf.SeverityWarning},
	} {
		if got := find(lint(t, lintZone(t, tc.zone)), tc.id); got.Severity != tc.want {
			t.Errorf("%s: %q, want %s", tc.zone, got.Severity, tc.want)
		}
	}
}

func find(r *spf.Report, id string) spf.Issue {
	for _, i := range r.Issues {
		if i.ID == id {
			return i
		}
	}
	return spf.Issue{}
}

// A name server that never answers costs bounded time, and is said.
func TestLintDeadServer(t *testing.T) {
	srv := dnstest.Serve(t, lintBase)
	for _, name := range []string{"example.com", "*.example.com", "www.example.com", "_spf.example.com", "spf.example.com"} {
		srv.Fault(name, dnstest.Timeout)
	}
	dns, err := resolve.Open(srv.Addr, resolve.Options{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	sameIDs(t, "dead", lint(t, dns), []string{"P17"})
	proposed := lint(t, &spf.Proposed{Resolver: dns, Domain: "example.com", Strings: []string{"v=spf1 ip:198.18.0.1 ~all"}})
	sameIDs(t, "proposed", proposed, []string{"S01", "Y04"}) // what can be seen without DNS; it isn't taken for parked
	if want := []string{"P01", "P03", "P11", "P12", "P13", "P14", "P15", "P16", "Y16"}; !slices.Equal(proposed.Unchecked, want) {
		t.Errorf("unchecked %v, want %v", proposed.Unchecked, want)
	}
	if spent := time.Since(start); spent > 5*time.Second {
		t.Errorf("it took %s", spent)
	}
}

// A string of more than 255 octets can't stand in DNS, but people try to put it there.
func TestLintLongString(t *testing.T) {
	long := "v=spf1 mx" + strings.Repeat(" a:mail.example.com", 12) + " -all"
	dns := &spf.Proposed{Resolver: lintZone(t, ""), Domain: "example.com", Strings: []string{long + strings.Repeat(" ", 20)}}
	if got := lint(t, dns).IDs(); !slices.Contains(got, "P07") {
		t.Errorf("one string of %d octets: %v", len(dns.Strings[0]), got)
	}
	dns.Strings = spf.SplitRecord(dns.Strings[0])
	if got := lint(t, dns).IDs(); slices.Contains(got, "P07") {
		t.Errorf("split: %v", got)
	}
}

func TestLintInconsistentServers(t *testing.T) {
	for _, tc := range []struct {
		servers []spf.Authority
		want    []string
	}{
		{[]spf.Authority{{Server: "ns1", Texts: []string{"v=spf1 mx -all"}}, {Server: "ns2", Texts: []string{"v=spf1 -all"}}}, []string{"P16"}},
		{[]spf.Authority{{Server: "ns1", Texts: []string{"v=spf1 mx -all"}}, {Server: "ns2"}}, []string{"P16"}},
		{[]spf.Authority{{Server: "ns1", Texts: []string{"a", "v=spf1 mx -all"}}, {Server: "ns2", Texts: []string{"v=spf1 mx -all", "b"}}}, nil},
		{nil, nil},
		{[]spf.Authority{{Server: "ns1", Texts: []string{"v=spf1 mx -all"}}, {Server: "ns2", Err: errors.New("no answer")}}, nil},
	} {
		report, err := spf.Lint(context.Background(), lintZone(t, "R:v=spf1 mx -all"), "example.com", spf.LintOptions{
			Authorities: func(context.Context, string) []spf.Authority { return tc.servers },
		})
		if err != nil || !slices.Equal(report.IDs(), tc.want) {
			t.Errorf("%+v: %v, %v", tc.servers, report.IDs(), err)
		}
		silent := slices.ContainsFunc(tc.servers, func(a spf.Authority) bool { return a.Err != nil }) || len(tc.servers) == 0
		if slices.Contains(report.Unchecked, "P16") != silent {
			t.Errorf("%+v: unchecked %v", tc.servers, report.Unchecked)
		}
	}
}

// What the rules say is never flagged.
func TestLintNeverFlagged(t *testing.T) {
	for _, zone := range []string{
		`R:v=spf1  mx   -all  `,
		`R:V=SpF1 MX INCLUDE:SPF.EXAMPLE.NET -ALL`,
		"R:v=spf1 mx include:_spf.under_score.example.net -all\n_spf.under_score.example.net. TXT \"v=spf1 ip4:198.18.7.7 -all\"",
		`R:v=spf1 mx a:mx.example.net -all` + hosts("mx A", 12),
	} {
		sameIDs(t, zone, lint(t, lintZone(t, zone)), nil)
	}
}

func TestLintNowhere(t *testing.T) {
	dns := lintZone(t, "bare:other.example. A 198.18.0.1")
	if _, err := spf.Lint(context.Background(), dns, "example.com", spf.LintOptions{}); !errors.Is(err, spf.ErrNoDomain) {
		t.Errorf("a domain that doesn't exist: %v", err)
	}
	if _, err := spf.Lint(context.Background(), dns, "not a domain", spf.LintOptions{}); err == nil {
		t.Error("no domain name: no error")
	}
}
