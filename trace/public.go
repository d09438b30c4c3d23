package trace

import "strings"

// publicMail are domains whose addresses anybody can have: never ours (METHOD 2). Families with many country domains
// stand with a trailing dot: "yahoo." is yahoo.com, yahoo.co.uk, yahoo.de.
var publicMail = []string{
	// Google, Microsoft, Yahoo, Apple
	"gmail.com", "googlemail.com", "google.com", "outlook.", "hotmail.", "live.", "msn.com", "passport.com",
	"microsoft.com", "yahoo.", "ymail.com", "rocketmail.com", "aol.", "aim.com", "icloud.com", "me.com", "mac.com",
	// Germany, Austria, Switzerland
	"gmx.", "web.de", "t-online.de", "freenet.de", "mail.de", "posteo.de", "mailbox.org", "arcor.de", "bluewin.ch", "aon.at",
	// the rest of Europe
	"orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "bbox.fr", "libero.it", "virgilio.it", "tiscali.it", "alice.it",
	"tin.it", "seznam.cz", "centrum.cz", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "ukr.net", "i.ua", "mail.ru", "bk.ru",
	"list.ru", "inbox.ru", "inbox.lv", "yandex.", "ya.ru", "rambler.ru", "btinternet.com", "sky.com", "virginmedia.com",
	"ntlworld.com", "talktalk.net", "terra.es", "telefonica.net", "sapo.pt", "ziggo.nl", "xs4all.nl", "telenet.be", "skynet.be",
	// the Americas, Asia, the Pacific
	"comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net", "charter.net", "cox.net", "earthlink.net",
	"juno.com", "rogers.com", "shaw.ca", "sympatico.ca", "uol.com.br", "bol.com.br", "terra.com.br", "qq.com", "163.com",
	"126.com", "yeah.net", "sina.com", "sina.cn", "sohu.com", "aliyun.com", "naver.com", "hanmail.net", "daum.net",
	"rediffmail.com", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "nifty.com", "bigpond.com", "optusnet.com.au", "xtra.co.nz",
	// sold everywhere
	"mail.com", "email.com", "proton.me", "protonmail.com", "protonmail.ch", "pm.me", "tutanota.com", "tuta.io", "fastmail.com",
	"fastmail.fm", "zoho.com", "zohomail.com", "hushmail.com", "hey.com", "mailinator.com", "lycos.com", "excite.com", "runbox.com",
	// shared sending hosts of providers: everybody's customers send from them
	"amazonses.com", "sendgrid.net", "mailgun.org", "mailchimp.com", "mcsv.net", "sparkpostmail.com", "onmicrosoft.com",
	"googleapis.com", "amazonaws.com", "messagelabs.com", "pphosted.com", "mimecast.com", "secureserver.net",
}

// publicDomain tells whether a domain, or one it lies under, is a public mail domain, and which.
func publicDomain(name string) (string, bool) {
	org := OrgDomain(name)
	for _, public := range publicMail {
		if strings.HasSuffix(public, ".") {
			if strings.HasPrefix(org, public) {
				return org, true
			}
		} else if under(name, public) {
			return public, true
		}
	}
	return "", false
}

// under tells whether name is domain or lies under it; both in lower case.
func under(name, domain string) bool {
	rest, ok := strings.CutSuffix(name, domain)
	return ok && domain != "" && (rest == "" || rest[len(rest)-1] == '.')
}
