package classify

import (
	"cmp"
	"maps"
	"slices"
)

// Bounds of the samples: findings that are kept while reading, campaigns that one is shown of, recipients of a sample.
const (
	maxSamples       = 1000
	sampledCampaigns = 12
	sampleRecipients = 3
)

// sampled is a message that is kept as an example, and its place in the order of reading.
type sampled struct {
	*Record
	place int
}

// before tells which of two samples is the better one: the one read first.
func (s *sampled) before(other *sampled) bool {
	return s != nil && (other == nil || s.place < other.place)
}

// sample keeps a copy of a finding as an example, nil when there are enough.
func (f *Flood) sample(r *Record) *sampled {
	if f.samples >= maxSamples {
		return nil
	}
	f.samples++
	kept := *r
	kept.Finding.Recipients = kept.Finding.Recipients[:min(len(kept.Finding.Recipients), sampleRecipients)]
	kept.Finding = kept.Finding.clone()
	return &sampled{&kept, f.read}
}

// typical picks the samples that a report shows: of each class a message of its largest campaign, then one of each of the
// largest campaigns.
func (f *Flood) typical(r *rows) []Finding {
	campaigns := slices.SortedFunc(maps.Values(r.campaigns), func(a, b *classed[CampaignRow]) int {
		return cmp.Or(b.row.Messages-a.row.Messages, cmp.Compare(a.row.Campaign, b.row.Campaign))
	})
	var picked []*sampled
	for _, class := range slices.Sorted(maps.Keys(r.samples)) {
		picked = append(picked, r.ofClass(class, campaigns))
	}
	for _, c := range campaigns[:min(len(campaigns), sampledCampaigns)] {
		picked = append(picked, c.samples[c.classes.most()])
	}
	list := []Finding{}
	for _, record := range picked {
		if record == nil || slices.ContainsFunc(list, func(known Finding) bool { return record.Finding.same(&known) }) {
			continue
		}
		shown := *record.Record
		if shown.Finding.Class == "" {
			f.Judge(&shown)
		}
		list = append(list, shown.Finding)
	}
	return list
}

// ofClass is a message of the class's largest campaign, or of none where it has no campaign.
func (r *rows) ofClass(class Class, campaigns []*classed[CampaignRow]) *sampled {
	var best *sampled
	messages := 0
	for _, c := range campaigns {
		if c.samples[class] != nil && c.classes.of(class) > messages {
			best, messages = c.samples[class], c.classes.of(class)
		}
	}
	if best == nil {
		return r.samples[class]
	}
	return best
}

func (f *Finding) same(other *Finding) bool { return f.Source == other.Source && f.ID == other.ID }
