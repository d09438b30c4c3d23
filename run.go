package ndrscan

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ndrscan/classify"
	"ndrscan/internal/header"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// maxLeftOut bounds the rows of what was left out; the rest of a source is counted in one row.
const maxLeftOut = 200

// run is one scan under way: what the workers share, and what the reader of the sources notes.
type run struct {
	opts    Options
	sources []mailbox.Source
	sent    *proof.Sent // nil: none at hand
	own     *trace.Own
	tracer  trace.Tracer
	tenants proof.Tenants
	checker *spf.Checker // nil: no DNS
	dkim    proof.Verifier
	sampler sampler

	first []item // read ahead, to learn whose mailbox it is
	rest  func() (item, bool)
	stop  func()

	mu      sync.Mutex // guards leftOut and dropped
	leftOut []classify.LeftOut
	dropped map[string]int // source -> further messages left out
	read    int            // of the counting goroutine
	total   atomic.Int64   // of the reading one, like current
	current atomic.Int64   // place of the source being read

	dnsFailed atomic.Int64 // messages for which DNS did not answer
}

// item is a message, or what became of it.
type item struct {
	message mailbox.Message
	err     *mailbox.ReadError
}

func newRun(ctx context.Context, sources []mailbox.Source, opts Options) (*run, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &run{opts: opts, sources: sources, dropped: map[string]int{}}
	r.rest, r.stop = iter.Pull(r.walk(ctx))
	own, err := trace.NewOwn(opts.Own, opts.OwnNet, r.accountDomains())
	if err != nil {
		r.stop()
		return nil, err
	}
	r.own = own
	r.newTenants()
	r.tracer = trace.Tracer{Own: own, Memo: &trace.Memo{}, Without: opts.Without}
	if opts.Resolver != nil {
		names := r.names()
		if err := own.Resolve(ctx, names); err != nil && ctx.Err() == nil {
			r.leave(classify.LeftOut{Source: "--own", Why: err.Error()})
		}
		r.tracer.Resolver, r.tracer.Hosted = names, hostedAt(ctx, names, own)
		r.checker = &spf.Checker{Resolver: opts.Resolver, Now: opts.Now, SkipExp: true, SkipSteps: true}
		r.dkim = proof.Verifier{Resolver: opts.Resolver, Want: r.signsForUs, Memo: &proof.SignatureMemo{}}
	}
	r.readSent(ctx)
	return r, nil
}

// hostedAt gives the organisations of the shared services that receive mail for our domains, as their MX records say, or that
// our tenants lie at.
func hostedAt(ctx context.Context, dns Resolver, own *trace.Own) (organisations []string) {
	for _, tenant := range own.Tenants() {
		organisations = append(organisations, proof.TenantHosts(tenant))
	}
	domains := own.Domains()
	for _, domain := range domains[:min(len(domains), maxDomains)] {
		hosts, _ := dns.LookupMX(ctx, domain)
		for _, host := range hosts[:min(len(hosts), maxSurveyHosts)] {
			if _, shared := trace.SharedProvider(host); shared {
				organisations = append(organisations, trace.OrgDomain(host))
			}
		}
	}
	return organisations
}

// names is the DNS that hosts are looked up by.
func (r *run) names() Resolver {
	if r.opts.NoPTR {
		return withoutPTR{r.opts.Resolver}
	}
	return r.opts.Resolver
}

// messages yields what is to be judged: first what was read ahead, then the rest.
func (r *run) messages(ctx context.Context) iter.Seq[item] {
	return func(yield func(item) bool) {
		defer r.stop()
		for i := range r.first {
			it := r.first[i]
			r.first[i] = item{} // its bytes are the worker's now
			if !yield(it) {
				return
			}
		}
		for {
			it, ok := r.rest()
			if !ok || !yield(it) {
				return
			}
		}
	}
}

