package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// correct sends the letter again to an address corrected by its author: the same message, with another recipient, through
// the intake like every door. It joins the same courier (promise 3); what became of the wrong address stays.
func (c *Console) correct(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := strings.TrimSpace(r.PostForm.Get("adresse"))
	again := func(text string) error {
		return c.showDetail(w, r, v, http.StatusUnprocessableEntity, text, typed)
	}
	if v.courier.Author != v.agent.ID {
		return again(c.site.Text(v.lang, "correct.not-author", "Author", v.courier.AuthorName))
	}
	if !strings.Contains(typed, "@") || strings.HasSuffix(strings.ToLower(typed), "@"+c.o.Domain) {
		return again(c.site.Text(v.lang, "correct.no-address"))
	}
	receipt, err := c.submitAgain(r.Context(), v, typed)
	var fault *gateway.Fault
	switch {
	case errors.As(err, &fault) && fault.Class == gateway.Permanent:
		return again(catalog.Text(v.lang, fault.Key, fault.Args))
	case err != nil:
		return err
	case len(receipt.Added) == 0:
		added, err := c.addedSince(r.Context(), v, typed)
		if err != nil {
			return err
		}
		if !added {
			return again(c.site.Text(v.lang, "correct.known"))
		}
	}
	return after(w, r, "/courriers/"+receipt.Courier.ID.String(), "corrected")
}

// addedSince tells whether the letter went to an address since the page was shown that the form came from: the same button, pressed twice.
func (c *Console) addedSince(ctx context.Context, v *visit, to string) (bool, error) {
	recipients, err := c.d.Store.Recipients(ctx, v.courier.ID)
	if err != nil {
		return false, err
	}
	for _, one := range recipients {
		if strings.EqualFold(one.Address, to) {
			before, err := c.pressed(ctx, v, one.ID, gateway.Submitted)
			return before[one.ID], err
		}
	}
	return false, nil
}

func (c *Console) submitAgain(ctx context.Context, v *visit, to string) (intake.Receipt, error) {
	content, err := c.d.Store.OpenContent(ctx, v.courier.Content)
	if err != nil {
		return intake.Receipt{}, err
	}
	defer content.Close()
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if _, err := io.Copy(spool, io.NewSectionReader(content, 0, content.Size())); err != nil {
		return intake.Receipt{}, err
	}
	return c.submit(ctx, v, spool, said(v.consultation, v.courier), to)
}

func (c *Console) submit(ctx context.Context, v *visit, spool *store.Spool, w address.Wish, to string) (intake.Receipt, error) {
	return c.d.Intake.Submit(ctx, intake.Submission{Agent: v.agent, Door: gateway.DoorConsole, Recipients: []string{to}, Said: w, Message: spool})
}

// said asks for the options that a courier was accepted with.
func said(about gateway.Consultation, x gateway.Courier) address.Wish {
	o := x.Options
	w := address.Wish{
		Source: address.FromField, Name: about.Address, Type: x.Type, Acknowledged: address.Choose(o.Acknowledged),
		Reply: address.Choose(o.Reply.Allowed), Sealed: address.Choose(o.Reply.Sealed),
	}
	if !o.Reply.By.IsZero() {
		w.By = address.At(o.Reply.By)
	}
	return w
}

// refusedPage is what was refused, in a sentence that says what to change.
type refusedPage struct {
	Shell shell
	Text  string
}

func (c *Console) refused(w http.ResponseWriter, r *http.Request, v *visit, fault *gateway.Fault) {
	p := refusedPage{Text: catalog.Text(v.lang, fault.Key, fault.Args)}
	if v.agent.ID != (gateway.ID{}) {
		p.Shell = v.shell(r, "")
	}
	c.site.Write(w, r, web.Page{Name: "refused", Status: http.StatusUnprocessableEntity, Lang: v.lang, Data: p})
}
