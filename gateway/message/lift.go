package message

import "slices"

// lifted finds the invitations that stand among the renderings of a text. A mail client would show its own page of an
// appointment in the place of the letter, the words put into it unseen: they become files beside the text.
func lifted(p *Part) (all []*Part) {
	if protection(p) != "" {
		return nil
	}
	invitation := func(c *Part) bool { return c.MediaType == "text/calendar" }
	if p.MediaType == "multipart/alternative" && slices.ContainsFunc(p.Children, func(c *Part) bool { return !invitation(c) }) {
		for _, c := range p.Children {
			if invitation(c) {
				all = append(all, c)
			}
		}
	}
	for _, c := range p.Children {
		all = append(all, lifted(c)...)
	}
	return all
}

// isFile tells the parts that are files, whatever their header says of how to show them.
func (p *splicer) isFile(part *Part) bool {
	return part.MediaType == "message/partial" && part.Disposition == "" || slices.Contains(p.lifted, part)
}

// whole writes the message with its text spliced, and what was lifted out of it behind.
func (p *splicer) whole() error {
	if len(p.lifted) == 0 || p.m.Root.MediaType == "multipart/mixed" {
		p.head = p.m.Root
		return p.entity(p.m.Root)
	}
	b := p.boundary()
	p.w.WriteString("Content-Type: multipart/mixed;\r\n boundary=\"" + b + "\"\r\n\r\n")
	return p.between(b, func() error {
		if err := p.child(b, p.m.Root); err != nil {
			return err
		}
		return p.liftedInto(b)
	})
}

func (p *splicer) liftedInto(boundary string) error {
	for _, c := range p.lifted {
		p.w.WriteString("--" + boundary + "\r\n")
		if err := p.leaf(c); err != nil {
			return err
		}
		p.w.WriteString("\r\n")
	}
	return nil
}
