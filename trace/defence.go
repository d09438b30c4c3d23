package trace

import "slices"

// Defences are checks of the walk that a test can switch off (Tracer.Without), to show what each one holds back. No command
// does.
const (
	DefenceBorder    = "border"     // below a foreign border nothing is believed (METHOD 3.4)
	DefenceRecorded  = "recorded"   // results that the original bears do not stand before its Received lines (METHOD 3.5)
	DefenceRightHand = "right-hand" // a line is read from its right end (METHOD 3.7)
	DefencePath      = "path"       // of a line that a recipient may have put a second by clause into nothing is believed (METHOD 3.7)
	DefenceGateway   = "gateway"    // the recipient's inbound gateway is stepped over (METHOD 3.2)
	DefenceLoop      = "loop"       // behind a gateway the next line is the site's again (METHOD 3.1, 3.8)
	DefenceConfirm   = "confirm"    // a reverse name counts only if it points back (METHOD 2)
	DefenceAddress   = "address"    // a host is ours by its address, not by the name it gives itself (METHOD 2)
	DefenceClock     = "clock"      // a message's time is that of our own line, not the reporter's (METHOD 3.4)
)

// Defences lists them.
func Defences() []string {
	return []string{DefenceBorder, DefenceRecorded, DefenceRightHand, DefencePath, DefenceGateway, DefenceLoop,
		DefenceConfirm, DefenceAddress, DefenceClock}
}

func (t *Tracer) lacks(defence string) bool {
	return len(t.Without) > 0 && slices.Contains(t.Without, defence)
}

// fooled is what a walk without its border does: it goes on to the first line that says our server wrote it.
func (w *walk) fooled() {
	for at := w.at; at < w.lines.len(); at++ {
		if w.t.Own.namesOurs(w.lines.at(at).By) {
			w.at, w.o.Own = at, true
			w.underOurs()
			return
		}
	}
}
