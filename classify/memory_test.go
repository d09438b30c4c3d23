package classify

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"ndrscan/dsn"
	"ndrscan/spf"
	"ndrscan/trace"
)

// A flood of a million messages takes at most 300 MB, however much they differ: half a million bots, a subject and a
// recipient for each message, thirty thousand witnesses, stolen logins among them.
func TestFloodOfAMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	const messages, limit = 1_000_000, 300 << 20
	before := heap()
	flood := NewFlood(FloodOptions{})
	random := rand.New(rand.NewPCG(1, 2))
	for n := range messages {
		flood.Add(oneOfAMillion(n, random))
	}
	report := flood.Report(Context{Now: noon})
	used := heap() - before
	t.Logf("%d MB for %d messages: %v, limits %q", used>>20, report.Read, report.Classes, report.Run.Limits)
	if used > limit {
		t.Errorf("%d MB are in use after %d messages, at most %d may be", used>>20, messages, limit>>20)
	}
	if report.Read != messages || report.Classes[Forged] != messages-messages/50 || report.Verdict.Verdict != Both {
		t.Errorf("read %d, classes %v, verdict %s", report.Read, report.Classes, report.Verdict.Verdict)
	}
	runtime.KeepAlive(flood)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func oneOfAMillion(n int, random *rand.Rand) *Evidence {
	site := random.IntN(30_000)
	name := fmt.Sprintf("site%d.example", site)
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 0x20000000+uint32(random.IntN(500_000))*37)
	e := &Evidence{
		ID: fmt.Sprint(n), Received: noon.Add(time.Duration(n) * 100 * time.Millisecond), Verified: true,
		Bounce: &dsn.Bounce{Kind: dsn.KindBounce, ReportingMTA: "mx." + name,
			Recipients: []dsn.Recipient{{Address: fmt.Sprintf("rcpt%d@%s", n, name), Action: dsn.ActionFailed, Reason: dsn.ReasonSpam}},
			Original: dsn.Original{Returned: dsn.ReturnedFull, Subject: fmt.Sprintf("offer %x", random.Uint64()),
				Body: fmt.Appendf(nil, "Buy at http://shop%d.example/%d\n", random.IntN(100), n)}},
		Reporter: trace.Reporter{IP: netip.AddrFrom4([4]byte{198, byte(site >> 8), byte(site), 9}), Organisation: name},
		Origin:   trace.Origin{IP: netip.AddrFrom4(ip), Via: trace.ViaReceived, Trust: trace.Direct},
		MailFrom: MailFrom{Address: fmt.Sprintf("user%d@ours.example", random.IntN(10_000)), Source: "return-path"},
		SPF:      spf.Outcome{Result: spf.Fail, Domain: "ours.example", Mechanism: "-all"},
	}
	if n%50 == 0 {
		e.Origin = trace.Origin{IP: netip.MustParseAddr("192.0.2.2"), Own: true, Via: trace.ViaReceived, Trust: trace.Direct, AuthUser: "bob", AuthShown: true,
			ClientIP: netip.MustParseAddr("203.0.113.66"), Entry: trace.EntryAccount, QueueID: fmt.Sprintf("Q%07d", n), Time: e.Received}
		e.SPF.Result = spf.Pass
	}
	return e
}
