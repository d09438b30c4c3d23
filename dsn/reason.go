package dsn

import (
	"strconv"
	"strings"
)

// The reason of a failure: the enhanced status code first (RFC 3463, RFC 7505, RFC 7372 and the IANA registry "SMTP
// Enhanced Status Codes"), then the text, for many servers give 5.0.0 or 5.7.1 for everything.

// statusReason is a row of the status table. A weak row holds only if the text says nothing.
type statusReason struct {
	code   string // a whole code, or the end of one: ".1.1" stands for 4.1.1 and 5.1.1
	upTo   int    // the last detail of a range that begins with code; 0: code alone
	reason Reason
	weak   bool
	source string
}

// What codes are cited from: RFC 3463 and the IANA registry it made; learn.microsoft.com, "Email non-delivery reports and
// SMTP errors in Exchange Online".
const (
	iana     = "IANA, SMTP Enhanced Status Codes: "
	exchange = "Exchange Online: "
)

var statusReasons = []statusReason{
	{"5.1.8", 0, ReasonOwnProviderBlock, true, exchange + "bad outbound sender; RFC 3463 section 3.2: bad sender's system address"},
	{"5.1.90", 0, ReasonOwnProviderBlock, false, exchange + "recipient rate limit reached"},
	{"5.7.501", 503, ReasonOwnProviderBlock, false, exchange + "spam abuse detected, banned sender"},
	{"5.7.508", 0, ReasonBlockedOrigin, false, exchange + "rate limit of the address exceeded"},
	{"5.7.700", 749, ReasonOwnProviderBlock, false, exchange + "tenant or sender over its threshold, unregistered or suspicious"},
	{"5.7.750", 0, ReasonOwnProviderBlock, false, exchange + "sending from unregistered domains"},
	{"5.7.504", 505, ReasonPolicy, true, exchange + "recipient address rejected, banned recipient"},
	{"5.7.506", 0, ReasonPolicy, false, exchange + "bad HELO"},
	{"5.7.507", 0, ReasonBlockedOrigin, false, exchange + "rejected by recipient"},
	{"5.7.511", 0, ReasonBlockedOrigin, false, exchange + "banned sender address"},
	{"5.7.512", 0, ReasonPolicy, false, exchange + "message must be RFC 5322 compliant"},
	{"5.7.513", 0, ReasonPolicy, false, exchange + "service unavailable, client host blocked by tenant"},
	{"5.7.606", 649, ReasonBlockedOrigin, false, exchange + "banned sending IP"},
	{"5.7.515", 0, ReasonAuthFailed, false, "Outlook.com: sender does not meet the authentication level"},
	{"5.7.509", 0, ReasonAuthFailed, false, exchange + "does not pass DMARC with a policy of reject"},
	{"5.7.57", 0, ReasonRelayDenied, false, exchange + "client not authenticated to send anonymous mail"},
	{"5.7.60", 0, ReasonRelayDenied, false, exchange + "client has no permission to send as this sender"},
	{"5.7.64", 0, ReasonRelayDenied, false, exchange + "TenantAttribution, relay access denied"},
	{"5.7.68", 0, ReasonRelayDenied, false, exchange + "TenantInboundAttribution, direct send refused"},
	{"5.7.12", 0, ReasonPolicy, true, exchange + "sender not authenticated by organisation"},
	{"5.7.124", 0, ReasonPolicy, false, exchange + "sender not in the group's allowed senders"},
	{"5.7.129", 0, ReasonPolicy, false, exchange + "restricted recipient"},
	{"5.7.133", 136, ReasonPolicy, false, exchange + "sender not authenticated for group, mailbox or public folder"},
	{"5.7.193", 0, ReasonPolicy, false, exchange + "guest members may not send to the group"},
	{"5.4.300", 0, ReasonExpired, true, exchange + "message expired"},
	{"5.4.310", 0, ReasonDomainUnknown, false, exchange + "DNS domain does not exist"},
	{"5.4.312", 0, ReasonDomainUnknown, false, exchange + "DNS query failed"},
	{"4.4.312", 0, ReasonDomainUnknown, false, exchange + "DNS query failed"},
	{".4.316", 318, ReasonNetwork, false, exchange + "connection refused, TLS failure, connection dropped"},
	{"5.2.121", 122, ReasonRate, false, exchange + "recipient's limit of messages an hour"},
	{"5.0.350", 0, ReasonPolicy, true, exchange + "generic error of the receiving server"},

	{".1.0", 0, ReasonUserUnknown, true, "RFC 3463 section 3.2: other address status"},
	{".1.1", 0, ReasonUserUnknown, false, "RFC 3463 section 3.2: bad destination mailbox"},
	{".1.2", 0, ReasonDomainUnknown, false, "RFC 3463 section 3.2: bad destination system"},
	{".1.3", 0, ReasonUserUnknown, true, "RFC 3463 section 3.2: bad mailbox syntax"},
	{".1.4", 0, ReasonUserUnknown, true, "RFC 3463 section 3.2: mailbox ambiguous"},
	{".1.6", 0, ReasonUserUnknown, false, "RFC 3463 section 3.2: mailbox has moved"},
	{".1.7", 0, ReasonPolicy, true, "RFC 3463 section 3.2: bad sender's mailbox syntax"},
	{"4.1.8", 0, ReasonPolicy, true, "RFC 3463 section 3.2: bad sender's system address"},
	{".1.9", 0, ReasonPolicy, true, iana + "message relayed to a non-compliant mailer"},
	{"5.1.10", 0, ReasonUserUnknown, true, exchange + "recipient not found; RFC 7505: recipient address has a null MX"},
	{".2.0", 0, ReasonUserUnknown, true, "RFC 3463 section 3.3: other mailbox status"},
	{".2.1", 0, ReasonUserUnknown, true, "RFC 3463 section 3.3: mailbox disabled"},
	{".2.2", 0, ReasonMailboxFull, false, "RFC 3463 section 3.3: mailbox full"},
	{".2.3", 0, ReasonTooBig, false, "RFC 3463 section 3.3: message length exceeds the limit"},
	{".2.4", 0, ReasonUserUnknown, true, "RFC 3463 section 3.3: mailing list expansion problem"},
	{".3.1", 0, ReasonMailboxFull, true, "RFC 3463 section 3.4: mail system full"},
	{".3.2", 0, ReasonNetwork, true, "RFC 3463 section 3.4: system does not accept messages"},
	{".3.3", 0, ReasonPolicy, true, "RFC 3463 section 3.4: system lacks selected features"},
	{".3.4", 0, ReasonTooBig, false, "RFC 3463 section 3.4: message too big for system"},
	{".3.5", 0, ReasonLoop, true, "RFC 3463 section 3.4: system incorrectly configured; Sendmail: mail loops back to me"},
	{".4.0", 0, ReasonNetwork, true, "RFC 3463 section 3.5: other network status"},
	{".4.1", 0, ReasonNetwork, true, "RFC 3463 section 3.5: no answer from host"},
	{".4.2", 0, ReasonNetwork, true, "RFC 3463 section 3.5: bad connection"},
	{".4.3", 0, ReasonNetwork, true, "RFC 3463 section 3.5: directory server failure"},
	{".4.4", 0, ReasonDomainUnknown, true, "RFC 3463 section 3.5: unable to route"},
	{".4.5", 0, ReasonRate, true, "RFC 3463 section 3.5: mail system congestion"},
	{".4.6", 0, ReasonLoop, false, "RFC 3463 section 3.5: routing loop"},
	{".4.7", 0, ReasonExpired, true, "RFC 3463 section 3.5: delivery time expired"},
	{".4.14", 0, ReasonLoop, false, exchange + "hop count exceeded"},
	{".5.3", 0, ReasonRate, true, "RFC 3463 section 3.6: too many recipients"},
	{".6.0", 10, ReasonPolicy, true, "RFC 3463 section 3.7, RFC 6531: message content or media"},
	{".7.0", 0, ReasonPolicy, true, "RFC 3463 section 3.8: other security status"},
	{".7.1", 0, ReasonPolicy, true, "RFC 3463 section 3.8: delivery not authorised"},
	{".7.2", 0, ReasonPolicy, true, "RFC 3463 section 3.8: list expansion prohibited"},
	{".7.3", 7, ReasonPolicy, true, "RFC 3463 section 3.8: security features, cryptography, integrity"},
	{".7.8", 0, ReasonRelayDenied, true, "RFC 4954: authentication credentials invalid"},
	{".7.9", 0, ReasonAuthFailed, false, "Yahoo: not accepted for policy reasons (DMARC); RFC 4954: mechanism too weak"},
	{".7.10", 0, ReasonPolicy, true, iana + "encryption needed (RFC 5248)"},
	{".7.11", 0, ReasonRelayDenied, true, "RFC 4954: encryption required for the mechanism"},
	{".7.13", 0, ReasonUserUnknown, true, iana + "user account disabled (RFC 5248)"},
	{".7.14", 0, ReasonPolicy, true, iana + "trust relationship required (RFC 5248)"},
	{".7.15", 16, ReasonPolicy, true, "RFC 6710: priority too low, message too big for its priority"},
	{".7.17", 19, ReasonUserUnknown, true, "RFC 7293: mailbox or domain has another owner"},
	{".7.20", 0, ReasonAuthFailed, false, "RFC 7372: no passing DKIM signature"},
	{".7.21", 0, ReasonAuthFailed, false, "RFC 7372: no acceptable DKIM signature"},
	{".7.22", 0, ReasonAuthFailed, false, "RFC 7372: no valid author-matched DKIM signature"},
	{".7.23", 0, ReasonAuthFailed, false, "RFC 7372: SPF validation failed"},
	{".7.24", 0, ReasonAuthFailed, false, "RFC 7372: SPF validation error"},
	{".7.25", 0, ReasonBlockedOrigin, false, "RFC 7372: reverse DNS validation failed"},
	{".7.26", 0, ReasonAuthFailed, false, "RFC 7372: multiple authentication checks failed"},
	{".7.27", 0, ReasonAuthFailed, true, "RFC 7505: sender address has a null MX; Gmail: SPF did not pass"},
	{".7.28", 0, ReasonRate, true, iana + "mail flood detected"},
	{".7.29", 0, ReasonAuthFailed, false, "RFC 8617: ARC validation failure"},
	{".7.30", 0, ReasonAuthFailed, true, "Gmail: DKIM did not pass; RFC 8689: REQUIRETLS support required"},
}

