package dsn

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-message"
)

// rfc3464 is a report of about 5.5 KB, as Postfix writes them.
func rfc3464() []byte {
	body := strings.Repeat("Nothing in this line but forty-eight characters..\r\n", 60)
	return []byte(strings.ReplaceAll(`Return-Path: <>
Delivered-To: alice@example.com
Received: from mx.remote.example (mx.remote.example [198.51.100.101])
	by mx.example.com (Postfix) with ESMTPS id 7A11C0FFEE
	for <alice@example.com>; Mon, 23 Nov 2026 21:30:24 +0000 (UTC)
Received: by mx.remote.example (Postfix)
	id D5AC5A24892; Mon, 23 Nov 2026 21:30:24 +0000 (UTC)
Date: Mon, 23 Nov 2026 21:30:24 +0000 (UTC)
From: Mail Delivery System <MAILER-DAEMON@mx.remote.example>
Subject: Undelivered Mail Returned to Sender
To: alice@example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="D5AC5A24892.1795469424/mx.remote.example"
Message-Id: <20261123213024.242A4A24817@mx.remote.example>

This is a MIME-encapsulated message.

--D5AC5A24892.1795469424/mx.remote.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.remote.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<bad@remote.example>: host store.remote.example[198.51.100.9] said: 550 5.1.1
    <bad@remote.example>: Recipient address rejected: User unknown (in reply to
    RCPT TO command)

--D5AC5A24892.1795469424/mx.remote.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.remote.example
X-Postfix-Queue-ID: D5AC5A24892
X-Postfix-Sender: rfc822; alice@example.com
Arrival-Date: Mon, 23 Nov 2026 21:30:23 +0000 (UTC)

Final-Recipient: rfc822; bad@remote.example
Original-Recipient: rfc822;bad@remote.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; store.remote.example
Diagnostic-Code: smtp; 550 5.1.1 <bad@remote.example>: Recipient address
    rejected: User unknown

--D5AC5A24892.1795469424/mx.remote.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <alice@example.com>
Received: from friend (unknown [203.0.113.41])
	by mx.remote.example (Postfix) with ESMTP id D5AC5A24892
	for <bad@remote.example>; Mon, 23 Nov 2026 21:30:23 +0000 (UTC)
From: Alice Example <alice@example.com>
To: bad@remote.example
Subject: An offer
Date: Mon, 23 Nov 2026 21:30:19 +0000
Message-ID: <original@example.com>
User-Agent: Example/1.0
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

`, "\n", "\r\n") + body + "\r\n--D5AC5A24892.1795469424/mx.remote.example--\r\n")
}

// BenchmarkParse stands beside the standard library's walk of the same message.
func BenchmarkParse(b *testing.B) {
	msg := rfc3464()
	b.Run("ndrscan", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if Parse(msg).Kind != KindBounce {
				b.Fatal("not a bounce")
			}
		}
	})
	b.Run("netmail", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if err := walkStandard(msg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gomessage", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if err := walkGoMessage(msg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if scanBytes(msg) != 3 {
				b.Fatal("not three parts")
			}
		}
	})
	ordinary := []byte("From: a@b.example\r\nTo: alice@example.com\r\nSubject: hello\r\n\r\n" + strings.Repeat("text and more text\r\n", 270))
	b.Run("ordinary", func(b *testing.B) {
		b.SetBytes(int64(len(ordinary)))
		b.ReportAllocs()
		for b.Loop() {
			Parse(ordinary)
		}
	})
}

// BenchmarkSize holds time against size: reports whose original is 10 KB, 1 MB and 30 MB.
func BenchmarkSize(b *testing.B) {
	for _, size := range []int{10 << 10, 1 << 20, 30 << 20} {
		msg := sized(size)
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if Parse(msg).Original.Returned != ReturnedFull {
					b.Fatal("no original")
				}
			}
		})
	}
}

// sized is a report that returns an original of that size.
func sized(size int) []byte {
	lines := []byte(strings.Repeat("Nothing in this line but forty-eight characters..\r\n", size/52))
	return bytes.Replace(rfc3464(), []byte("\r\n\r\n--D5AC5A24892.1795469424/mx.remote.example--"), append(lines, "\r\n--D5AC5A24892.1795469424/mx.remote.example--"...), 1)
}

// walkGoMessage reads header and parts with go-message.
func walkGoMessage(msg []byte) error {
	entity, err := message.Read(bytes.NewReader(msg))
	if err != nil {
		return err
	}
	return entity.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil || part.MultipartReader() != nil {
			return err
		}
		_, err = io.Copy(io.Discard, part.Body)
		return err
	})
}

// scanBytes is what any reader has to do at least: look at each line, know fields from text and find the delimiters.
func scanBytes(msg []byte) int {
	parts := 0
	for len(msg) > 0 {
		line, rest := cutLine(msg)
		if len(line) > 4 && line[0] == '-' && line[1] == '-' && bytes.HasSuffix(line, []byte("mx.remote.example")) {
			parts++
		}
		bytes.IndexByte(line, ':')
		msg = rest
	}
	return parts
}

// walkStandard reads header and parts with net/mail and mime/multipart.
func walkStandard(msg []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, part); err != nil {
			return err
		}
	}
}
