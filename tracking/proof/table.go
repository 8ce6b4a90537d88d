package proof

// cell is the content of one place of a table: paragraphs, each in its style.
type cell []span

type span struct {
	text  string
	style style
}

func plainCell(text string) cell { return cell{{text, plain}} }

// placed is a line of a cell, wrapped.
type placed struct {
	text  string
	style style
}

// table draws rows under a head that is repeated on every page. A row stays whole where a page can
// hold it, and is cut between lines where none can.
type table struct {
	s      *sheet
	widths []float64 // of the columns; they add up to bodyW
	head   []string
}

func (s *sheet) table(widths []float64, head ...string) *table {
	t := &table{s: s, widths: widths, head: head}
	t.drawHead()
	return t
}

func (t *table) drawHead() {
	if len(t.head) == 0 {
		return
	}
	cells := make([]cell, len(t.head))
	for i, text := range t.head {
		cells[i] = cell{{text, style{bold, smallSize + 0.5, white}}}
	}
	lines := t.wrapRow(cells)
	height := rowHeight(lines)
	t.s.room(height + 40)
	t.s.fill(accent, marginX, t.s.y, bodyW, height)
	t.drawLines(lines)
	t.s.y += height
}

// band is a row of one cell over the whole width, for the group of rows under it.
func (t *table) band(c cell) {
	whole := table{s: t.s, widths: []float64{bodyW}}
	lines := whole.wrapRow([]cell{c})
	height := rowHeight(lines)
	t.breakBefore(height + 30)
	t.s.fill(shade, marginX, t.s.y, bodyW, height)
	whole.drawLines(lines)
	t.s.y += height
	t.s.horizontal(rule, 0.5, marginX, marginX+bodyW, t.s.y)
}

func (t *table) breakBefore(height float64) {
	if height > t.s.left() && t.s.y > bodyTop {
		t.s.newPage()
		t.drawHead()
	}
}

func (t *table) row(cells ...cell) {
	lines := t.wrapRow(cells)
	height := rowHeight(lines)
	t.breakBefore(min(height, (bodyBottom-bodyTop)/2))
	for rowHeight(lines) > t.s.left() {
		var now [][]placed
		now, lines = splitRow(lines, t.s.left()-2*cellPadY)
		t.drawLines(now)
		t.s.newPage()
		t.drawHead()
	}
	t.drawLines(lines)
	t.s.y += rowHeight(lines)
	t.s.horizontal(rule, 0.5, marginX, marginX+bodyW, t.s.y)
}

func (t *table) wrapRow(cells []cell) [][]placed {
	rows := make([][]placed, len(cells))
	for i, c := range cells {
		for _, sp := range c {
			if sp.text == "" {
				continue
			}
			for _, line := range t.s.wrap(sp.text, sp.style, t.widths[i]-2*cellPadX) {
				rows[i] = append(rows[i], placed{line, sp.style})
			}
		}
	}
	return rows
}

func (t *table) drawLines(columns [][]placed) {
	x := marginX
	for i, lines := range columns {
		y := t.s.y + cellPadY
		for _, l := range lines {
			t.s.line(l.text, l.style, x+cellPadX, y)
			y += l.style.leading()
		}
		x += t.widths[i]
	}
}

func columnHeight(lines []placed) float64 {
	h := 0.0
	for _, l := range lines {
		h += l.style.leading()
	}
	return h
}

func rowHeight(columns [][]placed) float64 {
	h := plain.leading()
	for _, lines := range columns {
		h = max(h, columnHeight(lines))
	}
	return h + 2*cellPadY
}

// splitRow gives what of a row fits in the height, at least one line of each column, and the rest.
func splitRow(columns [][]placed, height float64) (now, rest [][]placed) {
	now, rest = make([][]placed, len(columns)), make([][]placed, len(columns))
	for i, lines := range columns {
		n, h := 0, 0.0
		for n < len(lines) && (n == 0 || h+lines[n].style.leading() <= height) {
			h += lines[n].style.leading()
			n++
		}
		now[i], rest[i] = lines[:n], lines[n:]
	}
	return now, rest
}

// facts is a table without head: names at the left on a shade, values at the right.
func (s *sheet) facts(nameW float64, rows ...fact) {
	t := &table{s: s, widths: []float64{nameW, bodyW - nameW}}
	first := true
	for _, r := range rows {
		if r.value == "" {
			continue
		}
		if first {
			s.horizontal(rule, 0.5, marginX, marginX+bodyW, s.y)
			first = false
		}
		st := r.style
		if st.font == "" {
			st = plain
		}
		cells := []cell{{{r.name, style{sans, textSize - 0.5, muted}}}, {{r.value, st}}}
		if h := rowHeight(t.wrapRow(cells)); h <= bodyBottom-bodyTop {
			s.room(h)
			s.fill(shade, marginX, s.y+0.3, nameW, h-0.3)
		}
		t.row(cells...)
	}
}

// fact is one row of facts; without a value it is not shown.
type fact struct {
	name, value string
	style       style
}
