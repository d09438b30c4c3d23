package proof

import (
	"strings"
	"testing"
)

func TestUnwrap(t *testing.T) {
	tests := []struct {
		addr, plain string
		tag         Tag
	}{
		{"user@d.example", "user@d.example", TagNone},
		{"", "", TagNone},
		{"postmaster", "postmaster", TagNone},
		{"prvs=0123abcdef=user@d.example", "user@d.example", TagBATV},
		{"prvs=user=0123abcdef@d.example", "user@d.example", TagBATV},
		{"PRVS=0123ABCDEF=user@d.example", "user@d.example", TagBATV},
		{"prvs=0123abcdef=user=x@d.example", "user=x@d.example", TagBATV},
		{"prvs=user=x=0123abcdef@d.example", "user=x@d.example", TagBATV},
		{"prvs=412345bc7=user@d.example", "user@d.example", TagBATV},
		{"btv1==67ab01cd2ef==user@d.example", "user@d.example", TagBATV},
		{"msprvs1=178ab-CD_ef=user@d.example", "user@d.example", TagBATV},
		{"prvs=onlyone@d.example", "prvs=onlyone@d.example", TagNone},
		{"prvs==@d.example", "prvs==@d.example", TagNone},
		{"btv1==tag=user@d.example", "btv1==tag=user@d.example", TagNone},
		{"SRS0=HHHH=TT=orig.example=local@fwd.example", "local@orig.example", TagSRS0},
		{"srs0+HHHH=TT=orig.example=local@fwd.example", "local@orig.example", TagSRS0},
		{"SRS0=HHHH=TT=orig.example=lo=cal@fwd.example", "lo=cal@orig.example", TagSRS0},
		{"SRS0=HHHH=TT=orig.example@fwd.example", "SRS0=HHHH=TT=orig.example@fwd.example", TagNone},
		{"SRS0=HHHH=TT=not a domain=local@fwd.example", "SRS0=HHHH=TT=not a domain=local@fwd.example", TagNone},
		{"SRS1=GGGG=fwd.example==HHHH=TT=orig.example=local@second.example", "local@orig.example", TagSRS1},
		{"SRS1=GGGG=fwd.example=-HHHH=TT=orig.example=local@second.example", "local@orig.example", TagSRS1},
		{"SRS1=GGGG=fwd.example@second.example", "SRS1=GGGG=fwd.example@second.example", TagNone},
		{"SRS0=HHHH=TT=orig.example=prvs=0123abcdef=user@fwd.example", "user@orig.example", TagSRS0},
		{"bounces+user=other.example@lists.example", "bounces+user=other.example@lists.example", TagNone}, // VERP
		{"list-owner-user=other.example@lists.example", "list-owner-user=other.example@lists.example", TagNone},
	}
	for _, tt := range tests {
		if plain, tag := Unwrap(tt.addr); plain != tt.plain || tag != tt.tag {
			t.Errorf("Unwrap(%q) = %q, %q; want %q, %q", tt.addr, plain, tag, tt.plain, tt.tag)
		}
	}
}

// FuzzUnwrap holds that an address without a tag is unchanged and that one with a tag gets shorter and keeps an @.
func FuzzUnwrap(f *testing.F) {
	f.Add("prvs=0123abcdef=user@d.example")
	f.Add("SRS1=GGGG=fwd.example==HHHH=TT=orig.example=local@second.example")
	f.Fuzz(func(t *testing.T, addr string) {
		plain, tag := Unwrap(addr)
		if tag == TagNone && plain != addr {
			t.Fatalf("%q became %q without a tag", addr, plain)
		}
		if tag != TagNone && (len(plain) >= len(addr) || strings.IndexByte(plain, '@') < 1) {
			t.Fatalf("%q, tag %s, became %q", addr, tag, plain)
		}
	})
}
