package trace

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

// date ends the lines below.
const date = "; Mon, 23 Nov 2026 21:30:42 +0000"

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

// hopWant holds what a test expects of a line; the rest of the fields must be empty.
type hopWant struct {
	ip, byIP       string
	helo, rdns, by string
	port           int
	proto          string
	auth           bool
	user           string
	id, rcpt, env  string
	local          bool
	software       string
}

func wantOf(h Hop) hopWant {
	w := hopWant{helo: h.HELO, rdns: h.RDNS, by: h.By, port: h.Port, proto: h.Protocol, auth: h.Auth, user: h.AuthUser,
		id: h.ID, rcpt: h.For, env: h.EnvelopeFrom, local: h.Local, software: h.Software}
	if h.IP.IsValid() {
		w.ip = h.IP.String()
	}
	if h.ByIP.IsValid() {
		w.byIP = h.ByIP.String()
	}
	return w
}

func TestParseReceived(t *testing.T) {
	tests := []struct {
		name, line string
		want       hopWant
	}{
		{"postfix login", "from laptop (cust-7.dsl.isp.example [198.51.100.7]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256) (No client certificate requested) (Authenticated sender: bob@example.com) by submit.example.com (Postfix) with ESMTPSA id CFBDBDEC86 for <x@y.example>",
			hopWant{ip: "198.51.100.7", helo: "laptop", rdns: "cust-7.dsl.isp.example", by: "submit.example.com", proto: "ESMTPSA", auth: true,
				user: "bob@example.com", id: "CFBDBDEC86", rcpt: "x@y.example", software: "postfix"}},
		{"postfix ipv6", "from mx.a.example (unknown [IPv6:2001:db8::25]) by mx.b.example (Postfix) with UTF8SMTPS id 1",
			hopWant{ip: "2001:db8::25", helo: "mx.a.example", by: "mx.b.example", proto: "UTF8SMTPS", id: "1", software: "postfix"}},
		{"postfix cleaned helo", "from submit.example.com?[192.0.2.2]? (unknown [203.0.113.22]) by mx.b.example (Postfix) with ESMTP id 1",
			hopWant{ip: "203.0.113.22", helo: "submit.example.com?[192.0.2.2]?", by: "mx.b.example", proto: "ESMTP", id: "1", software: "postfix"}},
		{"postfix pickup", "by mx.b.example (Postfix, from userid 33) id 4E3DFA24862",
			hopWant{by: "mx.b.example", id: "4E3DFA24862", local: true, software: "postfix"}},
		{"postfix bounce", "by mx.b.example (Postfix) id 67C35A249D3",
			hopWant{by: "mx.b.example", id: "67C35A249D3", local: true, software: "postfix"}},
		{"sendmail", "from [192.0.2.2] (dyn-9.isp.example [203.0.113.9] (may be forged)) (authenticated bits=0) by mx.b.example (8.17.1.9/8.17.1.9/Debian-2+deb12u2) with ESMTPSA id 6ANLU for <x@y.example>",
			hopWant{ip: "203.0.113.9", helo: "[192.0.2.2]", rdns: "dyn-9.isp.example", by: "mx.b.example", proto: "ESMTPSA", auth: true,
				id: "6ANLU", rcpt: "x@y.example", software: "sendmail"}},
		{"sendmail ipv6 uncompressed", "from x ([IPv6:2001:db8:bad:0:0:0:0:71]) by mx.b.example (8.17.1.9/8.17.1.9) with ESMTP id 6",
			hopWant{ip: "2001:db8:bad::71", helo: "x", by: "mx.b.example", proto: "ESMTP", id: "6", software: "sendmail"}},
		{"sendmail ident", "from a.example (IDENT:root@a.example [203.0.113.9]) by mx.b.example (8.9.3/8.9.3) with ESMTP id 6",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "a.example", by: "mx.b.example", proto: "ESMTP", id: "6", software: "sendmail"}},
		{"sendmail notice", "from localhost (localhost) by mx.b.example (8.17.1.9/8.17.1.9) id 6ANLU",
			hopWant{helo: "localhost", by: "mx.b.example", id: "6ANLU", local: true, software: "sendmail"}},
		{"sendmail submit", "(from www@localhost) by mx.b.example (8.17.1/8.17.1/Submit) id 6ANLU for x@y.example",
			hopWant{by: "mx.b.example", id: "6ANLU", rcpt: "x@y.example", local: true, software: "sendmail"}},
		{"exim helo only", "from [203.0.113.9] (helo=submit.example.com) by mx.b.example with esmtp (Exim 4.96) (envelope-from <a@b.example>) id 1xVbcY-0000BX-1V for x@y.example",
			hopWant{ip: "203.0.113.9", helo: "submit.example.com", by: "mx.b.example", proto: "esmtp", id: "1xVbcY-0000BX-1V", rcpt: "x@y.example",
				env: "a@b.example", software: "exim"}},
		{"exim helo literal", "from [2001:db8::9] (helo=[IPv6:2001:db8:1::2]) by mx.b.example with esmtp (Exim 4.96) id 1xVbcY-0000BX-1V",
			hopWant{ip: "2001:db8::9", helo: "[IPv6:2001:db8:1::2]", by: "mx.b.example", proto: "esmtp", id: "1xVbcY-0000BX-1V", software: "exim"}},
		{"exim port before helo", "from [203.0.113.9] (port=51714 helo=[192.0.2.3]) by mx.b.example with esmtpa (envelope-from <>) id 1XsaRW-0002Yv-Dz",
			hopWant{ip: "203.0.113.9", port: 51714, helo: "[192.0.2.3]", by: "mx.b.example", proto: "esmtpa", auth: true, id: "1XsaRW-0002Yv-Dz",
				env: "<>", software: "exim"}},
		{"exim named", "from a.example ([203.0.113.9]:4711 helo=[192.0.2.2] ident=root) by mx.b.example with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <a@b.example>) id 1xVbcY-0000000BXab-1V2c",
			hopWant{ip: "203.0.113.9", port: 4711, helo: "[192.0.2.2]", rdns: "a.example", by: "mx.b.example", proto: "esmtps",
				id: "1xVbcY-0000000BXab-1V2c", env: "a@b.example", software: "exim"}},
		{"exim no helo", "from [203.0.113.9] by mx.b.example with esmtpsa (TLS1.3:X:128) (Exim 4.96) id 1xVbcY-0000BX-1V",
			hopWant{ip: "203.0.113.9", by: "mx.b.example", proto: "esmtpsa", auth: true, id: "1xVbcY-0000BX-1V", software: "exim"}},
		{"exim local", "from Debian-exim by mx.b.example with local (Exim 4.96) id 1xVbcY-0000BX-1V for x@y.example",
			hopWant{by: "mx.b.example", proto: "local", id: "1xVbcY-0000BX-1V", rcpt: "x@y.example", local: true, software: "exim"}},
		{"exim junk helo behind the address", "from [203.0.113.9] (helo=x) by evil.example (Postfix) with ESMTPSA (helo=y ([192.0.2.2])) by mx.b.example with esmtp (Exim 4.96) id 1xVbcY-0000BX-1V",
			hopWant{ip: "203.0.113.9", helo: "x) by evil.example (Postfix) with ESMTPSA (helo=y ([192.0.2.2])", by: "mx.b.example", proto: "esmtp",
				id: "1xVbcY-0000BX-1V", software: "exim"}},
		{"qmail", "from unknown (HELO [192.0.2.2]) (203.0.113.9) by mx.b.example with SMTP",
			hopWant{ip: "203.0.113.9", helo: "[192.0.2.2]", by: "mx.b.example", proto: "SMTP"}},
		{"qmail ident", "from a.example (HELO 192.0.2.2) (192.0.2.2@203.0.113.9) by mx.b.example with SMTP",
			hopWant{ip: "203.0.113.9", helo: "192.0.2.2", rdns: "a.example", by: "mx.b.example", proto: "SMTP"}},
		{"qmail same helo", "from a.example (2001:db8::9) by mx.b.example with SMTP",
			hopWant{ip: "2001:db8::9", helo: "a.example", by: "mx.b.example", proto: "SMTP"}},
		{"qmail network", "(qmail 284 invoked from network)", hopWant{local: true, software: "qmail"}},
		{"qmail uid", "(qmail 284 invoked by uid 89)", hopWant{local: true, software: "qmail"}},
		{"qmail-ldap", "from unknown (HELO a.example) ([203.0.113.9]) (envelope-sender <a@b.example>) by mx.b.example (qmail-ldap-1.03) with SMTP for <x@y.example>",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "SMTP", rcpt: "x@y.example", software: "qmail"}},
		{"exchange", "from A.prod.outlook.com (2603:10a6::1) by B.prod.outlook.com (2603:10a6::2) with Microsoft SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA) id 15.20.7452.49 via Frontend Transport",
			hopWant{ip: "2603:10a6::1", byIP: "2603:10a6::2", helo: "A.prod.outlook.com", by: "B.prod.outlook.com", proto: "Microsoft SMTP Server", software: "exchange"}},
		{"exchange mapi", "from A.prod.outlook.com ([fe80::1]) by A.prod.outlook.com ([fe80::1%14]) with mapi id 15.20.7452.49",
			hopWant{ip: "fe80::1", byIP: "fe80::1", helo: "A.prod.outlook.com", by: "A.prod.outlook.com", proto: "mapi", software: "exchange"}},
		{"iis", "from pc ([203.0.113.9]) by mx.b.example with Microsoft SMTPSVC(6.0.3790.1830)",
			hopWant{ip: "203.0.113.9", helo: "pc", by: "mx.b.example", proto: "Microsoft SMTPSVC", software: "microsoft-smtp"}},
		{"gmail", "from mail.a.example (mail.a.example. [203.0.113.9]) by mx.google.com with ESMTPS id x5si25 for <x@y.example> (version=TLS1_3 cipher=X bits=128/128)",
			hopWant{ip: "203.0.113.9", helo: "mail.a.example", rdns: "mail.a.example", by: "mx.google.com", proto: "ESMTPS", id: "x5si25", rcpt: "x@y.example", software: "google"}},
		{"gmail hand-over", "by 2002:a05:6402:1234:b0:5a2:1:9 with SMTP id m5cs49",
			hopWant{byIP: "2002:a05:6402:1234:b0:5a2:1:9", by: "2002:a05:6402:1234:b0:5a2:1:9", proto: "SMTP", id: "m5cs49", local: true}},
		{"gmail web", "by 10.67.102.1 with HTTP", hopWant{byIP: "10.67.102.1", by: "10.67.102.1", proto: "HTTP", local: true}},
		{"opensmtpd", "from a.example (<unknown> [203.0.113.9]) by mx.b.example (OpenSMTPD) with ESMTPSA id 1c41cc91 (TLSv1.3:X:256:NO) auth=yes user=bob for <x@y.example>",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "ESMTPSA", auth: true, user: "bob", id: "1c41cc91", rcpt: "x@y.example", software: "opensmtpd"}},
		{"opensmtpd local", "from mx.b.example (mx.b.example [local]); by mx.b.example (OpenSMTPD) with ESMTPA id 45b3f801; for <x@y.example>",
			hopWant{helo: "mx.b.example", rdns: "mx.b.example", by: "mx.b.example", proto: "ESMTPA", auth: true, id: "45b3f801", rcpt: "x@y.example", local: true, software: "opensmtpd"}},
		{"courier", "from a.example (dyn-9.isp.example [::ffff:203.0.113.9]) (AUTH: LOGIN bob@example.com, TLS: TLS1.3,256bits,X) by mx.b.example with ESMTPS id 0000000000A24A64.000000006B04B083.000001EB",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "dyn-9.isp.example", by: "mx.b.example", proto: "ESMTPS", auth: true, user: "bob@example.com",
				id: "0000000000A24A64.000000006B04B083.000001EB", software: "courier"}},
		{"courier raw helo", "from submit.example.com([192.0.2.2]) ([::ffff:203.0.113.71]) by mx.b.example with ESMTP id 0000000000A24A64.000000006B04B083.000001EB",
			hopWant{ip: "203.0.113.71", helo: "submit.example.com([192.0.2.2])", by: "mx.b.example", proto: "ESMTP",
				id: "0000000000A24A64.000000006B04B083.000001EB", software: "courier"}},
		{"courier raw helo with login", "from x ([192.0.2.2]) (AUTH: LOGIN alice@example.com) ([::ffff:203.0.113.71]) by mx.b.example with ESMTP id 0000000000A24A64.000000006B04B083.000001EB",
			hopWant{ip: "203.0.113.71", helo: "x ([192.0.2.2]) (AUTH: LOGIN alice@example.com)", by: "mx.b.example", proto: "ESMTP",
				id: "0000000000A24A64.000000006B04B083.000001EB", software: "courier"}},
		{"haraka", "from a.example (dyn-9.isp.example [203.0.113.9]) by mx.b.example (Haraka/3.3.4) with ESMTP id 22367521-CE46-4F3A-843F-8A1CFE0F184F.1 envelope-from <a@b.example>",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "dyn-9.isp.example", by: "mx.b.example", proto: "ESMTP", id: "22367521-CE46-4F3A-843F-8A1CFE0F184F.1",
				env: "a@b.example", software: "haraka"}},
		{"haraka with a login and a remark", "from a.example (x [203.0.113.9]) by mx.b.example (Haraka/3.3.4) with ESMTPSA id 2.1 envelope-from <\"a b\"@b.example> (authenticated bits=0)",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "x", by: "mx.b.example", proto: "ESMTPSA", auth: true, id: "2.1", env: `"a b"@b.example`, software: "haraka"}},
		{"haraka null path", "from a.example (x [203.0.113.9]) by mx.b.example (Haraka/3.3.4) with ESMTP id 2.1 envelope-from <>",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "x", by: "mx.b.example", proto: "ESMTP", id: "2.1", env: "<>", software: "haraka"}},
		{"haraka outbound", "(Haraka outbound)", hopWant{local: true, software: "haraka"}},
		{"haraka raw helo with by", "from x ([192.0.2.2]) by submit.example.com (Postfix) with ESMTPSA id 1 (Authenticated sender: alice@example.com) ([203.0.113.9]) by mx.b.example (Haraka/3.3.4) with ESMTP id 2.1",
			hopWant{ip: "203.0.113.9", helo: "x ([192.0.2.2]) by submit.example.com (Postfix) with ESMTPSA id 1 (Authenticated sender: alice@example.com)",
				by: "mx.b.example", proto: "ESMTP", id: "2.1", software: "haraka"}},
		{"maddy", "from a.example (unknown.example [203.0.113.9]) by mx.b.example (envelope-sender <a@b.example>) with ESMTP id c8f5e87e",
			hopWant{ip: "203.0.113.9", helo: "a.example", rdns: "unknown.example", by: "mx.b.example", proto: "ESMTP", id: "c8f5e87e", env: "a@b.example", software: "maddy"}},
		{"chasquid", `from a.example ([203.0.113.9]) by mx.b.example (chasquid) with ESMTPS tls TLS_AES_128_GCM_SHA256 (over SMTP, TLS-1.3, envelope from "\"x) by y (z\"@b.example") `,
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "ESMTPS", env: `"x) by y (z"@b.example`, software: "chasquid"}},
		{"dovecot lmtp", "from mx.b.example by mx.b.example with LMTP id cCHUDXywBGsUAQAAGeMovQ (envelope-from <>) for <x@y.example>",
			hopWant{helo: "mx.b.example", by: "mx.b.example", proto: "LMTP", id: "cCHUDXywBGsUAQAAGeMovQ", rcpt: "x@y.example", env: "<>"}},
		{"dma", "from www-data (uid 33) (envelope-from a@b.example) id a2530c by www.b.example (DragonFly Mail Agent v0.13)",
			hopWant{helo: "www-data", by: "www.b.example", id: "a2530c", local: true, software: "dma"}},
		{"yahoo", "from 127.0.0.1 (EHLO mail.a.example) (203.0.113.9) by mta1023.mail.ir2.yahoo.com with SMTPS",
			hopWant{ip: "203.0.113.9", helo: "mail.a.example", rdns: "127.0.0.1", by: "mta1023.mail.ir2.yahoo.com", proto: "SMTPS", software: "yahoo"}},
		{"yahoo login", "from unknown (HELO ?192.0.2.3?) (bob@203.0.113.9 with plain) by smtp521.mail.yahoo.com with SMTP",
			hopWant{ip: "203.0.113.9", helo: "?192.0.2.3?", by: "smtp521.mail.yahoo.com", proto: "SMTP", auth: true, user: "bob", software: "yahoo"}},
		{"yahoo web", "from [203.0.113.9] by web4545.mail.yahoo.com via HTTP",
			hopWant{ip: "203.0.113.9", helo: "[203.0.113.9]", by: "web4545.mail.yahoo.com", proto: "HTTP", software: "yahoo"}},
		{"zimbra lmtp", "from mail.b.example (LHLO mail.b.example) (203.0.113.9) by mail.b.example with LMTP",
			hopWant{ip: "203.0.113.9", helo: "mail.b.example", rdns: "mail.b.example", by: "mail.b.example", proto: "LMTP"}},
		{"mdaemon", "from a.example [203.0.113.9] by b.example [198.51.100.9] with ESMTP (MDaemon.PRO.v5.0.4.R) for <x@y.example>",
			hopWant{ip: "203.0.113.9", byIP: "198.51.100.9", helo: "a.example", by: "b.example", proto: "ESMTP", rcpt: "x@y.example", software: "mdaemon"}},
		{"domino", "from a.example ([203.0.113.9]) by b.example (Lotus Domino Release 7.0.2FP3) with ESMTP id 2010010416140632-3391676 ",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "b.example", proto: "ESMTP", id: "2010010416140632-3391676", software: "domino"}},
		{"fetchmail", "from pop.a.example [203.0.113.9] by home.b.example with POP3 (fetchmail-6.4.37) for <x@localhost> (single-drop)",
			hopWant{ip: "203.0.113.9", helo: "pop.a.example", by: "home.b.example", proto: "POP3", rcpt: "x@localhost", software: "fetchmail"}},
		{"james", "from pc (EHLO pc) ([203.0.113.9]) by b.example (JAMES SMTP Server ) with ESMTPA ID 12345",
			hopWant{ip: "203.0.113.9", helo: "pc", rdns: "pc", by: "b.example", proto: "ESMTPA", auth: true, id: "12345", software: "james"}},
		{"communigate account", "from [203.0.113.9] (account bob@b.example HELO pc) by b.example (CommuniGate Pro SMTP 6.1.14) with ESMTPSA id 71661817",
			hopWant{ip: "203.0.113.9", helo: "pc", by: "b.example", proto: "ESMTPSA", auth: true, user: "bob@b.example", id: "71661817", software: "communigate"}},
		{"squirrelmail", "from 203.0.113.9 (SquirrelMail authenticated user bob) by www.b.example with HTTP",
			hopWant{ip: "203.0.113.9", helo: "203.0.113.9", by: "www.b.example", proto: "HTTP", auth: true, user: "bob"}},
		{"mxlogic", "from unknown [203.0.113.9] (EHLO [192.0.2.2]) by p02c11.mxlogic.net(mxl_mta-6.5.0-4) with ESMTP id f.0",
			hopWant{ip: "203.0.113.9", helo: "unknown", by: "p02c11.mxlogic.net", proto: "ESMTP", id: "f.0", software: "mxlogic"}},
		{"address literal is all there is", "from [192.0.2.2] by mx.b.example with ESMTP id 1",
			hopWant{helo: "[192.0.2.2]", by: "mx.b.example", proto: "ESMTP", id: "1"}},
		{"unknown server, helo names an exim line", "from [192.0.2.2] (helo=x) (dyn-9.isp.example [203.0.113.9]) by mx.b.example with SMTP id 1",
			hopWant{by: "mx.b.example", proto: "SMTP", id: "1"}},
		{"surfcontrol", "from a.example [203.0.113.9] by mx.b.example - SurfControl E-mail Filter (6.0.1)",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", software: "surfcontrol"}},
		{"postmaster", "from a.example [203.0.113.9] by mx.b.example [198.51.100.9] with SMTP (postmaster.v3.5.6) for <x@y.example>",
			hopWant{ip: "203.0.113.9", byIP: "198.51.100.9", helo: "a.example", by: "mx.b.example", proto: "SMTP", rcpt: "x@y.example", software: "postmaster"}},
		{"usa.net", "from a.example [203.0.113.9] by mx.b.example via smtad (C8.MAIN.3.94H) with ESMTPSA id XID1",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "ESMTPSA", auth: true, id: "XID1", software: "usanet"}},
		{"gauntlet", "from nodnsquery(203.0.113.9) by mx.b.example via csmap (V4.1) id srcAAA",
			hopWant{ip: "203.0.113.9", helo: "nodnsquery", by: "mx.b.example", proto: "csmap", id: "srcAAA", software: "smap"}},
		{"email firewall", "from [203.0.113.9] by mx.b.example with ESMTP (B SMTP Relay (Email Firewall v6.3.2))",
			hopWant{ip: "203.0.113.9", helo: "[203.0.113.9]", by: "mx.b.example", proto: "ESMTP", software: "email-firewall"}},
		{"interscan", "from 203.0.113.9 by mx.b.example (InterScan E-Mail VirusWall NT)",
			hopWant{ip: "203.0.113.9", helo: "203.0.113.9", by: "mx.b.example", software: "interscan"}},
		{"interscan with a name", "from mail by mx.b.example (InterScan E-Mail VirusWall NT)",
			hopWant{helo: "mail", by: "mx.b.example", software: "interscan"}},
		{"mail2000", "from 203.0.113.9 by mx.b.example with Mail2000 ESMTP Server V7.00(2479:1:AUTH_RELAY) (envelope-from <a@b.example>)",
			hopWant{ip: "203.0.113.9", helo: "203.0.113.9", by: "mx.b.example", proto: "Mail2000 ESMTP Server V7.00", env: "a@b.example", software: "mail2000"}},
		{"email filtering service", "from a.example ([203.0.113.9]) by mx.b.example with emfmta (version 4.1) by TLS id 155 for x@y.example",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "emfmta", id: "155", rcpt: "x@y.example", software: "emfmta"}},
		{"exim, handed in for a client", "from [203.0.113.9] (ident=root) by mx.b.example with local (Exim 4.96) id 1xVbcY-0000BX-1V",
			hopWant{ip: "203.0.113.9", by: "mx.b.example", proto: "local", id: "1xVbcY-0000BX-1V", local: true, software: "exim"}},
		{"upper case", "FROM a.example ([203.0.113.9]) BY mx.b.example WITH SMTP ID 1",
			hopWant{ip: "203.0.113.9", helo: "a.example", by: "mx.b.example", proto: "SMTP", id: "1"}},
		{"helo opens a comment", "from a( ([203.0.113.9]) by mx.b.example with SMTP id 1",
			hopWant{ip: "203.0.113.9", helo: "a(", by: "mx.b.example", proto: "SMTP", id: "1"}},
		{"helo opens a string", `from a" ([203.0.113.9]) by mx.b.example with SMTP id 1 for <"q r"@y.example>`,
			hopWant{ip: "203.0.113.9", helo: `a"`, by: "mx.b.example", proto: "SMTP", id: "1", rcpt: `"q r"@y.example`}},
		{"recipient says by", `from a ([203.0.113.9]) by mx.b.example with SMTP id 1 for <"a by evil with ESMTPSA"@y.example>`,
			hopWant{ip: "203.0.113.9", helo: "a", by: "mx.b.example", proto: "SMTP", id: "1", rcpt: `"a by evil with ESMTPSA"@y.example`}},
		{"no address", "from somewhere by mx.b.example", hopWant{helo: "somewhere", by: "mx.b.example"}},
		{"empty", "", hopWant{local: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := ParseReceived(tt.line + date)
			if got := wantOf(h); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if want := time.Date(2026, 11, 23, 21, 30, 42, 0, time.UTC); !h.Time.Equal(want) {
				t.Errorf("time %v", h.Time)
			}
			if folded := ParseReceived(strings.ReplaceAll(tt.line+date, " by ", "\r\n\tby ")); folded.IP != h.IP || folded.By != h.By {
				t.Errorf("folded: %v by %q", folded.IP, folded.By)
			}
		})
	}
}

