package proof

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ndrscan/internal/header"
)

const sentMail1 = `From: Owner <Owner@Brand.example>
To: One <one@a.example>, two@b.example
Cc: Three@C.example
Bcc: four@d.example
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <0b6f5a4e-7d1c-4a0f-9b57-1d2c3b4a5f60@brand.example>
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Thunderbird/102.1

`

func sentOf(mails ...string) *Sent {
	s := NewSent()
	for _, m := range mails {
		section, _ := header.Split([]byte(m))
		s.Add(section)
	}
	return s
}

func TestSentLookup(t *testing.T) {
	s := sentOf(sentMail1, "From: owner@brand.example\nTo: x@y.example\n\n")
	if s.Len() != 1 || s.LeftOut() != 0 {
		t.Errorf("%d messages, %d left out", s.Len(), s.LeftOut())
	}
	for _, id := range []string{"<0b6f5a4e-7d1c-4a0f-9b57-1d2c3b4a5f60@brand.example>", " 0b6f5a4e-7d1c-4a0f-9b57-1d2c3b4a5f60@brand.example"} {
		m, ok := s.Lookup(id)
		if !ok || m.From != "owner@brand.example" || !m.Date.Equal(mailDate) || !strings.Contains(m.UserAgent, "Thunderbird/102.1") {
			t.Fatalf("Lookup(%q) = %+v, %v", id, m, ok)
		}
		if want := []string{"one@a.example", "two@b.example", "three@c.example", "four@d.example"}; !slices.Equal(m.Recipients, want) {
			t.Errorf("recipients %q, want %q", m.Recipients, want)
		}
		if !m.SentTo("THREE@c.example") || m.SentTo("five@e.example") {
			t.Error("SentTo")
		}
	}
	for _, id := range []string{"", "<>", "other@brand.example"} {
		if m, ok := s.Lookup(id); ok {
			t.Errorf("Lookup(%q) = %+v", id, m)
		}
	}
}

func TestSentCopies(t *testing.T) {
	second := strings.Replace(strings.Replace(sentMail1, "one@a.example", "new@a.example", 1), "Bcc: four@d.example\n", "", 1)
	m, _ := sentOf(sentMail1, second).Lookup("0b6f5a4e-7d1c-4a0f-9b57-1d2c3b4a5f60@brand.example")
	if len(m.Recipients) != 5 || !m.SentTo("new@a.example") || !m.SentTo("four@d.example") {
		t.Errorf("two copies: %q", m.Recipients)
	}
}

func TestSentAgrees(t *testing.T) {
	m := SentMail{Date: mailDate}
	for drift, want := range map[time.Duration]bool{0: true, time.Hour: true, -23 * time.Hour: true, 25 * time.Hour: false, -25 * time.Hour: false} {
		if got := m.Agrees(mailDate.Add(drift)); got != want {
			t.Errorf("%s apart: %v", drift, got)
		}
	}
	if m.Agrees(time.Time{}) || (SentMail{}).Agrees(mailDate) {
		t.Error("an unknown date agrees")
	}
}

func TestHabit(t *testing.T) {
	s := sentOf(sentMail1)
	s.AddClient("OWNER@brand.example", netip.MustParseAddr("192.0.2.77"), mailDate)
	before, after := mailDate.Add(-time.Hour), mailDate.Add(time.Hour)
	if s.Messages("Owner@brand.example") != 1 || s.Messages("nobody@brand.example") != 0 {
		t.Error("Messages")
	}
	if !s.Knows("owner@Brand.example", "One@a.example") || s.Knows("owner@brand.example", "stranger@a.example") || s.Knows("nobody@brand.example", "one@a.example") {
		t.Error("Knows")
	}
	if since, ok := s.KnownSince("owner@brand.example", "four@d.example"); !ok || !since.Equal(mailDate) {
		t.Errorf("KnownSince = %v, %v", since, ok)
	}
	if !s.UsesProgram("owner@brand.example", "Mozilla Thunderbird", after) || s.UsesProgram("owner@brand.example", "Mozilla Thunderbird", before) ||
		s.UsesProgram("owner@brand.example", "PHPMailer 5.2", time.Time{}) || s.UsesProgram("owner@brand.example", "", time.Time{}) {
		t.Error("UsesProgram")
	}
	if !s.UsesIDForm("owner@brand.example", "<ffffffff-1111-2222-3333-aabbccddeeff@brand.example>", after) ||
		s.UsesIDForm("owner@brand.example", "<000001dc$1@brand.example>", after) {
		t.Error("UsesIDForm")
	}
	if uses, known := s.UsesNetwork("owner@brand.example", netip.MustParseAddr("::ffff:192.0.2.1"), after); !uses || !known {
		t.Error("same /24")
	}
	if uses, known := s.UsesNetwork("owner@brand.example", netip.MustParseAddr("198.51.100.1"), after); uses || !known {
		t.Error("another /24")
	}
	if _, known := s.UsesNetwork("nobody@brand.example", netip.MustParseAddr("192.0.2.1"), after); known {
		t.Error("a sender without clients is known")
	}
}

func TestProgramName(t *testing.T) {
	tests := []struct{ value, want string }{
		{"", ""},
		{"Mozilla Thunderbird", "thunderbird"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Thunderbird/102.1", "thunderbird"},
		{"Microsoft Outlook 16.0", "microsoft outlook"},
		{"Apple Mail (2.3654.120.0.1.13)", "apple mail"},
		{"Roundcube Webmail/1.4.3", "roundcube webmail"},
		{"Mutt/1.10.1 (2018-07-13)", "mutt"},
		{"iPhone Mail (19H12)", "iphone mail"},
		{"PHPMailer 6.5.0 (https://github.com/PHPMailer/PHPMailer)", "phpmailer"},
	}
	for _, tt := range tests {
		if got := programName(tt.value); got != tt.want {
			t.Errorf("programName(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestIDForm(t *testing.T) {
	same := [][2]string{
		{"0b6f5a4e-7d1c-4a0f-9b57-1d2c3b4a5f60@x.example", "7D1C4A0F-7d1c-4a0f-9b57-1d2c3b4a5f60@X.example"},
		{"000001dc$0a1b$2c3d@pc", "012345ab$1$2@pc"},
		{"20261123100000.1234@x", "20250101.9@x"},
		{"CA+abc=def@mail.x", "CAxyz-1_2@mail.x"},
	}
	for i, a := range same {
		if idForm(a[0]) != idForm(a[1]) {
			t.Errorf("%q and %q differ", a[0], a[1])
		}
		for _, b := range same[i+1:] {
			if idForm(a[0]) == idForm(b[0]) {
				t.Errorf("%q and %q are alike", a[0], b[0])
			}
		}
	}
	if idForm("no-at") != "" {
		t.Error("an id without @ has a form")
	}
}

// TestSentConcurrent reads and writes at once; the race detector judges.
func TestSentConcurrent(t *testing.T) {
	s := sentOf(sentMail1)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				section, _ := header.Split(fmt.Appendf(nil, "From: owner@brand.example\nTo: r%d@x.example\nMessage-ID: <%d.%d@x>\n\n", j, i, j))
				s.Add(section)
				s.Lookup(fmt.Sprintf("%d.%d@x", i, j))
				s.Knows("owner@brand.example", "r1@x.example")
			}
		})
	}
	wg.Wait()
	if s.Len() != 401 {
		t.Errorf("%d messages, want 401", s.Len())
	}
}
