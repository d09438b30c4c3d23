package imaptest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Dovecot is a real Dovecot, run as a child process on loopback with TLS and mail of its own.
type Dovecot struct {
	Addr    string // 127.0.0.1:port
	CAFile  string // the certificate to trust, for 127.0.0.1 and localhost
	Maildir string // the user's; mailboxes other than INBOX are Maildir++ subfolders of it
	Version string
}

// startTimeout is how long Dovecot may take to listen.
const startTimeout = 20 * time.Second

// StartDovecot runs Dovecot until the test ends, with one user and these mailboxes. A message without flags is new mail
// (in new/, \Recent); one with flags, also none of them known, stands in cur/. It skips the test where Dovecot isn't
// installed, and fails it under CI=true. Run by root, mail belongs to nobody; else everything runs as the user.
func StartDovecot(t TB, login, password string, boxes map[string][]Message) *Dovecot {
	t.Helper()
	binary := findDovecot()
	switch {
	case binary == "" && os.Getenv("CI") == "true":
		t.Fatalf("Dovecot is needed under CI: apt-get install dovecot-imapd")
	case binary == "":
		t.Skipf("Dovecot is not installed: apt-get install dovecot-imapd")
	}
	dir, err := os.MkdirTemp("", "dovecot-") // not t.TempDir: nobody must get in, and socket paths must be short
	if err != nil {
		t.Fatalf("starting Dovecot: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &Dovecot{CAFile: filepath.Join(dir, "cert.pem"), Maildir: filepath.Join(dir, "mail", "Maildir")}
	if err := d.start(t, binary, dir, login, password, boxes); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("starting Dovecot: %v\n%s", err, log)
	}
	return d
}

func findDovecot() string {
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// setup is what the configuration templates need.
type setup struct {
	Dir, Port   string
	UID, GID    int
	User, Group string
	Root        bool
}

func (d *Dovecot) start(t TB, binary, dir, login, password string, boxes map[string][]Message) error {
	out, err := exec.Command(binary, "--version").Output()
	if err != nil {
		return err
	}
	d.Version, _, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	s, err := newSetup(dir)
	if err != nil {
		return err
	}
	d.Addr = "127.0.0.1:" + s.Port
	if err := d.write(s, login, password); err != nil {
		return err
	}
	if err := d.deliver(boxes); err != nil {
		return err
	}
	if s.Root {
		if err := chownAll(filepath.Join(dir, "mail"), s.UID, s.GID); err != nil {
			return err
		}
	}
	return run(t, binary, filepath.Join(dir, "dovecot.conf"), d.Addr)
}

// newSetup finds a free port and the users to run as.
func newSetup(dir string) (setup, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return setup{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return setup{}, err
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	who, err := user.Current()
	s := setup{Dir: dir, Port: port, Root: os.Getuid() == 0}
	if s.Root && err == nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return setup{}, err
	}
	s.User = who.Username
	s.UID, _ = strconv.Atoi(who.Uid)
	s.GID, _ = strconv.Atoi(who.Gid)
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return setup{}, err
	}
	s.Group = group.Name
	return s, nil
}

// write makes the certificate, the password file and the configuration.
func (d *Dovecot) write(s setup, login, password string) error {
	certPEM, keyPEM, err := selfSigned()
	if err != nil {
		return err
	}
	text := dovecot23
	if !strings.HasPrefix(d.Version, "2.3.") && !strings.HasPrefix(d.Version, "2.2.") {
		text = dovecot24
	}
	var conf bytes.Buffer
	if err := template.Must(template.New("").Parse(text)).Execute(&conf, s); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"cert.pem": certPEM, "key.pem": keyPEM, "dovecot.conf": conf.Bytes(),
		"users": []byte(login + ":{PLAIN}" + password + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dovecot23 is for 2.2 and 2.3; tested with 2.3.19.
const dovecot23 = `
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
mail_location = maildir:~/Maildir
auth_failure_delay = 0
first_valid_uid = {{.UID}}
last_valid_uid = 0
{{if not .Root}}
default_login_user = {{.User}}
default_internal_user = {{.User}}
default_internal_group = {{.Group}}
service anvil {
  chroot =
}
{{end}}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = {{.Port}}
    ssl = yes
  }
}
passdb {
  driver = passwd-file
  args = username_format=%u {{.Dir}}/users
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/mail
}
` + dovecotMailboxes

// dovecot24 is for 2.4, which renamed most settings. Written from its documentation, not yet run.
const dovecot24 = `
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
protocols {
  imap = yes
}
listen = 127.0.0.1
ssl = required
ssl_server_cert_file = {{.Dir}}/cert.pem
ssl_server_key_file = {{.Dir}}/key.pem
mail_driver = maildir
mail_path = ~/Maildir
auth_failure_delay = 0
first_valid_uid = {{.UID}}
last_valid_uid = 0
{{if not .Root}}
default_login_user = {{.User}}
default_internal_user = {{.User}}
default_internal_group = {{.Group}}
service anvil {
  chroot =
}
{{end}}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = {{.Port}}
    ssl = yes
  }
}
passdb passwd-file {
  passwd_file_path = {{.Dir}}/users
}
userdb static {
  fields {
    uid = {{.UID}}
    gid = {{.GID}}
    home = {{.Dir}}/mail
  }
}
` + dovecotMailboxes

const dovecotMailboxes = `
namespace inbox {
  inbox = yes
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Junk {
    special_use = \Junk
  }
}
`

// maildirFlags are the letters of flags in a Maildir name.
var maildirFlags = []struct {
	letter byte
	flag   imap.Flag
}{{'D', imap.FlagDraft}, {'F', imap.FlagFlagged}, {'R', imap.FlagAnswered}, {'S', imap.FlagSeen}, {'T', imap.FlagDeleted}}

// deliver writes the messages. Dovecot numbers them in the order of their names; INTERNALDATE is the file's time.
func (d *Dovecot) deliver(boxes map[string][]Message) error {
	for _, box := range append([]string{"INBOX"}, mapKeys(boxes)...) {
		dir := d.Maildir
		if box != "INBOX" {
			dir = filepath.Join(dir, "."+strings.ReplaceAll(box, "/", "."))
		}
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				return err
			}
		}
		for i, msg := range boxes[box] {
			if err := deliverOne(dir, i, msg); err != nil {
				return err
			}
		}
	}
	return nil
}

func deliverOne(dir string, i int, msg Message) error {
	name := filepath.Join(dir, "new", fmt.Sprintf("1700000000.M%06dP1.imaptest", i))
	if msg.Flags != nil {
		name = filepath.Join(dir, "cur", filepath.Base(name)+":2,")
		for _, f := range maildirFlags {
			if slices.Contains(msg.Flags, f.flag) {
				name += string(f.letter)
			}
		}
	}
	if err := os.WriteFile(name, msg.Raw, 0o644); err != nil {
		return err
	}
	if msg.Date.IsZero() {
		return nil
	}
	return os.Chtimes(name, msg.Date, msg.Date)
}

func mapKeys(boxes map[string][]Message) (keys []string) {
	for key := range boxes {
		if key != "INBOX" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func chownAll(dir string, uid, gid int) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
}

// run starts the process, waits until it listens, and ends it with the test.
func run(t TB, binary, conf, addr string) error {
	cmd := exec.Command(binary, "-F", "-c", conf)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(startTimeout):
			cmd.Process.Kill()
		}
	})
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended at once: %v\n%s", err, stderr.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return nil
		}
	}
	return fmt.Errorf("it doesn't listen at %s after %v", addr, startTimeout)
}

// Files lists all messages by their path below Maildir. The path shows a message's flags: new/ or cur/ (\Recent or not),
// and the letters behind ":2,".
func (d *Dovecot) Files(t TB) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(d.Maildir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if sub := filepath.Base(filepath.Dir(path)); !entry.IsDir() && (sub == "cur" || sub == "new") {
			name, err := filepath.Rel(d.Maildir, path)
			files = append(files, name)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatalf("listing %s: %v", d.Maildir, err)
	}
	return files
}