func TestReceivedDates(t *testing.T) {
	when := time.Date(2010, 12, 11, 3, 19, 17, 0, time.UTC)
	tests := []struct {
		name, line string
		id, env    string
		zero       bool
	}{
		{"courier before 0.60", "from a ([203.0.113.9]) by b with SMTP; Sat, 11 Dec 2010 12:19:17 +0900 id 0EFECD4E.4D02EDD9.0000C5BA", "0EFECD4E.4D02EDD9.0000C5BA", "", false},
		{"envelope behind the date", "from a ([203.0.113.9]) by b (8.13.6/8.13.6) id k6; Sat, 11 Dec 2010 03:19:17 GMT (envelope-from x@y.example)", "k6", "x@y.example", false},
		{"no zone", "from a ([203.0.113.9]) by b with SMTP id 1; Sat, 11 Dec 2010 03:19:17", "1", "", false},
		{"none", "from a ([203.0.113.9]) by b with SMTP id 1", "1", "", true},
		{"broken", "from a ([203.0.113.9]) by b with SMTP id 1; yesterday", "1", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := ParseReceived(tt.line)
			if h.IP != addr("203.0.113.9") || h.By != "b" || h.ID != tt.id || h.EnvelopeFrom != tt.env {
				t.Errorf("%v by %q id %q from %q", h.IP, h.By, h.ID, h.EnvelopeFrom)
			}
			if h.Time.IsZero() != tt.zero || !tt.zero && !h.Time.Equal(when) {
				t.Errorf("time %v", h.Time)
			}
		})
	}
}

