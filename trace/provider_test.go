package trace

import "testing"

func TestSharedProvider(t *testing.T) {
	for name, want := range map[string]string{
		"spf.protection.outlook.com": "Microsoft 365", "ours-example.mail.protection.outlook.com.": "Microsoft 365",
		"_spf.google.com": "Google Workspace", "ASPMX.L.GOOGLE.COM": "Google Workspace", "include.mailgun.org": "Mailgun",
		"notgoogle.com": "", "outlook.com.evil.example": "", "mail.ours.example": "", "": "",
	} {
		if got, ok := SharedProvider(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
