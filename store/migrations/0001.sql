-- A source, under a name that stays the same however it was called on the command line.
CREATE TABLE source (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
) STRICT;

-- A run, and what it knew beside its findings: the report without its tables, as JSON.
CREATE TABLE run (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	at     INTEGER NOT NULL, -- Unix seconds, as all times here
	report TEXT NOT NULL
) STRICT;

CREATE INDEX run_at ON run (at);

-- How far a mailbox of a source was read.
CREATE TABLE position (
	source      INTEGER NOT NULL REFERENCES source,
	mailbox     TEXT NOT NULL,     -- '' for files
	uidvalidity INTEGER NOT NULL,  -- 0 for files
	highest_uid INTEGER NOT NULL,
	arrived     INTEGER,           -- the latest arrival that was read
	messages    INTEGER NOT NULL,  -- in the latest run
	at          INTEGER NOT NULL,  -- of the latest run
	PRIMARY KEY (source, mailbox)
) STRICT, WITHOUT ROWID;

-- One message. The key is what it says, not where it lies: files shift, servers renumber.
CREATE TABLE finding (
	id      INTEGER PRIMARY KEY,
	source  INTEGER NOT NULL REFERENCES source,
	digest  BLOB NOT NULL,     -- 16 bytes of the message's content; 17 of its id where it could not be read
	copy    INTEGER NOT NULL,  -- 0, 1, ... of equal messages in one source
	run     INTEGER NOT NULL,  -- which judged it last; that run may be forgotten before
	arrived INTEGER NOT NULL,  -- when it reached the mailbox; the run that first saw it, where nobody knows
	account TEXT NOT NULL,
	brief   BLOB NOT NULL,     -- what counting needs of it (brief.go)
	UNIQUE (source, digest, copy)
) STRICT;

CREATE INDEX finding_arrived ON finding (arrived);

CREATE INDEX finding_unread ON finding (source) WHERE length(digest) = 17;

-- The findings whole, as JSON of the contract; source and schema stand elsewhere. Apart, for counting needs not read them.
CREATE TABLE whole (
	id      INTEGER PRIMARY KEY REFERENCES finding ON DELETE CASCADE,
	finding TEXT NOT NULL
) STRICT;