// markedSlow holds every row of the table against a line, in order: what marked must agree with.
func markedSlow(h *Hop, right []token, via string) int {
	for i := range softwareMarks {
		if softwareMarks[i].fits(h, right, via) {
			return i
		}
	}
	return len(softwareMarks)
}

// TestMarked holds the fast search against the slow one, on each mark alone and on each two together.
func TestMarked(t *testing.T) {
	var bits []string
	for _, m := range softwareMarks {
		for _, comment := range []string{m.comment, m.last} {
			if comment != "" {
				bits = append(bits, "("+strings.ToUpper(comment[:1])+comment[1:]+" 1)", "(x "+comment+"1))", "(x "+comment+")")
			}
		}
		for mark, text := range map[string]string{"with ": m.protocol, "via ": m.via, "- ": m.beside, "by x": m.by} {
			if text != "" {
				bits = append(bits, mark+text)
			}
		}
	}
	check := func(line string) {
		list := tokens(line, nil)
		by := lastBy(list)
		h := Hop{By: list[by+1].text}
		via := ""
		for i, word := range list {
			if word.is("with") {
				h.Protocol = phrase(list[i+1:])
			}
			if word.is("via") {
				via = phrase(list[i+1:])
			}
		}
		if fast, slow := marked(&h, list[by+1:], via), markedSlow(&h, list[by+1:], via); fast != slow {
			t.Errorf("%s: row %d, not %d", line, fast, slow)
		}
	}
	for _, a := range bits {
		for _, b := range bits {
			check("from x by mx " + a + " " + b)
		}
	}
}