// textReason is a row of the text table; words are in lower case.
type textReason struct {
	reason Reason
	words  []string
	source string
}

// textReasons are looked for in this order: what is specific stands before what is said along with it.
var textReasons = []textReason{
	{ReasonOwnProviderBlock, []string{"bad outbound sender", "exceeded threshold", "outgoing mail from", "outbound spam", "sending limit", "daily user sending", "daily smtp relay limit", "account has been suspended from sending", "tenant has exceeded", "your account has been temporarily", "outbound sender", "has exceeded the max defers and failures", "sender has been blocked", "message could not be delivered. you weren't recognized as a valid sender"},
		"Exchange Online 5.1.8 and 5.7.705; cPanel's Exim; Gmail 5.4.5 and 5.7.0 (daily limits)"},
	{ReasonVirus, []string{"virus", "malware", "infected", "eicar", "trojan", "вирус", "ウイルス", "病毒"}, "ClamAV, amavisd-new, MIMEDefang replies"},
	{ReasonAuthFailed, []string{"dmarc", "spf check", "spf fail", "spf validation", "sender policy framework", "dkim", "unauthenticated email", "not allowed to send mail for", "is not authorized to use", "does not designate", "not permitted to send mail", "not authorized to send", "sender address forgery", "is not allowed to send from", "spf record", "spf: ", "spf) ", "message does not pass authentication", "authentication checks", "domainkeys", "sender id", "mismatches client ip", "forged sender", "unauthenticated and poses", "unauthenticated mail"},
		"Gmail 5.7.26; pypolicyd-spf; OpenDMARC; mail servers' SPF replies"},
	{ReasonBlockedOrigin, []string{"spamhaus", "blocked using", "blacklist", "black list", "blocklist", "block list", "dnsbl", "rbl ", "client host", "listed at", "listed in", "bad reputation", "poor reputation", "low reputation", "reverse dns", "ptr record", "your ip", "ip address has been blocked", "network is on our", "banned sending ip", "sender ip", "ip reputation", "bad ip", "dynamic ip", "residential", "ip is blocked", "poor sender", "listed by", "barracudacentral", "sorbs", "spamcop", "s3140", "s3150", "as(480", "ptr lookup", "no ptr", "ptr resource", "reverse lookup", "reverse hostname", "unable to find your hostname", "blocked - see", "block-listed", "denylist"},
		"Postfix reject_rbl_client; Exim dnslists; Outlook.com S3140, S3150"},
	{ReasonLoop, []string{"mail loop", "loops back", "looping", "too many hops", "hop count", "loop detected", "maximum hop", "too many received", "routing loop"}, "Postfix, Sendmail, Exim, qmail, Exchange"},
	{ReasonTooBig, []string{"too big", "too large", "message size", "size limit", "exceeds the maximum", "exceeds size", "exceeds limit of", "maximum message size", "message length exceeds"}, "RFC 1870 servers' replies"},
	{ReasonMailboxFull, []string{"quota", "mailbox full", "full mailbox", "exceeds allowed size", "enough space", "mailbox is full", "is full", "over the limit", "not enough storage", "insufficient storage", "insufficient system storage", "out of storage", "storage limit", "disk space", "exceeded storage", "postfach ist voll", "postfach voll", "speicherplatz", "boîte pleine", "boîte aux lettres est pleine", "buzón lleno", "buzón está lleno", "caixa postal cheia", "caixa de correio está cheia", "casella piena", "casella di posta è piena", "mailbox is vol", "postvak is vol", "skrzynka pełna", "przepełnion", "переполнен", "いっぱい", "容量", "已满", "已滿"},
		"Postfix, Exim, Dovecot, Gmail 4.2.2; mailbox full in ten languages"},
	{ReasonRelayDenied, []string{"relaying", "credentials for relay", "relay access", "relay denied", "relay not", "relay is not", "relay prohibited", "to relay", "not relay", "no relay", "authentication required", "smtp authentication", "not in my control", "isn't in my list of allowed rcpthosts", "rcpthosts"}, "Sendmail, Postfix, Exim, qmail"},
	{ReasonDomainUnknown, []string{"host not found", "host unknown", "unknown host", "domain not found", "domain name not found", "unrouteable", "unroutable", "no such domain", "domain does not exist", "couldn't find any host", "no mail exchanger", "name service error", "nullmx", "no smtp service", "domain is not reachable", "null mx", "dns error", "name or service not known", "non-existent domain", "unknown domain", "bad destination host", "all relevant mx records", "no mx"},
		"Postfix, Exim, qmail-remote, Gmail, Sendmail"},
	{ReasonUserUnknown, []string{"user unknown", "unknown user", "no such user", "no such recipient", "couldn't be found", "could not be found", "no valid recipients", "registered gateway user", "not a registered", "no such mailbox", "does not exist", "doesn't exist", "mailbox not found", "mailbox unavailable", "recipient unknown", "unknown recipient", "not a valid recipient", "invalid recipient", "recipient not found", "no mailbox here", "not found", "unknown local part", "account has been disabled", "is disabled", "deactivated", "frozen", "no mail box", "may not exist", "check if address is correct", "account disabled", "mailbox disabled", "mailbox is inactive", "user not found", "not listed in", "doesn't have a", "is not known", "address rejected", "not our customer", "invalid address", "unknown or illegal alias", "unrouteable address", "unknown address", "invalid mailbox", "no account", "delivery userid", "address not recognized", "no longer", "recipient name is not recognized", "unknown account", "inactive user", "user doesn't", "not exist",
		"empfänger unbekannt", "existiert nicht", "adresse nicht gefunden", "unbekannter empfänger", "nicht gefunden", "n'existe pas", "destinataire inconnu", "introuvable", "utilisateur inconnu", "no existe", "usuario desconocido", "não existe", "usuário desconhecido", "destinatário desconhecido", "non esiste", "utente sconosciuto", "destinatario sconosciuto", "bestaat niet", "onbekende gebruiker", "nie istnieje", "nieznany", "не существует", "не найден", "存在しない", "存在しません", "見つかりません", "不存在", "找不到"},
		"Postfix, Sendmail, Exim, qmail, Yahoo, Gmail, Exchange, Domino, IMail; user unknown in ten languages"},
	{ReasonRate, []string{"rate limit", "too many", "try again later", "greylist", "temporarily deferred", "receiving mail too quickly", "throttl", "unusual rate", "rate that", "too fast", "limit exceeded"}, "Gmail 4.7.28; Yahoo TSS04; postgrey"},
	{ReasonSpam, []string{"spam", "junk mail", "unsolicited", "bulk mail", "content rejected", "suspicious", "content reject", "blocked by content", "bogofilter"}, "SpamAssassin milters; Gmail; rspamd"},
	{ReasonExpired, []string{"too long", "expired", "retry timeout", "retry time", "timed out before", "in the queue", "could not be delivered within", "delivery timed out", "delivery attempts", "maximum delivery", "multiple retries", "delivery failed * attempts", "could not deliver for the last"}, "qmail, Exim, Sendmail, OpenSMTPD, Gmail"},
	{ReasonNetwork, []string{"connection refused", "timed out", "timeout", "no route", "unreachable", "connection reset", "connection lost", "unable to connect", "could not connect", "lost connection", "connection dropped", "establish an smtp connection", "did not respond", "not responding", "network is", "can't connect", "temporary lookup failure", "temporary failure", "service not available", "service currently unavailable"}, "Postfix, Exim, qmail-remote, Sendmail"},
	{ReasonPolicy, []string{"policy", "not authorized", "not authorised", "denied", "refused", "rejected", "not allowed", "prohibited", "administrative", "blocked", "banned", "forbidden", "not accept", "not permitted", "unacceptable", "protocol violation", "does not support tls", "malformed address", "requires confirmation"}, "RFC 5321 554 and 550 replies"},
}

