package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

type courierCommand struct {
	List courierList `cmd:"" help:"List couriers, newest first."`
	Show courierShow `cmd:"" help:"Show a courier, its recipients and its events."`
	Send courierSend `cmd:"" help:"Send a courier in the name of an agent: a mail, or what options say."`

	Cancel   courierCancel   `cmd:"" help:"Keep what has not left from leaving."`
	Withdraw courierWithdraw `cmd:"" help:"Close the page of a courier with acknowledgement; its events stay."`
	Remind   courierRemind   `cmd:"" help:"Call again on those who have not read."`
	Retry    courierRetry    `cmd:"" help:"Send again to those whom it could not reach."`
}

const stamp = "2006-01-02 15:04:05 MST"

type courierList struct {
	Consultation string `help:"Only those of this reference."`
	Search       string `help:"Words of the subject, author or recipients."`
	Limit        int    `default:"50" help:"How many."`
	asAgent
	asJSON
}

func (l courierList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		filter := store.CourierFilter{Search: l.Search, Limit: l.Limit}
		var err error
		if filter.Consultations, err = l.consultations(ctx, s, l.Consultation); err != nil {
			return err
		}
		couriers, err := s.Couriers(ctx, filter)
		if err != nil {
			return err
		}
		counts, err := s.RecipientStates(ctx, view.All(couriers, func(c gateway.Courier) gateway.ID { return c.ID })...)
		if err != nil {
			return err
		}
		shown := view.Couriers{Couriers: view.All(couriers, func(c gateway.Courier) view.Courier { return view.OfCourier(c).WithStates(counts[c.ID]) })}
		return l.show(c, shown, func() error {
			return c.table(func(w *tabwriter.Writer) error {
				row(w, "COURIER", "ACCEPTED", "CONSULTATION", "TYPE", "RECIPIENTS", "SUBJECT")
				for _, courier := range couriers {
					row(w, courier.ID, courier.Accepted.Local().Format(stamp), courier.Context.Reference, courier.Type, states(counts[courier.ID]), courier.Subject)
				}
				return nil
			})
		})
	})
}

// states is "2 read, 1 failed", highest first.
func states(counts map[gateway.State]int) string {
	var parts []string
	all := gateway.States()
	for i := len(all) - 1; i >= 0; i-- {
		if n := counts[all[i]]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, all[i]))
		}
	}
	return strings.Join(parts, ", ")
}

// row writes one line of a table; a cell cannot break it.
func row(w *tabwriter.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = strings.Map(printable, fmt.Sprint(cell))
	}
	_, _ = fmt.Fprintln(w, strings.Join(texts, "\t")) // Flush tells
}

// printable keeps control characters, which a subject can hold, off the administrator's terminal.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
		return ' '
	}
	return r
}

func (c console) table(fill func(*tabwriter.Writer) error) error {
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	return errors.Join(fill(w), w.Flush())
}

type courierShow struct {
	Courier string `arg:"" help:"Number of the courier: the 250 answer, or courier list."`
	asAgent
	asJSON
}

func (s courierShow) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(st *store.Store) error {
		courier, err := s.courier(ctx, st, s.Courier)
		if err != nil {
			return err
		}
		recipients, err := st.Recipients(ctx, courier.ID)
		if err != nil {
			return err
		}
		events, err := st.Events(ctx, courier.ID, gateway.ID{})
		if err != nil {
			return err
		}
		return s.show(c, view.OfCourier(courier).With(recipients, events), func() error { return showCourier(c, courier, recipients, events) })
	})
}

func showCourier(c console, courier gateway.Courier, recipients []gateway.Recipient, events []gateway.Event) error {
	mode := "with acknowledgement"
	if !courier.Options.Acknowledged {
		mode = "plain"
	}
	c.say("Courier      %s\nConsultation %s\nType         %s (%s), %s\nFrom         %s <%s>\nSubject      %s\nAccepted     %s\n",
		courier.ID, courier.Context.Reference, courier.Type, courier.TypeLabel, mode, courier.AuthorName, courier.AuthorAddr,
		strings.Map(printable, courier.Subject), courier.Accepted.Local().Format(stamp))
	names := map[gateway.ID]string{}
	if err := c.table(func(w *tabwriter.Writer) error {
		row(w, "RECIPIENT", "STATE", "ADDRESS", "COMPANY")
		for _, r := range recipients {
			names[r.ID] = r.Address
			row(w, r.ID, r.Standing.State, r.Address, r.CompanyName)
		}
		return nil
	}); err != nil {
		return err
	}
	c.say("")
	return c.table(func(w *tabwriter.Writer) error {
		row(w, "RECORDED", "EVENT", "PROVED BY", "ABOUT", "DETAILS")
		for _, e := range events {
			row(w, e.Recorded.Local().Format(stamp), e.Kind, e.Strength, names[e.Recipient], digest(e))
		}
		return nil
	})
}

// digest is what an administrator first asks of an event.
func digest(e gateway.Event) string {
	var d struct {
		Reply      string    `json:"reply"`
		Host       string    `json:"host"`
		Cause      string    `json:"cause"`
		Diagnostic string    `json:"diagnostic"`
		Looks      string    `json:"looks"`
		Reason     string    `json:"reason"`
		Next       time.Time `json:"next"`
	}
	if json.Unmarshal(e.Details, &d) != nil {
		return ""
	}
	var parts []string
	for _, p := range []string{d.Host, d.Cause, d.Diagnostic, d.Looks, d.Reason} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if d.Host != "" && d.Reply != "" {
		parts = append(parts, d.Reply)
	}
	if !d.Next.IsZero() {
		parts = append(parts, "next "+d.Next.Local().Format(stamp))
	}
	return strings.Join(parts, " · ")
}
