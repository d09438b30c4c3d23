-- Letters of ndrscan abuse: that they were written, and whether we handed them to a mail server. Not who took them.
CREATE TABLE letter (
	id       INTEGER PRIMARY KEY,
	at       INTEGER NOT NULL, -- when it was written
	site     INTEGER NOT NULL, -- 1: to a site that bounced; 0: to a network that forged mail came from
	about    TEXT NOT NULL,    -- the site or network
	messages INTEGER NOT NULL,
	sent     INTEGER NOT NULL
) STRICT;

CREATE INDEX letter_at ON letter (at);