// reasonOf gives why a recipient failed.
func reasonOf(r *Recipient) Reason {
	status := r.Status
	if weakStatus(status) {
		// A reply that carries its own code knows better than the reporter, which fills in a general one.
		if own := findStatus([]byte(r.Diagnostic)); own != "" {
			status = own
		}
	}
	row, known := lookupStatus(status)
	if known && !row.weak {
		return row.reason
	}
	if reason, ok := textReasonOf(r.Diagnostic); ok {
		return reason
	}
	if known {
		return row.reason
	}
	return ReasonOther
}

// weakStatus tells a code that says no more than "failed".
func weakStatus(status string) bool {
	return status == "" || strings.HasSuffix(status, ".0.0")
}

func lookupStatus(status string) (statusReason, bool) {
	if row, known := reasonsByCode[status]; known {
		return row, true
	}
	return statusReason{}, false
}

// reasonsByCode is the table with its ranges and classes written out; a whole code wins over the end of one.
var reasonsByCode = spellCodes()

func spellCodes() map[string]statusReason {
	codes := make(map[string]statusReason)
	for _, whole := range []bool{false, true} {
		for _, row := range statusReasons {
			if (row.code[0] != '.') != whole {
				continue
			}
			dot := strings.LastIndexByte(row.code, '.')
			first, _ := strconv.Atoi(row.code[dot+1:])
			for detail := first; detail <= max(first, row.upTo); detail++ {
				code := row.code[:dot+1] + strconv.Itoa(detail)
				if whole {
					codes[code] = row
					continue
				}
				codes["4"+code], codes["5"+code] = row, row
			}
		}
	}
	return codes
}