// walk reads the sources one after the other. What ends a source is noted, and the next one goes on.
func (r *run) walk(ctx context.Context) iter.Seq[item] {
	return func(yield func(item) bool) {
		for i, source := range r.sources {
			r.current.Store(int64(i))
			r.count(ctx, source)
			for message, err := range source.Messages(ctx) {
				it, ok := r.item(source, message, err)
				if ok && !yield(it) {
					return
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
		r.current.Store(int64(len(r.sources)))
	}
}

// item sorts what a source yields: a message in the period, a message that can't be read, or the end of the source.
func (r *run) item(source mailbox.Source, message mailbox.Message, err error) (item, bool) {
	if err == nil {
		return item{message: message}, r.inPeriod(message)
	}
	if errors.Is(err, mailbox.ErrEmpty) {
		return item{}, false // an emptied mbox: nothing was there to be read
	}
	var failed *mailbox.ReadError
	if !errors.As(err, &failed) {
		failed = &mailbox.ReadError{Source: source.Name(), Err: err}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return item{}, false // the report names what an interruption left unread
	}
	if failed.ID == "" {
		r.leave(classify.LeftOut{Source: source.Name(), Count: failed.Missed, Why: failed.Err.Error()})
		return item{}, false
	}
	r.leave(classify.LeftOut{Source: source.Name(), ID: failed.ID, Count: 1, Why: failed.Err.Error()})
	return item{err: failed}, true
}

// inPeriod holds a message's arrival, or its Date where the source knows no arrival, against --since and --until. One
// without any date is read: nothing is lost.
func (r *run) inPeriod(m mailbox.Message) bool {
	if r.opts.Since.IsZero() && r.opts.Until.IsZero() {
		return true
	}
	at := m.Received
	if at.IsZero() {
		section, _ := header.Split(m.Raw)
		at, _ = header.ParseDate(section.Get("Date"))
	}
	if at.IsZero() {
		return true
	}
	return !at.Before(r.opts.Since) && (r.opts.Until.IsZero() || at.Before(r.opts.Until))
}

// leave notes what was left out. The reading and the counting goroutine both do.
func (r *run) leave(l classify.LeftOut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.leftOut) >= maxLeftOut {
		r.dropped[l.Source] += max(l.Count, 1)
		return
	}
	r.leftOut = append(r.leftOut, l)
}

func (r *run) count(ctx context.Context, source mailbox.Source) {
	if counter, ok := source.(mailbox.Counter); ok && r.opts.Progress != nil {
		if n, ok := counter.Count(ctx); ok {
			r.total.Add(int64(n))
		}
	}
}

// tell reports progress. The consumer calls it; read is its own count.
func (r *run) tell() {
	r.read++
	if r.opts.Progress != nil {
		at := min(int(r.current.Load()), len(r.sources)-1)
		r.opts.Progress(Progress{Read: r.read, Total: int(r.total.Load()), Source: r.sources[at].Name()})
	}
}

// readSent indexes the Sent mailboxes. One that can't be read is left out and lowers nothing else; if none can, there is
// no Sent at hand.
func (r *run) readSent(ctx context.Context) {
	for _, source := range r.opts.Sent {
		for message, err := range source.Messages(ctx) {
			if err != nil && !errors.Is(err, mailbox.ErrEmpty) {
				r.leave(classify.LeftOut{Source: source.Name(), Why: "Sent: " + err.Error()})
				continue
			}
			if r.sent == nil {
				r.sent = proof.NewSent()
			}
			if err == nil {
				section, _ := header.Split(header.CRToLF(message.Raw))
				r.sent.Add(section)
				by := r.submission(ctx, section, header.FirstAddress(section.Get("From")))
				r.sent.AddClient(by.Account, by.Client, by.At)
			}
		}
	}
	if r.sent == nil && len(r.opts.Sent) > 0 && len(r.leftOut) == 0 {
		r.sent = proof.NewSent() // an empty Sent is one, too
	}
}

// Messages are read ahead to learn the accounts' domains: at most so many, of so many bytes together. minAccountShare is
// the part of them (one in so many) that a domain must have.
const (
	learnFrom       = 200
	learnBytes      = 32 << 20
	minAccountShare = 20
)

// accountDomains are the domains of the addresses that the mail came to (METHOD 2). Where neither --own names an organisation's
// domain nor the caller the account, they are learned from what our own delivery stamped on the first messages.
func (r *run) accountDomains() []string {
	var domains []string
	for _, account := range r.opts.Accounts {
		if domain := header.Domain(account); domain != "" {
			domains = append(domains, domain)
		}
	}
	if len(domains) > 0 || slices.ContainsFunc(r.opts.Own, namesDomain) {
		return domains
	}
	counts, stamped := r.readAhead()
	for _, domain := range sortedKeys(counts) {
		if counts[domain]*minAccountShare >= stamped {
			domains = append(domains, domain)
		}
	}
	return domains
}

// namesDomain tells an --own value that is an organisation's domain from an address, a network, a tenant and a host, which says
// nothing of the domains that the accounts have.
func namesDomain(own string) bool {
	return own != "" && trace.OrgDomain(own) == strings.ToLower(strings.TrimSuffix(own, "."))
}

// readAhead reads the first messages and counts the domains they came to.
func (r *run) readAhead() (counts map[string]int, stamped int) {
	counts = map[string]int{}
	for size := 0; len(r.first) < learnFrom && size < learnBytes; {
		it, ok := r.rest()
		if !ok {
			break
		}
		r.first = append(r.first, it)
		size += len(it.message.Raw)
		section, _ := header.Split(header.CRToLF(it.message.Raw))
		if domain := header.Domain(trace.Account(section)); domain != "" {
			counts[domain]++
			stamped++
		}
	}
	return counts, stamped
}
