package report

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// tablewriter lays out and draws; what fits is decided here, since its own limits split addresses and overshoot on long
// cells. A column says whether its cells may be cut, and how readily it goes when there is no room at all.

// column is one column of a table.
type column struct {
	head  string
	right bool // numbers
	min   int  // it may be cut to this width; 0: never cut
	name  bool // host names: the end counts, so they are cut in front
	drop  int  // the highest goes first when the table is too wide; 0: never goes
	most  int  // its cells are never wider; 0: as wide as they are
	data  bool // its texts come from mail, DNS or the command line; else they are words of ours

	note string // what must be said of its cells below the table, if it stays
	// A shorter form of the cells that tells the same beside the others, for when the table is too wide, and its head.
	short     func(string) string
	shortHead string
}

// cell is a text with a meaning.
type cell struct {
	text string
	tone tone
	ours bool // words of ours in a column of data
}

const gap = 2 // blanks between columns

// grid is a table ready to be fitted: each row has a cell for every column, and ids of messages that stand for it.
type grid struct {
	columns []column
	rows    [][]cell
	ids     [][]string
}

func (g *grid) add(ids []string, cells ...cell) {
	for i, col := range g.columns {
		cells[i].text = cut(cells[i].text, col.most)
	}
	g.rows = append(g.rows, cells)
	g.ids = append(g.ids, ids)
}

// prune takes out the columns that are empty in every row.
func (g *grid) prune() {
	for c := len(g.columns) - 1; c >= 0; c-- {
		if !slices.ContainsFunc(g.rows, func(row []cell) bool { return row[c].text != "" }) {
			g.remove(c)
		}
	}
}

func (g *grid) remove(c int) {
	g.columns = slices.Delete(slices.Clone(g.columns), c, c+1)
	for i, row := range g.rows {
		g.rows[i] = slices.Delete(slices.Clone(row), c, c+1)
	}
}

// natural is the width that a column would like.
func (g *grid) natural(c int) int {
	w := twwidth.Width(g.columns[c].head)
	for _, row := range g.rows {
		w = max(w, twwidth.Width(row[c].text))
	}
	return w
}

// idColumns is how many message ids a row shows at most.
const idColumns = 3

// layout finds the fullest form that fits: all ids, fewer of them, short forms, then without the columns that can go. under
// says that not even one id fits, so that the ids have to stand below the table.
func (g *grid) layout(width int) (fitted *grid, under bool) {
	for n := idColumns; n > 0; n-- {
		if c := g.withIDs(n); c.fit(width, false) {
			return c, false
		}
	}
	g = g.shortened()
	for n := idColumns; n > 0; n-- {
		if c := g.withIDs(n); c.fit(width, false) {
			return c, false
		}
	}
	if c := g.withIDs(1); c.fit(width, true) {
		return c, false
	}
	c := g.withIDs(0)
	c.fit(width, true)
	return c, true
}

// shortened copies the grid with the short forms of its cells.
func (g *grid) shortened() *grid {
	c := &grid{columns: slices.Clone(g.columns), ids: g.ids}
	for i, col := range c.columns {
		if col.short != nil {
			c.columns[i].head = col.shortHead
		}
	}
	for _, row := range g.rows {
		row = slices.Clone(row)
		for i, col := range c.columns {
			if col.short != nil {
				row[i].text = col.short(row[i].text)
			}
		}
		c.rows = append(c.rows, row)
	}
	return c
}

// withIDs copies the grid and adds a column of up to n ids.
func (g *grid) withIDs(n int) *grid {
	c := &grid{columns: slices.Clone(g.columns)}
	if n > 0 {
		c.columns = append(c.columns, column{head: "ids", data: true})
	}
	for i, row := range g.rows {
		row = slices.Clone(row)
		if n > 0 {
			row = append(row, cell{text: strings.Join(g.ids[i][:min(n, len(g.ids[i]))], " ")})
		}
		c.rows = append(c.rows, row)
	}
	c.prune()
	return c
}

// fit cuts cells until the table has the width, the widest column that may be cut first; then, if allowed, it drops
// whole columns. It says whether the table fits now.
func (g *grid) fit(width int, drop bool) bool {
	for {
		widths, total := make([]int, len(g.columns)), -gap
		for c := range g.columns {
			widths[c] = g.natural(c)
			total += widths[c] + gap
		}
		if total <= width {
			return true
		}
		if !g.shrink(widths, total-width) && !(drop && g.dropOne()) {
			return false
		}
	}
}

// shrink takes up to excess columns from the widest column that can give any.
func (g *grid) shrink(widths []int, excess int) bool {
	widest := -1
	for c, col := range g.columns {
		floor := max(col.min, twwidth.Width(col.head))
		if col.min > 0 && widths[c] > floor && (widest < 0 || widths[c] > widths[widest]) {
			widest = c
		}
	}
	if widest < 0 {
		return false
	}
	col := g.columns[widest]
	target := max(widths[widest]-excess, col.min, twwidth.Width(col.head))
	shorten := cut
	if col.name {
		shorten = cutName
	}
	for i := range g.rows {
		g.rows[i][widest].text = shorten(g.rows[i][widest].text, target)
	}
	return true
}

func (g *grid) dropOne() bool {
	victim := -1
	for c, col := range g.columns {
		if col.drop > 0 && (victim < 0 || col.drop > g.columns[victim].drop) {
			victim = c
		}
	}
	if victim >= 0 {
		g.remove(victim)
	}
	return victim >= 0
}

// draw renders the grid without frame: a head, a line, the rows.
func (g *grid) draw(b *strings.Builder, s Style) error {
	var heads []string
	var aligns []tw.Align
	for _, col := range g.columns {
		heads = append(heads, s.paint(quiet, col.head))
		align := tw.AlignLeft
		if col.right {
			align = tw.AlignRight
		}
		aligns = append(aligns, align)
	}
	var out strings.Builder
	t := newTable(&out, aligns)
	t.Header(heads)
	for _, row := range g.rows {
		var texts []string
		for _, c := range row {
			texts = append(texts, s.paint(c.tone, c.text))
		}
		if err := t.Append(texts); err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(out.String()) {
		b.WriteString(indent + trimEnd(line) + "\n")
	}
	return nil
}

// trimEnd takes the blanks from the end of a line, also those that tablewriter puts between the ends of colours.
func trimEnd(line string) string {
	end := ""
	for {
		line = strings.TrimRight(line, " \n")
		rest, found := strings.CutSuffix(line, colorEnd)
		if !found {
			return line + end
		}
		line, end = rest, colorEnd
	}
}

func newTable(out *strings.Builder, aligns []tw.Align) *tablewriter.Table {
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{PerColumn: aligns},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}},
	}
	return tablewriter.NewTable(out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off},
			Settings: tw.Settings{
				Separators: tw.Separators{ShowHeader: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.Off},
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.Off},
			},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells}),
	)
}