func textReasonOf(diagnostic string) (Reason, bool) {
	var found markSet
	reasonIndex.scan([]byte(wordsOf(diagnostic)), &found)
	for i, ids := range reasonIDs {
		if found.hasAny(ids) {
			return textReasons[i].reason, true
		}
	}
	return ReasonOther, false
}

// reasonIndex holds the words of textReasons; reasonIDs their numbers, by row.
var (
	reasonIndex markIndex
	reasonIDs   = indexReasons()
)

func indexReasons() [][]uint16 {
	var ids [][]uint16
	for _, row := range textReasons {
		ids = append(ids, reasonIndex.enterAll(row.words, true))
	}
	return ids
}

// commonStatus are the codes of the table and the general ones, as they are written.
var commonStatus = nameStatus()

func nameStatus() map[string]string {
	names := map[string]string{}
	for _, code := range []string{"2.0.0", "2.1.5", "2.6.0", "4.0.0", "5.0.0", "5.3.0", "5.5.0", "5.5.1", "5.6.0"} {
		names[code] = code
	}
	for code := range reasonsByCode {
		names[code] = code
	}
	return names
}

// wordsOf gives a diagnostic in lower case without its addresses and host names, for a host named antispam says nothing
// about the reason.
func wordsOf(diagnostic string) string {
	if len(diagnostic) > maxDiagnostic {
		diagnostic = diagnostic[:maxDiagnostic]
	}
	var out strings.Builder
	for word := range strings.FieldsSeq(strings.ToLower(diagnostic)) {
		if strings.IndexByte(word, '@') < 0 && !isHostName(word) {
			out.WriteString(word)
			out.WriteByte(' ')
		}
	}
	return out.String()
}

// isHostName tells a word with a dot between letters, but not a URL.
func isHostName(word string) bool {
	dot := strings.IndexByte(strings.TrimRight(word, ".,:;)"), '.')
	return dot > 0 && strings.IndexByte(word, '/') < 0 && strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyz")
}
