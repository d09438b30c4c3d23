package proof

import (
	"context"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

// One signature on many bounces is verified once; a changed header under it is another question.
func TestSignatureMemo(t *testing.T) {
	v := Verifier{Resolver: testKeys().dns, Memo: &SignatureMemo{}}
	ask := func(mail string) DKIMResult {
		section, body := header.Split([]byte(mail))
		list := v.Verify(context.Background(), section, body, true, mailDate)
		if len(list) != 1 {
			t.Fatalf("%d signatures", len(list))
		}
		return list[0].Result
	}
	signed := sign(t, plainMail, nil)
	for range 5 {
		if got := ask(signed); got != DKIMPass {
			t.Fatalf("result %s", got)
		}
	}
	if n := v.Memo.Checked(); n != 1 {
		t.Errorf("verified %d times", n)
	}
	if got := ask(strings.Replace(signed, "Offer", "Order", 1)); got != DKIMFail {
		t.Errorf("a spoiled header: %s", got)
	}
	if got := ask(signed); got != DKIMPass || v.Memo.Checked() != 2 {
		t.Errorf("result %s, verified %d times", got, v.Memo.Checked())
	}
}
