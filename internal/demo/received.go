package demo

import (
	"fmt"
	"strings"
	"time"
)

// hop is one step of a message: who handed it to whom.
type hop struct {
	client host
	by     string // the receiving host
	from   string // MAIL FROM
	to     string // RCPT TO
	login  string // SMTP AUTH, empty without
	tls    bool
	id     string
	at     time.Time
}

// Dates as the different mail systems write them.
const (
	plainDate = "Mon, 2 Jan 2006 15:04:05 -0700"
	namedDate = "Mon, 2 Jan 2006 15:04:05 -0700 (MST)"
	qmailDate = "2 Jan 2006 15:04:05 -0000"
)

// receivedBy writes the trace fields that a site's software puts on a message it takes from outside, newest first.
var receivedBy = map[string]func(g *generator, h hop) string{
	"postfix":  postfixReceived,
	"exim":     eximReceived,
	"qmail":    qmailReceived,
	"sendmail": sendmailReceived,
	"exchange": exchangeReceived,
	"gmail":    gmailReceived,
}

// queueID gives an id as the software makes it.
func (g *generator) queueID(software string, at time.Time) string {
	switch software {
	case "exim": // since 4.97
		return fmt.Sprintf("1%s-%s-%s", g.text(base62, 5), "0000000"+g.text(base62, 4), g.text(base62, 4))
	case "sendmail":
		const sixty = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
		at = at.UTC()
		var id strings.Builder
		for _, n := range []int{at.Year() - 1900, int(at.Month()) - 1, at.Day(), at.Hour(), at.Minute(), at.Second()} {
			id.WriteByte(sixty[n%60])
		}
		return id.String() + "0" + g.text(digits, 7)
	case "gmail":
		return fmt.Sprintf("%s-%ssi%sf8f.%s.%s", g.text(hexLow, 13), g.text(hexLow, 11), g.text(digits, 7), g.text("123456789", 3), at.Format("2006.01.02.15.04.05"))
	case "qmail":
		return g.text("123456789", 1) + g.text(digits, 4)
	}
	return g.text("123456789ABCDEF", 1) + g.text(hexCaps, 10)
}

func postfixReceived(_ *generator, h hop) string {
	var b strings.Builder
	name, ip := h.client.verified(), h.client.ip.String()
	if name == "" {
		name = "unknown"
	}
	if h.client.ip.Is6() {
		ip = "IPv6:" + ip
	}
	fmt.Fprintf(&b, "Received: from %s (%s [%s])\n", h.client.greeting(), name, ip)
	protocol := "ESMTP"
	if h.tls {
		protocol += "S"
		b.WriteString("\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n" +
			"\t key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256)\n" +
			"\t(No client certificate requested)\n")
	}
	if h.login != "" {
		protocol += "A"
		fmt.Fprintf(&b, "\t(Authenticated sender: %s)\n", h.login)
	}
	fmt.Fprintf(&b, "\tby %s (Postfix) with %s id %s\n\tfor <%s>; %s\n", h.by, protocol, h.id, h.to, h.at.Format(namedDate))
	return b.String()
}

func eximReceived(_ *generator, h hop) string {
	from := fmt.Sprintf("[%s] (helo=%s)", h.client.ip, h.client.greeting())
	if name := h.client.verified(); name != "" && name == h.client.greeting() {
		from = fmt.Sprintf("%s ([%s])", name, h.client.ip)
	} else if name != "" {
		from = fmt.Sprintf("%s ([%s] helo=%s)", name, h.client.ip, h.client.greeting())
	}
	protocol := "esmtp"
	if h.tls {
		protocol = "esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
	}
	return fmt.Sprintf("Received: from %s\n\tby %s with %s\n\t(Exim 4.98.2)\n\t(envelope-from <%s>)\n\tid %s\n\tfor %s;\n\t%s\n",
		from, h.by, protocol, h.from, h.id, h.to, h.at.Format(plainDate))
}

func qmailReceived(g *generator, h hop) string {
	name, protocol := h.client.verified(), "SMTP"
	if name == "" {
		name = "unknown"
	}
	if h.tls {
		protocol = "ESMTPS"
	}
	at := h.at.UTC().Format(qmailDate)
	return fmt.Sprintf("Received: (qmail %s invoked from network); %s\nReceived: from %s (HELO %s) (%s)\n  by %s with %s; %s\n",
		h.id, at, name, h.client.greeting(), h.client.ip, h.by, protocol, at)
}

