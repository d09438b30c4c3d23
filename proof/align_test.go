package proof

import "testing"

func TestAligned(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"brand.example", "brand.example", true},
		{"mail.Brand.example", "brand.example.", true},
		{"a.brand.co.uk", "b.brand.co.uk", true},
		{"one.co.uk", "two.co.uk", false},
		{"brand.example", "notbrand.example", false},
		{"tenant1.onmicrosoft.com", "tenant2.onmicrosoft.com", false},
		{"mx.tenant1.onmicrosoft.com", "tenant1.onmicrosoft.com", true},
		{"a-example.20230601.gappssmtp.com", "b-example.20230601.gappssmtp.com", false},
		{"com", "brand.com", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got := Aligned(tt.a, tt.b); got != tt.want {
			t.Errorf("Aligned(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}
