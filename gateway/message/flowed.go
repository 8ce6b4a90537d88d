package message

import "strings"

// Unflow joins the lines of a format=flowed text into the paragraphs that its author wrote (RFC
// 3676 §4), quotation depth by quotation depth, for showing. Line ends come out as LF.
func Unflow(text string, delSp bool) string {
	var out strings.Builder
	out.Grow(len(text))
	open, depth := false, 0 // a paragraph that goes on, and its depth
	for _, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		d := 0
		for d < len(line) && line[d] == '>' {
			d++
		}
		line = strings.TrimPrefix(line[d:], " ") // space-stuffing, §4.4
		signature := line == "-- "
		switch {
		case open && (d != depth || signature):
			out.WriteByte('\n')
			open = false
			fallthrough
		case !open && d > 0:
			if !open {
				out.WriteString(strings.Repeat(">", d))
				if d > 0 && line != "" {
					out.WriteByte(' ')
				}
			}
		}
		flows := strings.HasSuffix(line, " ") && !signature
		if flows && delSp {
			line = line[:len(line)-1]
		}
		out.WriteString(line)
		if !flows {
			out.WriteByte('\n')
		}
		open, depth = flows, d
	}
	return strings.TrimSuffix(out.String(), "\n")
}
