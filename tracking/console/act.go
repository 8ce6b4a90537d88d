package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
)

// maxReminders is how often a company is called again about one letter from here.
const maxReminders = 5

// maxReason bounds the reason of an act, in octets.
const maxReason = 500

// may is what may still be done about a recipient.
type may struct{ Remind, Withdraw, Cancel, Retry, Correct bool }

func (m may) or(o may) may {
	return may{m.Remind || o.Remind, m.Withdraw || o.Withdraw, m.Cancel || o.Cancel, m.Retry || o.Retry, m.Correct || o.Correct}
}

// mayOf asks gateway/act, which decides again when it is done.
func mayOf(x gateway.Courier, r gateway.Recipient) may {
	ok := func(_ gateway.Step, err error) bool { return err == nil }
	failed := r.Standing.State == gateway.StateFailed || r.Standing.State == gateway.StateExpired
	return may{
		Remind: ok(act.Remind(x, r, maxReminders, act.By{})), Withdraw: ok(act.Withdraw(x, r, act.By{})), Cancel: ok(act.Cancel(r, act.By{})),
		Retry: failed && ok(act.Retry(r, act.By{})), Correct: failed || !r.Standing.WrongRecipient.IsZero(),
	}
}

// deed is an act about one recipient.
type deed struct {
	do   func(gateway.Courier, gateway.Recipient, act.By) (gateway.Step, error)
	kind gateway.EventKind // what it records
	done string            // what the page says then
}

var (
	reminding   = deed{remindOften, gateway.Reminded, "reminded"}
	withdrawing = deed{act.Withdraw, gateway.Withdrawn, "withdrawn"}
	cancelling  = deed{cancelOne, gateway.Cancelled, "cancelled"}
	retrying    = deed{retryOne, gateway.Retried, "retried"}
)

func remindOften(x gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Remind(x, r, maxReminders, by)
}

func cancelOne(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Cancel(r, by)
}

func retryOne(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Retry(r, by)
}

func (c *Console) remind(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, reminding)
}

func (c *Console) withdraw(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, withdrawing)
}

func (c *Console) cancel(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, cancelling)
}

func (c *Console) retry(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, retrying)
}

func (c *Console) remindAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, reminding)
}

func (c *Console) withdrawAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, withdrawing)
}

func (c *Console) cancelAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, cancelling)
}

// by is who acts: the agent, for the reason they gave.
func (v *visit) by(r *http.Request) act.By {
	return act.By{Actor: v.actor(), Reason: singleLine(r.PostForm.Get("motif"), maxReason), Now: v.now}
}

// one does an act about the recipient of the path. Who presses twice does it once: the second press finds it done since its page was shown.
func (c *Console) one(w http.ResponseWriter, r *http.Request, v *visit, d deed) error {
	before, err := c.pressed(r.Context(), v, v.recipient.ID, d.kind)
	if err != nil {
		return err
	}
	if !before[v.recipient.ID] {
		if err := c.act(r.Context(), v.courier, v.recipient, v.by(r), d); err != nil {
			return c.late(w, r, v, err)
		}
	}
	return after(w, r, v.courierPath(), d.done)
}

// pressAgain is how long the same button of the same page means the same act. Later it is meant: the page may have been open since morning.
const pressAgain = 5 * time.Minute

// pressed gives the recipients, or the one named, about whom the agent did this already since the page was shown that the form came from, and
// a moment ago: the same button, pressed again before its answer came, or after going back.
func (c *Console) pressed(ctx context.Context, v *visit, recipient gateway.ID, kind gateway.EventKind) (map[gateway.ID]bool, error) {
	events, err := c.d.Store.Events(ctx, v.courier.ID, recipient)
	if err != nil {
		return nil, err
	}
	before := map[gateway.ID]bool{}
	for _, e := range events {
		if e.Kind == kind && e.Actor == v.actor() && !e.Occurred.Before(v.shown) && v.now.Sub(e.Occurred) < pressAgain {
			before[e.Recipient] = true
		}
	}
	return before, nil
}

func (c *Console) act(ctx context.Context, x gateway.Courier, r gateway.Recipient, by act.By, d deed) error {
	step, err := d.do(x, r, by)
	if err == nil {
		err = c.d.Store.Apply(ctx, step)
	}
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	return err
}

// each does an act about every recipient for whom it is not too late.
func (c *Console) each(w http.ResponseWriter, r *http.Request, v *visit, d deed) error {
	recipients, err := c.d.Store.Recipients(r.Context(), v.courier.ID)
	if err != nil {
		return err
	}
	before, err := c.pressed(r.Context(), v, gateway.ID{}, d.kind)
	if err != nil {
		return err
	}
	refused, acted := error(act.ErrTakenBack), len(before) > 0
	for _, one := range recipients {
		if before[one.ID] {
			continue
		}
		err := c.act(r.Context(), v.courier, one, v.by(r), d)
		switch {
		case err == nil:
			acted = true
		case reasonKey(err) == "":
			return err
		default:
			refused = err
		}
	}
	if !acted {
		return c.late(w, r, v, refused)
	}
	return after(w, r, v.courierPath(), d.done)
}

// actor is the agent, as events name them.
func (v *visit) actor() string { return "agent:" + v.agent.Login }

func (v *visit) courierPath() string { return "/courriers/" + v.courier.ID.String() }

// reasonKey names the sentence for a refusal of gateway/act; empty for a failure.
func reasonKey(err error) string {
	for known, key := range map[error]string{
		act.ErrGone: "gone", act.ErrNotSent: "not-sent", act.ErrPlain: "plain", act.ErrRead: "read", act.ErrTakenBack: "taken-back",
		act.ErrInHand: "in-hand", act.ErrUnreached: "unreached", act.ErrUnderWay: "under-way", act.ErrDelivered: "delivered", act.ErrTooOften: "too-often",
	} {
		if errors.Is(err, known) {
			return key
		}
	}
	return ""
}

// late shows the exchanges again with the reason why nothing was done.
func (c *Console) late(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	key := reasonKey(err)
	if key == "" {
		return err
	}
	return c.showDetail(w, r, v, http.StatusConflict, c.site.Text(v.lang, "late."+key), "")
}