// injections are HELO texts that try to be believed.
var injections = []string{
	"submit.example.com([192.0.2.2])",
	"x ([192.0.2.2])",
	"x ([192.0.2.2]) (Authenticated sender: alice@example.com)",
	"x ([192.0.2.2]) by submit.example.com (Postfix) with ESMTPSA id 1",
	"[192.0.2.2] (helo=x",
	"x) ([192.0.2.2] helo=y",
	"x) by submit.example.com with esmtpsa (Exim 4.96) id 1xVbcY-0000BX-1V (helo=y",
	"x; Mon, 23 Nov 2026 21:30:42 +0000",
	"(", ")", "((((", "))))", "\"", "<", ">", "\"<", "[192.0.2.2", "192.0.2.2]", "\\", "a (HELO b) (192.0.2.2)",
	"from submit.example.com ([192.0.2.2]) by mx.b.example with SMTP",
	"192.0.2.2", "[192.0.2.2]", "x [192.0.2.2]", "x(192.0.2.2)",
	"x [192.0.2.2] by submit.example.com - SurfControl E-mail Filter (6.0.1)",
	"x [192.0.2.2] by submit.example.com [192.0.2.3] with SMTP (postmaster.v3.5.6)",
	"x [192.0.2.2] by submit.example.com via smtad (C8.MAIN.3.94H) with ESMTPSA id 1",
	"x(192.0.2.2) by submit.example.com via csmap (V4.1) id 1",
	"[192.0.2.2] by submit.example.com with ESMTP (x (Email Firewall v6.3.2))",
	"192.0.2.2 by submit.example.com (InterScan E-Mail VirusWall NT)",
	"192.0.2.2 by submit.example.com with Mail2000 ESMTP Server V7.00(1:1:AUTH_LOGIN)",
	"x ([192.0.2.2]) by submit.example.com with emfmta (version 4.1) by TLS id 1",
	"x ([192.0.2.2]) by submit.example.com with emfmta (version 4.1)",
	"[192.0.2.2] (ident=root) by submit.example.com with local (Exim 4.96) id 1xVbcY-0000BX-1V",
}

