package classify

import "net/netip"

// A login name is text in a line that somebody else returned to us. It is believed only in the form in which our own server
// writes logins in other mail from that address (METHOD 3.3): Postfix shows none unless told to, one site's logins are bare
// names and another's are addresses, and who writes our server's line without having seen one must guess.
//
// Other mail is what nobody outside can have written: reports of our own servers, and ordinary mail of our accounts that our
// own hosts delivered. Where there are fewer than Thresholds.LoginForms of them from that address, nothing can be compared and
// the name stands for what its line shows. A form that was never seen takes the name away, not the message: it still went
// through our server, whose log names the login by the queue id.

// logins counts, by the address of a server of ours, how it writes logins.
type logins map[netip.Addr]map[string]int

// maxLoginForms bounds the forms kept of one server.
const maxLoginForms = 20

func (l logins) add(server netip.Addr, form string) {
	forms := l[server]
	if !server.IsValid() || form == "" || forms == nil && len(l) >= maxUsual {
		return
	}
	if forms == nil {
		forms = map[string]int{}
		l[server] = forms
	}
	if _, seen := forms[form]; seen || len(forms) < maxLoginForms {
		forms[form]++
	}
}

// strange tells whether a server's other mail shows logins, and never in this form.
func (l logins) strange(of loginForm, enough int) bool {
	if of.Form == "" || l[of.Server][of.Form] > 0 {
		return false
	}
	all := 0
	for _, n := range l[of.Server] {
		all += n
	}
	return all >= enough
}

// loginForm is how a line shows a login that others than ourselves report, and the server that wrote it.
type loginForm struct {
	Server netip.Addr
	Form   string // "" where there is nothing to compare
}

// loginFormOf gives the form by which a message's login is to be checked: not that of our own records, which are what others
// are compared with.
func loginFormOf(e *Evidence, set Codes) loginForm {
	if !set.has(codes("login-named")) || set.has(codes("border-proved")) {
		return loginForm{}
	}
	return loginForm{e.Origin.LoginServer, e.Origin.LoginForm}
}
