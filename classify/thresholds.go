package classify

// Thresholds are the numbers that turn counts into judgements (METHOD 5, 6). They are printed with the verdict. A zero
// field takes its default.
type Thresholds struct {
	Forged             int // forged messages that make a Joe-Job
	ForgedCells        int // in at least so many cells
	ProvedMessages     int // proved and out of habit: a compromise
	Witnesses          int // verified witnesses that agree on our border, out of habit: a compromise
	ClassWitnesses     int // of them that agree, before a message they saw is called compromised
	SuspectMessages    int // unproved messages that point there: compromise suspected
	Misconfigured      int
	OwnBackscatter     int
	HabitSigns         int // signs that make "out of habit"
	BurstRecipients    int // distinct failed recipients within an hour: a sign
	ScriptBurst        int // the same from a script that SPF does not name: more than a form that people use
	SpreadNetworks     int // client networks of one login within an hour: a sign, and proxies
	SpamWitnesses      int // sites that refuse it as spam or virus: a sign
	HabitMessages      int // messages compared with Sent before a difference is a sign
	LoginForms         int // mails of a server that show how it writes logins, before another form is not believed
	ForeignSignatures  int // different signatures of ours from outside: a stolen key, or an abused service
	SigningServices    int // organisations from which mail with signatures of ours comes; with more of them it is no service of ours
	AggregateReceivers int // verified receivers whose DMARC aggregate reports agree about an address
	AggregateMessages  int // messages that they count

	IntervalCells int // cells below which no interval is given
}

func (t Thresholds) withDefaults() Thresholds {
	for _, d := range t.table() {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	return t
}

type threshold struct {
	name     string
	value    *int
	standard int
}

func (t *Thresholds) table() []threshold {
	return []threshold{
		{"forged", &t.Forged, 10},
		{"forged_cells", &t.ForgedCells, 2},
		{"proved_messages", &t.ProvedMessages, 1},
		{"witnesses", &t.Witnesses, 3},
		{"class_witnesses", &t.ClassWitnesses, 2},
		{"suspect_messages", &t.SuspectMessages, 3},
		{"misconfigured", &t.Misconfigured, 3},
		{"own_backscatter", &t.OwnBackscatter, 3},
		{"habit_signs", &t.HabitSigns, 2},
		{"burst_recipients", &t.BurstRecipients, 10},
		{"script_burst", &t.ScriptBurst, 100},
		{"spread_networks", &t.SpreadNetworks, 10},
		{"spam_witnesses", &t.SpamWitnesses, 2},
		{"habit_messages", &t.HabitMessages, 3},
		{"login_forms", &t.LoginForms, 3},
		{"foreign_signatures", &t.ForeignSignatures, 10},
		{"signing_services", &t.SigningServices, 8},
		{"aggregate_receivers", &t.AggregateReceivers, 3},
		{"aggregate_messages", &t.AggregateMessages, 10},
		{"interval_cells", &t.IntervalCells, 5},
	}
}

// Map gives the thresholds by name, for the report.
func (t Thresholds) Map() map[string]int {
	m := map[string]int{}
	for _, d := range t.table() {
		m[d.name] = *d.value
	}
	return m
}