func sendmailReceived(_ *generator, h hop) string {
	ip := "[" + h.client.ip.String() + "]"
	if h.client.ip.Is6() {
		ip = "[IPv6:" + sendmailIPv6(h.client.ip.StringExpanded()) + "]"
	}
	who := ip
	switch {
	case h.client.lies:
		who = h.client.name + " " + ip + " (may be forged)"
	case h.client.name != "":
		who = h.client.name + " " + ip
	}
	protocol := "ESMTP"
	if h.tls {
		protocol = "ESMTPS"
	}
	tls := ""
	if h.tls {
		tls = "\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)"
	}
	return fmt.Sprintf("Received: from %s (%s)\n\tby %s (8.18.1/8.18.1) with %s id %s%s\n\tfor <%s>; %s\n",
		h.client.greeting(), who, h.by, protocol, h.id, tls, h.to, h.at.Format(plainDate))
}

// sendmailIPv6 writes an address as Sendmail does: no leading zeros, no "::".
func sendmailIPv6(expanded string) string {
	groups := strings.Split(expanded, ":")
	for i, group := range groups {
		if groups[i] = strings.TrimLeft(group, "0"); groups[i] == "" {
			groups[i] = "0"
		}
	}
	return strings.Join(groups, ":")
}

// exchangeReceived writes two hops: the mailbox server that took the message from the front door, and the front door.
func exchangeReceived(_ *generator, h hop) string {
	at := h.at.UTC().Format("Mon, 2 Jan 2006 15:04:05 +0000")
	return fmt.Sprintf("Received: from %s\n (%s) by\n %s (%s) with Microsoft SMTP\n Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.8228.21; %s\n",
		exchangeFront.name, exchangeFront.ip, exchangeStore.name, exchangeStore.ip6, at) +
		fmt.Sprintf("Authentication-Results: spf=%s (sender IP is %s)\n smtp.mailfrom=%s; dkim=none (message not signed)\n header.d=none;dmarc=%s action=none header.from=%s;\n",
			recordedSPF(h), h.client.ip, domainOf(h.from), recordedSPF(h), domainOf(h.from)) +
		fmt.Sprintf("Received: from %s (%s) by\n %s (%s) with Microsoft SMTP Server id\n 15.20.8228.21 via Frontend Transport; %s\n",
			h.client.greeting(), h.client.ip, h.by, exchangeDoor.ip, at)
}

// gmailReceived writes Google's hops. QUIRK: 2002:a05:... is no address anybody connects from but how Google writes its
// inner 10.5.x.x hosts (6to4 of a private address).
func gmailReceived(g *generator, h hop) string {
	inner := fmt.Sprintf("2002:a05:%s:%s:b0:%s:%s", g.text(hexLow[1:], 4), g.text(hexLow[1:], 4), g.text(hexLow[1:], 3), g.text(hexLow[1:], 4))
	id := g.text("abcdefghijklmnopqrstuvwxyz", 1) + g.text(digits, 2) + "csp" + g.text(digits, 7) + "lfb"
	at := h.at.Format(namedDate)
	name := ""
	if h.client.verified() != "" {
		name = h.client.name + ". "
	}
	protocol := "ESMTP"
	if h.tls {
		protocol = "ESMTPS"
	}
	says := "does not designate"
	if recordedSPF(h) == "pass" {
		says = "designates"
	}
	comment := fmt.Sprintf("google.com: domain of %s %s %s as permitted sender", h.from, says, h.client.ip)
	return fmt.Sprintf("Received: by %s with SMTP id %s;\n        %s\n", inner, id, at) +
		fmt.Sprintf("X-Received: by %s with SMTP id %s;\n        %s\n", inner, id+"."+g.text(digits, 13), at) +
		fmt.Sprintf("Return-Path: <%s>\n", h.from) +
		fmt.Sprintf("Received: from %s (%s[%s])\n        by mx.google.com with %s id %s\n        for <%s>;\n        %s\n",
			h.client.greeting(), name, h.client.ip, protocol, h.id, h.to, at) +
		fmt.Sprintf("Received-SPF: %s (%s) client-ip=%s;\n", recordedSPF(h), comment, h.client.ip) +
		fmt.Sprintf("Authentication-Results: mx.google.com;\n       spf=%s (%s) smtp.mailfrom=%s;\n       dmarc=%s (p=NONE sp=NONE dis=NONE) header.from=%s\n",
			recordedSPF(h), comment, h.from, recordedSPF(h), domainOf(h.from))
}

// recordedSPF is what SPF says of a client in this world.
func recordedSPF(h hop) string {
	if h.client.ip == ownSMTP.ip || h.client.ip == ownSMTP.ip6 {
		return "pass"
	}
	return "fail"
}

func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }
