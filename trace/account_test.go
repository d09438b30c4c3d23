package trace

import (
	"strings"
	"testing"

	"ndrscan/internal/header"
)

func TestAccount(t *testing.T) {
	const (
		byUs    = "Received: from mail.evil.example (mail.evil.example [203.0.113.50]) by mx.example.com (Postfix) with ESMTPS id 1"
		evil    = "Received: by mail.evil.example (Postfix) id X0 for <x@evil.example>"
		proxied = "Received: from mail.evil.example (unknown [172.18.0.1]) by mx.example.com (Postfix) with ESMTPS id 1"
		us      = " for <Owner@Example.com>"
		ours    = "owner@example.com"
	)
	tests := []struct {
		name   string
		fields []string
		want   string
	}{
		{"for", []string{byUs + us, evil}, ours},
		{"the topmost for", []string{"Received: from mx.example.com by store.example.com with LMTP id 1" + us, byUs + " for <alias@example.com>"}, ours},
		{"for of a lower line of ours", []string{"Received: from mx.example.com by store.example.com with LMTP id 1", byUs + us, evil}, ours},
		{"for in a HELO", []string{"Received: from for <x@evil.example> (a [203.0.113.50]) by mx.example.com (Postfix) with SMTP id 1" + us}, ours},
		{"the sender's for below ours, which has none", []string{byUs, evil}, ""},
		{"the sender's field below ours", []string{byUs, "Delivered-To: x@evil.example", "X-Original-To: x@evil.example", evil}, ""},
		{"field above", []string{"Delivered-To: Owner@Example.com", byUs, evil}, ours},
		{"field above, another below", []string{"Envelope-To: owner@example.com", byUs, "X-Original-To: x@evil.example", evil}, ours},
		{"field between two lines of ours", []string{"Received: from mx.example.com by store.example.com with LMTP id 1", "Delivered-To: owner@example.com", byUs}, ours},
		{"what it was sent to before what that stands for", []string{"Delivered-To: box7@example.com", "X-Original-To: owner@example.com", byUs}, ours},
		{"for counts more than a field", []string{"Delivered-To: box7@example.com", byUs + us}, ours},
		{"never To", []string{byUs, "To: owner@example.com"}, ""},
		{"no lines", []string{"Delivered-To: x@evil.example", "To: x@evil.example"}, ""},
		{"client without an address ends it", []string{"Received: from x by mx.example.com with SMTP id 1", evil}, ""},
		{"filter in between", []string{"Received: from localhost (localhost [127.0.0.1]) by mx.example.com (Postfix) with ESMTP id 2",
			"Received: from mx.example.com ([127.0.0.1]) by localhost (mx.example.com [127.0.0.1]) (amavisd-new, port 10024) with ESMTP id 3", byUs + us, evil}, ours},
		{"two hosts of ours", []string{"Received: from mx.example.com (unknown [10.0.0.2]) by box.example.com (Postfix) with ESMTP id 2", byUs + us, evil}, ours},
		{"behind a proxy the next line is the site's", []string{proxied, evil}, ""},
		{"and so is a field above it", []string{proxied, "Delivered-To: x@evil.example", evil}, ""},
		{"our own bounce", []string{"Received: by mx.example.com (Postfix) id 3" + us}, ours},
		{"dma writes the failed recipient below its line", []string{"Received: from MAILER-DAEMON id 3 by www.example.com (DragonFly Mail Agent v0.13)", "X-Original-To: <bad@site.example>"}, ""},
		{"fetchmail's local user", []string{"Received: from pop.other.example [198.51.100.30] by home.lan with POP3 (fetchmail-6.4.37) for <x@localhost>", byUs + us}, ours},
		{"Gmail", []string{"Delivered-To: owner@example.com", "Received: by 2002:a05:6402:1:b0:5:1:9 with SMTP id 1",
			"Received: from mail.evil.example (mail.evil.example. [203.0.113.50]) by mx.google.com with ESMTPS id 2 for <multiple recipients>", evil}, ours},
	}
	for _, tt := range tests {
		s, _ := header.Split([]byte(strings.Join(tt.fields, "\n") + "\n\n"))
		if got := Account(s); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
