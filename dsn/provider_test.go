package dsn

import (
	"html"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The reports of the big providers, in the forms they have now. testdata/providers.txt holds our own mail in those forms:
// "== NAME", lines "want KEY VALUE" with what a reader of the mail sees in it, and the message. [ORIGINAL] and [HEADERS]
// stand for a returned message whole and without its body, [STAMPED] for its fields with what Microsoft 365 stamps on them,
// [STAMPED-HTML] for the same in HTML, [SIGNED] for a message that Gmail returns.
func TestProviders(t *testing.T) {
	data, err := os.ReadFile("testdata/providers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range strings.Split(string(data), "\n== ")[1:] {
		name, rest, _ := strings.Cut(entry, "\n")
		want := make(map[string]string)
		for strings.HasPrefix(rest, "want ") {
			var line string
			line, rest, _ = strings.Cut(rest, "\n")
			key, value, _ := strings.Cut(line[len("want "):], " ")
			want[key] = value
		}
		t.Run(name, func(t *testing.T) {
			msg := fillIn(rest + "\n")
			checkProvider(t, msg, want)
			checkProvider(t, strings.ReplaceAll(msg, "\n", "\r\n"), want)
		})
	}
}

func fillIn(msg string) string {
	for _, part := range []struct{ mark, text string }{
		{"[STAMPED]\n", stampedHeader}, {"[STAMPED-HTML]\n", html.EscapeString(stampedHeader)}, {"[SIGNED]\n", signedMessage},
		{"[ORIGINAL]\n", returnedMessage}, {"[HEADERS]\n", returnedHeader},
	} {
		msg = strings.ReplaceAll(msg, part.mark, part.text)
	}
	return msg
}

func checkProvider(t *testing.T, msg string, want map[string]string) {
	t.Helper()
	b := Parse([]byte(msg))
	got := map[string]string{
		"kind": string(b.Kind), "software": b.Software, "mta": b.ReportingMTA, "sender": b.EnvelopeSender, "refers": b.RefersTo,
		"returned": string(b.Original.Returned), "id": b.Original.MessageID, "from": b.Original.From, "subject": b.Original.Subject,
		"received": strconv.Itoa(b.Original.Header.Count("Received")), "truncated": strconv.FormatBool(b.Original.Truncated),
		"received-from": b.ReceivedFromMTA, "dkim": strconv.Itoa(b.Original.Header.Count("DKIM-Signature")),
		"tenant": b.Original.Header.Get("X-MS-Exchange-CrossTenant-Id"), "lost": strconv.FormatBool(b.Lost),
	}
	var addresses, statuses, reasons []string
	for _, r := range b.Recipients {
		addresses, statuses, reasons = append(addresses, r.Address), append(statuses, or(r.Status, "-")), append(reasons, string(r.Reason))
	}
	got["recipients"], got["status"], got["reason"] = strings.Join(addresses, ","), strings.Join(statuses, ","), strings.Join(reasons, ",")
	if len(b.Recipients) > 0 {
		got["remote"], got["diagnostic"] = b.Recipients[0].RemoteMTA, b.Recipients[0].Diagnostic
	}
	for key, value := range want {
		if _, known := got[key]; !known {
			t.Errorf("%s is nothing to ask for", key)
		}
		if got[key] != value {
			t.Errorf("%s: got %q, want %q", key, got[key], value)
		}
	}
}

// stampedHeader is what Microsoft 365 quotes of a message: everything that stood on it when it gave up.
const stampedHeader = `ARC-Seal: i=1; a=rsa-sha256; s=arcselector10001; d=microsoft.com; cv=none;
 b=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEfGhIjKlMnOpQrStUvWxYz==
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=microsoft.com;
 s=arcselector10001;
 h=From:Date:Subject:Message-ID:Content-Type:MIME-Version;
 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=Zm9vYmFy
ARC-Authentication-Results: i=1; mx.microsoft.com 1; spf=pass
 smtp.mailfrom=ours.example; dmarc=pass action=none header.from=ours.example;
 dkim=pass header.d=ours.example; arc=none
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=ours.onmicrosoft.com; s=selector2-ours-onmicrosoft-com;
 h=From:Date:Subject:Message-ID:Content-Type:MIME-Version;
 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YmFyYmF6
Received: from DB9PR01CA0001.eurprd01.prod.exchangelabs.com
 (2603:10a6:10:1d8::6) by AM0PR01MB0002.eurprd01.prod.outlook.com
 (2603:10a6:208:167::19) with Microsoft SMTP Server (version=TLS1_2,
 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.9253.17; Mon, 23 Nov
 2026 21:30:22 +0000
Received: from DB5EUR01FT001.eop-EUR01.prod.protection.outlook.com
 (2603:10a6:10:1d8:cafe::5a) by DB9PR01CA0001.outlook.office365.com
 (2603:10a6:10:1d8::6) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9253.17 via Frontend Transport; Mon,
 23 Nov 2026 21:30:21 +0000
Received: from friend (203.0.113.41) by
 DB5EUR01FT001.mail.protection.outlook.com (10.152.4.37) with Microsoft SMTP
 Server id 15.20.9253.4 via Frontend Transport; Mon, 23 Nov 2026 21:30:21
 +0000
From: Alice <alice@ours.example>
To: "bad@remote.example" <bad@remote.example>
Subject: An offer
Thread-Topic: An offer
Date: Mon, 23 Nov 2026 21:30:19 +0000
Message-ID: <original@ours.example>
Accept-Language: en-GB, en-US
Content-Language: en-GB
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
Content-Type: text/plain; charset="us-ascii"
MIME-Version: 1.0
X-MS-Exchange-CrossTenant-AuthAs: Internal
X-MS-Exchange-CrossTenant-AuthSource: AM0PR01MB0002.eurprd01.prod.outlook.com
X-MS-Exchange-CrossTenant-FromEntityHeader: Hosted
X-MS-Exchange-CrossTenant-Id: 11111111-2222-3333-4444-555555555555
X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp: TenantId=11111111-2222-3333-4444-555555555555;Ip=[203.0.113.41];Helo=[friend]
X-OriginatorOrg: ours.example
`

// signedMessage is what Gmail returns of a message sent through it.
const signedMessage = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=ours.example; s=google; t=1795469423; x=1796074223; darn=remote.example;
        h=to:from:subject:date:message-id:from:to:cc:subject:date:message-id
         :reply-to;
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
        b=Zm9vYmFyYmF6
X-Google-DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=1e100.net; s=20230601; t=1795469423; x=1796074223;
        h=to:from:subject:date:message-id:x-gm-message-state:from:to:cc;
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=Zm9v
X-Gm-Message-State: AOJu0YxExample
X-Gm-Gg: ASbGncExample
X-Google-Smtp-Source: AGHT+IExample
X-Received: by 2002:a05:6402:354e:b0:5dc:94ce:42a6 with SMTP id 4fb4d7f45d1cf-5de;
        Mon, 23 Nov 2026 13:30:23 -0800 (PST)
Return-Path: <alice@ours.example>
Received: from [10.0.0.5] (friend.example. [203.0.113.41])
        by smtp.gmail.com with ESMTPSA id 4fb4d7f45d1cf-5de0a1b2c3dsm1234567a12.3.2026.11.23.13.30.22
        for <bad@remote.example>
        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);
        Mon, 23 Nov 2026 13:30:22 -0800 (PST)
From: Alice <alice@ours.example>
To: bad@remote.example
Subject: An offer
Date: Mon, 23 Nov 2026 21:30:19 +0000
Message-ID: <original@ours.example>
Content-Type: text/plain; charset="UTF-8"

Come and see.
`