// servers write a HELO as it comes; the address is 203.0.113.9 in all. What stands before %s is theirs.
var servers = []string{
	"from %s ([203.0.113.9]) by mx.b.example with ESMTP id 0000000000A24A64.000000006B04B083.000001EB",
	"from %s (dyn-9.isp.example [203.0.113.9]) by mx.b.example (Haraka/3.3.4) with ESMTP id 2.1 envelope-from <a@b.example>",
	"from %s (dyn-9.isp.example [203.0.113.9]) by mx.b.example (envelope-sender <a@b.example>) with ESMTP id 1",
	"from %s (dyn-9.isp.example [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <x@y.example>",
	"from %s (203.0.113.9) by mx.b.example (10.0.0.1) with Microsoft SMTP Server id 15.20",
	"from [203.0.113.9] (helo=%s) by mx.b.example with esmtp (Exim 4.96) (envelope-from <a@b.example>) id 1xVbcY-0000BX-1V",
	"from dyn-9.isp.example ([203.0.113.9]:99 helo=%s) by mx.b.example with esmtp (Exim 4.96) id 1xVbcY-0000BX-1V",
	"from %s [203.0.113.9] by mx.b.example - SurfControl E-mail Filter (6.0.1)",
	"from %s [203.0.113.9] by mx.b.example [198.51.100.9] with SMTP (postmaster.v3.5.6) for <x@y.example>",
	"from %s [203.0.113.9] by mx.b.example via smtad (C8.MAIN.3.94H) with ESMTPS id XID1",
	"from %s ([203.0.113.9]) by mx.b.example with emfmta (version 4.1) by TLS id 155 for x@y.example",
}

