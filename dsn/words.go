package dsn

// Words that tell kinds of mail, in the languages in which mail systems and mail programs write. They are in lower case; of
// ASCII letters the case does not count; a word whose first letter is none of these and may be a capital stands without it.
// There is no catalogue of them: they are from the sources of the rows in dialect.go, and in other languages than English
// from reports seen and from how mail programs in that language put it.

// failures are words of which every report of a failure has some, in its text or subject.
var failures = []string{
	"undeliver", "not be delivered", "delivery failed", "delivery fail", "delivery has failed", "failed to deliver",
	"unable to deliver", "could not deliver", "returned mail", "failure notice", "non-delivery", "nondeliverable",
	"not delivered", "couldn't be delivered", "returned to sender", "did not reach", "was rejected",
	"has been rejected", "was not able to deliver", "user unknown", "returning message", "returned message",
	"mail failed", "delivery failure", "delivery error", "mail error", "no such user", "permanent error", "permanently",
	"wasn't able to deliver", "delivery status", "mail delivery", "has been returned", "has failed",
	"was undeliverable", "non-delivery", "unable to be delivered", "nicht zugestellt", "unzustellbar",
	"nicht zustellbar", "nicht erreicht", "n'a pas atteint", "niet bereikt", "no llegó a", "não chegou", "konnte nicht ausgeliefert", "nicht übermittelt", "zurückgewiesen", "n'a pas pu être",
	"n\u2019a pas pu être", "non remis", "chec de la remise", "pas été remis", "pas pu être remis", "non distribu",
	"impossible de livrer", "pas été délivré", "no se pudo entregar", "no se ha podido entregar",
	"no ha podido ser entregado", "no pudo ser entregado", "no se puede entregar", "no entregado", "mensaje devuelto",
	"não pôde ser entregue", "não foi possível entregar", "não foi entregue", "não pode ser entregue",
	"falha na entrega", "não entregue", "devolvida", "non è stato possibile recapitare", "non è stato recapitato",
	"non recapitabile", "mancato recapito", "impossibile recapitare", "mancata consegna", "non è stato consegnato",
	"non consegnato", "niet worden bezorgd", "niet bezorgd", "onbestelbaar", "niet afgeleverd",
	"niet worden afgeleverd", "nie został dostarczon", "nie została dostarczon", "nie mogła zostać dostarczona",
	"nie można dostarczyć", "niedostarczon", "nie udało się dostarczyć", "nie może zostać doręczona",
	"е может быть доставлено", "е удалось доставить", "е доставлено", "е было доставлено", "едоставлен",
	"евозможно доставить", "е может быть отправлено", "配信できませんでした", "送信できませんでした", "お届けできません", "届きませんでした", "配送できません",
	"配信不能", "エラーメール", "見つかりません", "配信に失敗", "退信", "退回", "无法送达", "無法送達", "投递失败", "無法傳送", "无法投递", "发送失败", "未送达", "投遞失敗",
}

// delays are what reports of a delay say and reports of a failure don't.
var delays = []string{
	"has not yet been delivered", "not yet been delivered", "this is a warning message only", "has been delayed",
	"delivery attempts will continue", "will continue to be attempted", "will continue to attempt delivery",
	"message will be retried", "you do not need to resend", "no action is required on your part", "will keep trying",
	"delivery is delayed", "still being retried", "will retry for", "delivery incomplete", "hasn't been delivered yet",
	"will be retried", "will continue to try", "delivery temporarily delayed", "verzögert", "noch nicht zugestellt",
	"weitere zustellversuche", "retardé", "sera réessay", "se ha retrasado", "se seguirá intentando",
	"ainda não foi entregue", "foi adiada", "in ritardo", "ancora stato consegnato", "is vertraagd", "opóźnion",
	"адерж", "щё не доставлено", "遅延", "遅れて", "延迟", "延遲",
}

// successes are what reports of a delivery say and others don't.
var successes = []string{
	"your message has been delivered", "has been delivered to the following", "was successfully delivered", "has been successfully delivered",
	"was successfully relayed", "has been successfully relayed", "your message was delivered to", "delivery to these recipients or groups is complete",
	"were successfully delivered",
}

// autoReplySubjects begin the subject of an automatic answer.
var autoReplySubjects = []string{
	"auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "automatic reply", "automated reply",
	"automatic response", "automated response", "out of office", "out of the office", "out-of-office",
	"out of office autoreply", "out of office reply", "vacation", "automatische antwort", "abwesenheitsnotiz",
	"abwesenheit", "réponse automatique", "respuesta automática", "risposta automatica", "resposta automática",
	"automatisch antwoord", "automatyczna odpowiedź", "odpowiedź automatyczna", "autosvar", "automatiskt svar",
	"automatisk svar", "автоответ", "abwesend", "absence du bureau", "absent du bureau", "fuera de la oficina", "fuera de oficina", "fuori sede", "assenza dall'ufficio", "afwezig", "niet aanwezig", "poza biurem", "nieobecność", "вне офиса", "不在通知", "不在", "自動応答", "自动答复",
}

// challenges are what challenge-response systems ask for.
var challenges = []string{
	"added to the recipient's allowed", "to confirm that you are", "approved senders list",
	"please reply to this message to confirm", "simply reply to this message", "verify that you are a human",
	"has not been\nverified", "is being held", "confirm your request", "requires that you verify",
	"to be released from",
}
