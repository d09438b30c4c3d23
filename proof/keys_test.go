package proof

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The tags of SRS were made by Mail::SRS 0.31 on 2026-11-24 (secrets tops3cret and 0ther); those of BATV and of Exim's
// srs_encode with Python's hmac from their definitions.
func TestVerifyTags(t *testing.T) {
	keys := Keys{BATV: []string{"wrong", "k3y", "another"}, SRS: []string{"wrong", "tops3cret"}}
	other := Keys{SRS: []string{"0ther"}}
	day := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, addr string
		keys       Keys
		at         time.Time
		tag        Tag
		valid      bool
		problem    string
	}{
		{"no tag", "alice@example.com", keys, day, TagNone, false, ""},
		{"no address", "alice", keys, day, TagNone, false, ""},
		{"batv", "prvs=078775eaec=alice@example.com", keys, day, TagBATV, true, ""},
		{"batv, user first", "prvs=alice=078775eaec@example.com", keys, day, TagBATV, true, ""},
		{"batv, key number 7", "prvs=77878437eb=alice@example.com", keys, day, TagBATV, true, ""},
		{"batv, upper case", "PRVS=078775EAEC=Alice@Example.com", keys, day, TagBATV, true, ""},
		{"batv, no key at hand", "prvs=078775eaec=alice@example.com", Keys{}, day, TagBATV, false, ""},
		{"batv, another's key", "prvs=078775eaec=alice@example.com", Keys{BATV: []string{"x"}}, day, TagBATV, false, wrongKey},
		{"batv, another user", "prvs=078775eaec=bob@example.com", keys, day, TagBATV, false, wrongKey},
		{"batv, another day", "prvs=079775eaec=alice@example.com", keys, day, TagBATV, false, wrongKey},
		{"batv, expired", "prvs=078775eaec=alice@example.com", keys, day.AddDate(0, 0, 9), TagBATV, false, expired},
		{"batv, long before", "prvs=078775eaec=alice@example.com", keys, day.AddDate(0, 0, -40), TagBATV, false, expired},
		{"batv, no date", "prvs=078775eaec=alice@example.com", keys, time.Time{}, TagBATV, true, ""},
		{"barracuda's", "btv1==67ab01cd2ef==alice@example.com", keys, day, TagBATV, false, "only prvs="},
		{"srs0", "SRS0=nqww=JN=orig.example=Alice@example.com", keys, day, TagSRS0, true, ""},
		{"srs0, lower case", "srs0=nqww=jn=orig.example=alice@example.com", keys, day, TagSRS0, true, ""},
		{"srs0, +, eight characters, a user with =", "SRS0+03Vlk4fU=JN=orig.example=a=b@example.com", keys, day, TagSRS0, true, ""},
		{"srs0, a week later", "SRS0=nqww=JN=orig.example=Alice@example.com", keys, day.AddDate(0, 0, 7), TagSRS0, true, ""},
		{"srs0, two months later", "SRS0=nqww=JN=orig.example=Alice@example.com", keys, day.AddDate(0, 2, 0), TagSRS0, false, expired},
		{"srs0, a month before", "SRS0=nqww=JN=orig.example=Alice@example.com", keys, day.AddDate(0, -1, 0), TagSRS0, false, expired},
		{"srs0, another user", "SRS0=nqww=JN=orig.example=mallory@example.com", keys, day, TagSRS0, false, wrongKey},
		{"srs0, another's key", "SRS0=nqww=JN=orig.example=Alice@example.com", other, day, TagSRS0, false, wrongKey},
		{"srs0, a short hash", "SRS0=nqw=JN=orig.example=Alice@example.com", keys, day, TagSRS0, false, wrongKey},
		{"srs0, no hash", "SRS0==JN=orig.example=Alice@example.com", keys, day, TagNone, false, ""},
		{"srs0 of Exim", "SRS0=5b72=JM=orig.example=Alice@example.com", keys, day, TagSRS0, true, ""},
		{"srs1", "SRS1=Wbag=example.com==nqww=JN=orig.example=Alice@second.example", other, day, TagSRS1, true, ""},
		{"srs1 of ours", "SRS1=gHQW=example.com==nqww=JN=orig.example=Alice@example.com", keys, day, TagSRS1, true, ""},
		{"srs1, another forwarder", "SRS1=gHQW=evil.example==nqww=JN=orig.example=Alice@example.com", keys, day, TagSRS1, false, wrongKey},
	}
	for _, tt := range tests {
		got := tt.keys.Verify(tt.addr, tt.at)
		if got.Tag != tt.tag || got.Valid != tt.valid || !strings.HasPrefix(got.Problem, tt.problem) || tt.problem == "" && got.Problem != "" {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestReadKeys(t *testing.T) {
	keys, err := ReadKeys(strings.NewReader("# comment\r\n\r\n s3cret \r\nolder"))
	if err != nil || len(keys) != 2 || keys[0] != "s3cret" || keys[1] != "older" {
		t.Errorf("%q, %v", keys, err)
	}
	secret := strings.Repeat("s3cret", 2000)
	for _, text := range []string{"", "\n#x\n", secret, strings.Repeat("s3cret\n", 101)} {
		if _, err := ReadKeys(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", Keys{BATV: keys}, Keys{BATV: keys}, Keys{SRS: keys}, struct{ K Keys }{Keys{SRS: keys}}); strings.Contains(text, "s3cret") {
		t.Errorf("secrets are printed: %s", text)
	}
}

// FuzzVerifyTags holds that only an address with a tag can be valid, that a valid one stays so in any case of letters, and
// that without keys nothing is.
func FuzzVerifyTags(f *testing.F) {
	f.Add("prvs=078775eaec=alice@example.com")
	f.Add("SRS0=nqww=JN=orig.example=Alice@example.com")
	f.Add("SRS1=gHQW=example.com==nqww=JN=orig.example=Alice@example.com")
	keys := Keys{BATV: []string{"k3y"}, SRS: []string{"tops3cret"}}
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, addr string) {
		got := keys.Verify(addr, at)
		_, tag := Unwrap(addr)
		if got.Tag != tag || got.Valid && tag == TagNone || (Keys{}).Verify(addr, at).Valid {
			t.Fatalf("%q: %+v, unwrapped %s", addr, got, tag)
		}
		if got.Valid && tag != TagBATV && !keys.Verify(strings.ToLower(addr), at).Valid {
			t.Fatalf("%q is valid, in lower case it isn't", addr)
		}
	})
}
