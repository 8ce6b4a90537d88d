package console

import (
	"context"
	"errors"
	"net/http"

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
type deed func(gateway.Courier, gateway.Recipient, act.By) (gateway.Step, error)

func reminding(x gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Remind(x, r, maxReminders, by)
}

func cancelling(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Cancel(r, by)
}

func retrying(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
	return act.Retry(r, by)
}

func (c *Console) remind(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, reminding, "reminded")
}

func (c *Console) withdraw(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, act.Withdraw, "withdrawn")
}

func (c *Console) cancel(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, cancelling, "cancelled")
}

func (c *Console) retry(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.one(w, r, v, retrying, "retried")
}

func (c *Console) remindAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, reminding, "reminded")
}

func (c *Console) withdrawAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, act.Withdraw, "withdrawn")
}

func (c *Console) cancelAll(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.each(w, r, v, cancelling, "cancelled")
}

// by is who acts: the agent, for the reason they gave.
func (v *visit) by(r *http.Request) act.By {
	return act.By{Actor: "agent:" + v.agent.Login, Reason: singleLine(r.PostForm.Get("motif"), maxReason), Now: v.now}
}

// one does an act about the recipient of the path. What was done meanwhile is done: a form sent twice does it once.
func (c *Console) one(w http.ResponseWriter, r *http.Request, v *visit, do deed, done string) error {
	if err := c.act(r.Context(), v.courier, v.recipient, v.by(r), do); err != nil {
		return c.late(w, r, v, err)
	}
	return after(w, r, v.courierPath(), done)
}

func (c *Console) act(ctx context.Context, x gateway.Courier, r gateway.Recipient, by act.By, do deed) error {
	step, err := do(x, r, by)
	if err == nil {
		err = c.d.Store.Apply(ctx, step)
	}
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	return err
}

// each does an act about every recipient for whom it is not too late.
func (c *Console) each(w http.ResponseWriter, r *http.Request, v *visit, do deed, done string) error {
	recipients, err := c.d.Store.Recipients(r.Context(), v.courier.ID)
	if err != nil {
		return err
	}
	refused, acted := error(act.ErrTakenBack), false
	for _, one := range recipients {
		err := c.act(r.Context(), v.courier, one, v.by(r), do)
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
	return after(w, r, v.courierPath(), done)
}

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