// blindServers print the HELO and no address. What they print right of "by" may hold the envelope, which is a client's
// text, too: it must not make them software that is believed.
var blindServers = []string{
	"from %s by mx.b.example with SMTP id 1",
	"from %s by mx.b.example with ESMTP id 1 for <\"- SurfControl E-mail Filter\"@y.example>",
	"from %s by mx.b.example with ESMTP id 1 (envelope-from <\"x (Email Firewall v6.1)\"@evil.example>)",
	"from %s by mx.b.example with ESMTP id 1 (envelope-from x (Email Firewall v6.1)@evil.example)",
	"from %s by mx.b.example with ESMTP (envelope-sender <(InterScan E-Mail VirusWall NT)@evil.example>) id 1",
	"from %s by mx.b.example with ESMTP id 1 for <\"x via csmap\"@y.example>",
	"from %s by mx.b.example with LMTP id 1 (envelope-from <\"postmaster.v3\"@evil.example>)",
}

func TestBlindServer(t *testing.T) {
	for _, server := range blindServers {
		for _, helo := range []string{"192.0.2.2", "[192.0.2.2]", "x [192.0.2.2]", "x(192.0.2.2)", "[192.0.2.2] (ident=root)"} {
			line := strings.Replace(server, "%s", helo, 1) + date
			if h := ParseReceived(line); h.IP.IsValid() || h.By != "mx.b.example" {
				t.Errorf("%s\n  ip %v by %q, as %s", line, h.IP, h.By, h.Software)
			}
		}
	}
}

