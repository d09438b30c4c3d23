package resolve

import (
	"sync"
	"time"
)

const (
	minTTL      = time.Minute
	maxTTL      = 24 * time.Hour
	negativeTTL = 5 * time.Minute // where the answer has no SOA record that says
	errorTTL    = 5 * time.Minute // the longest RFC 2308 section 7 allows
)

// cache keeps answers, the empty ones and the failures too, until their time is over or the room is needed.
type cache struct {
	max int
	now func() time.Time

	mu      sync.Mutex
	entries map[question]entry
}

type entry struct {
	answer  answer
	expires time.Time
}

func newCache(size int, now func() time.Time) *cache {
	return &cache{max: size, now: now, entries: make(map[question]entry)}
}

// get gives an answer and how long it still holds.
func (c *cache) get(q question) (answer, time.Duration, bool) {
	now := c.now()
	c.mu.Lock()
	e, ok := c.entries[q]
	c.mu.Unlock()
	if !ok || !now.Before(e.expires) {
		return answer{}, 0, false
	}
	return e.answer, e.expires.Sub(now), true
}

// put keeps an answer and gives the time it will be kept for.
func (c *cache) put(q question, a answer, ttl time.Duration) time.Duration {
	if a.err != nil {
		ttl = errorTTL
	}
	ttl = min(max(ttl, minTTL), maxTTL)
	e := entry{answer: a, expires: c.now().Add(ttl)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= c.max {
		c.makeRoom()
	}
	c.entries[q] = e
	return ttl
}

// makeRoom drops an eighth of the entries, whichever come: asking again is cheap, a list of ages is not, and dropping
// many at once keeps the price of one put constant.
func (c *cache) makeRoom() {
	drop := c.max/8 + 1
	for q := range c.entries {
		if drop--; drop < 0 {
			return
		}
		delete(c.entries, q)
	}
}
