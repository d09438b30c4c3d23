package dsn

import (
	"strings"
	"testing"
)

// TestLanguages reads reports of no known software in ten languages and their scripts, in UTF-8 and where it is usual in
// an older charset, too.
func TestLanguages(t *testing.T) {
	tests := []struct {
		language, failure, reason string
		want                      Reason
	}{
		{"English", "Your message could not be delivered to the following recipient:", "The recipient does not exist.", ReasonUserUnknown},
		{"German", "Ihre Nachricht konnte nicht zugestellt werden. Empfänger:", "Das Postfach ist voll.", ReasonMailboxFull},
		{"French", "Votre message n'a pas pu être remis au destinataire suivant :", "Cette adresse n'existe pas.", ReasonUserUnknown},
		{"Spanish", "No se pudo entregar su mensaje al destinatario:", "El buzón está lleno.", ReasonMailboxFull},
		{"Portuguese", "A sua mensagem não pôde ser entregue ao destinatário:", "O utilizador não existe.", ReasonUserUnknown},
		{"Italian", "Non è stato possibile recapitare il messaggio a:", "La casella di posta è piena.", ReasonMailboxFull},
		{"Dutch", "Uw bericht kon niet worden afgeleverd bij:", "Dit adres bestaat niet.", ReasonUserUnknown},
		{"Polish", "Wiadomość nie została dostarczona do adresata:", "Taki adres nie istnieje.", ReasonUserUnknown},
		{"Russian", "Ваше письмо не было доставлено получателю:", "Почтовый ящик переполнен.", ReasonMailboxFull},
		{"Russian, at the start", "Не удалось доставить письмо получателю:", "Пользователь не найден.", ReasonUserUnknown},
		{"French, at the start", "Échec de la remise au destinataire :", "Utilisateur inconnu.", ReasonUserUnknown},
		{"Japanese", "次の宛先に配信できませんでした:", "宛先のメールボックスがいっぱいです。", ReasonMailboxFull},
		{"Chinese", "您的邮件投递失败，收件人：", "该邮箱不存在。", ReasonUserUnknown},
	}
	for _, tt := range tests {
		for _, address := range []string{"bad@remote.example", "<bad@remote.example>", "    bad@remote.example"} {
			msg := "Return-Path: <>\nFrom: postmaster@remote.example\nTo: alice@ours.example\nSubject: =?utf-8?q?=E2=9C=89?=\nContent-Type: text/plain; charset=utf-8\n\n" +
				tt.failure + "\n\n" + address + "\n" + tt.reason + "\n"
			b := Parse([]byte(msg))
			if b.Kind != KindBounce || len(b.Recipients) != 1 || b.Recipients[0].Address != "bad@remote.example" || b.Recipients[0].Reason != tt.want {
				t.Errorf("%s, %q: %s %+v", tt.language, address, b.Kind, b.Recipients)
			}
			person := strings.Replace(strings.Replace(msg, "<>", "<pat@remote.example>", 1), "postmaster@", "pat@", 1)
			if b := Parse([]byte(person)); b.Kind != KindOther {
				t.Errorf("%s from a person: %s", tt.language, b.Kind)
			}
		}
	}
}

// TestCharsets holds that text in an older charset is read like the same in UTF-8.
func TestCharsets(t *testing.T) {
	tests := []struct{ charset, encoding, text string }{
		{"windows-1251", "quoted-printable", "=C2=E0=F8=E5 =EF=E8=F1=FC=EC=EE =ED=E5 =E1=FB=EB=EE =E4=EE=F1=F2=E0=E2=EB=E5=ED=EE:\n\nbad@remote.example\n"},
		{"koi8-r", "8bit", "\xf7\xc1\xdb\xc5 \xd0\xc9\xd3\xd8\xcd\xcf \xce\xc5 \xc2\xd9\xcc\xcf \xc4\xcf\xd3\xd4\xc1\xd7\xcc\xc5\xce\xcf:\n\nbad@remote.example\n"},
		{"iso-2022-jp", "7bit", "\x1b$B<!$N08@h$KG[?.$G$-$^$;$s$G$7$?\x1b(B:\n\nbad@remote.example\n"},
		{"iso-8859-1", "8bit", "Votre message n'a pas pu \xeatre remis :\n\nbad@remote.example\n"},
	}
	for _, tt := range tests {
		b := Parse([]byte("Return-Path: <>\nFrom: postmaster@remote.example\nSubject: x\nContent-Type: text/plain; charset=" + tt.charset + "\nContent-Transfer-Encoding: " + tt.encoding + "\n\n" + tt.text))
		if b.Kind != KindBounce || len(b.Recipients) != 1 || b.Recipients[0].Address != "bad@remote.example" {
			t.Errorf("%s: %s %+v", tt.charset, b.Kind, b.Recipients)
		}
	}
}