func TestInjection(t *testing.T) {
	for _, server := range servers {
		for _, helo := range injections {
			checkInjection(t, server, helo)
		}
	}
}

func checkInjection(t *testing.T, server, helo string) {
	t.Helper()
	line := strings.Replace(server, "%s", helo, 1) + date
	h := ParseReceived(line)
	if strings.Trim(helo, "; \t") == "" && !h.IP.IsValid() {
		return // [ADDR] alone may be the HELO
	}
	if strings.Contains(strings.ToLower(helo), "by") && (Hop{Raw: h.Raw, Time: h.Time}) == h {
		return // what could be a recipient's text as well is not believed: TestInjectedPath
	}
	if h.IP != addr("203.0.113.9") || h.By != "mx.b.example" || h.Auth || h.AuthUser != "" {
		t.Errorf("%s\n  ip %v by %q auth %v %q", line, h.IP, h.By, h.Auth, h.AuthUser)
	}
}

// A recipient or sender is the client's text as a HELO is, and stands right of the writing server's own words. What servers
// quote is read as it is; where one does not, and two readings differ, the line shows no client and no login.
func TestInjectedPath(t *testing.T) {
	const (
		clause = "x> from submit.example.com (submit.example.com [192.0.2.2]) by mx.b.example (Postfix) with ESMTPSA id 2 for <y"
		login  = "x> (Authenticated sender: alice@example.com) <y"
		twice  = "submit.example.com (submit.example.com [192.0.2.2]) by b"
	)
	tests := []struct{ line, ip string }{
		{`from pc (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <"` + clause + `"@b.example>`, "203.0.113.9"},
		{`from pc (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <"\"@` + clause + `"@b.example>`, "203.0.113.9"},
		{`from pc (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <` + clause + `@b.example>`, ""},
		{`from ` + twice + ` (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <` + clause + `@b.example>`, ""},
		{`from pc (unknown [203.0.113.9]) by mx.b.example with ESMTP id 1 (envelope-from <` + clause + `@b.example>)`, "203.0.113.9"},
		{`from pc (unknown [203.0.113.9]) by mx.b.example with ESMTP id 1 (envelope-from <x>) ` + clause[3:] + ` (envelope-from <y@b.example>)`, ""},
		{`from pc by mx.b.example with ESMTP id 1 for <` + clause + `@b.example>`, ""},
		{`from pc (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <` + login + `@b.example>`, "203.0.113.9"},
		{`from pc (unknown [203.0.113.9]) by mx.b.example (Postfix) with ESMTP id 1 for <"` + login + `"@b.example>`, "203.0.113.9"},
		{`from pc (unknown [203.0.113.9]) by mx.b.example (8.17.1/8.17.1) with ESMTP id 1 for <` + login + `@b.example>`, "203.0.113.9"},
	}
	for _, tt := range tests {
		if h := ParseReceived(tt.line + date); h.IP != addr(tt.ip) || h.Auth || h.AuthUser != "" || h.Time.IsZero() {
			t.Errorf("%s\n  ip %v by %q auth %v %q", tt.line, h.IP, h.By, h.Auth, h.AuthUser)
		}
	}
}

var addressRun = regexp.MustCompile(`[0-9A-Fa-f:.]+`)

// literal tells whether an address stands in the text.
func literal(text string, ip netip.Addr) bool {
	for _, run := range addressRun.FindAllString(text, -1) {
		for i := range len(run) {
			for j := len(run); j > i; j-- {
				if got, err := netip.ParseAddr(run[i:j]); err == nil && got.Unmap() == ip {
					return true
				}
			}
		}
	}
	return false
}

// FuzzParseReceived: no panic; an address is believed only if it stands in the line; a HELO moves nothing.
func FuzzParseReceived(f *testing.F) {
	for _, helo := range injections {
		f.Add("from a ([203.0.113.9]) by b (Postfix) with ESMTP id 1; Mon, 23 Nov 2026 21:30:42 +0000", helo)
	}
	for _, server := range servers {
		f.Add(server+date, "x")
	}
	f.Fuzz(func(t *testing.T, line, helo string) {
		if len(line) > 1000 || len(helo) > 500 {
			return
		}
		h := ParseReceived(line)
		if h.IP.IsValid() && !literal(h.Raw, h.IP) {
			t.Errorf("%q: %v is not in it", line, h.IP)
		}
		if strings.ContainsAny(helo, "\r\n\x00") {
			return
		}
		for _, server := range servers {
			checkInjection(t, server, helo)
		}
	})
}

func TestLineTooLong(t *testing.T) {
	h := ParseReceived("from " + strings.Repeat("x", maxLine) + " ([203.0.113.9]) by b with SMTP id 1" + date)
	if h.IP.IsValid() || len(h.Raw) != maxLine {
		t.Errorf("ip %v, raw %d bytes", h.IP, len(h.Raw))
	}
}

func BenchmarkParseReceived(b *testing.B) {
	lines := map[string]string{
		"postfix": "from laptop (cust-7.dsl.isp.example [198.51.100.7]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519) (No client certificate requested) (Authenticated sender: bob@example.com) by submit.example.com (Postfix) with ESMTPSA id CFBDBDEC86 for <x@y.example>" + date,
		"exim":    "from [203.0.113.9] (helo=submit.example.com) by mx.b.example with esmtp (Exim 4.96) (envelope-from <a@b.example>) id 1xVbcY-0000BX-1V for x@y.example" + date,
		"hostile": "from " + strings.Repeat("(\"<", 2000) + " by b" + date,
	}
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseReceived(line)
			}
		})
	}
}
