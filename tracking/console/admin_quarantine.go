package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/quarantine"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// Matcher records that a mail is about a recipient's letter, as a person says (inbound/mailbox).
type Matcher interface {
	Match(ctx context.Context, mail, recipient gateway.ID, by act.By) error
}

// WhyKey names the sentence of the catalogue for a reason of quarantine. What failed says so itself: it has none.
func WhyKey(reason string) string {
	words := strings.FieldsFunc(strings.ToLower(reason), func(r rune) bool { return r < 'a' || r > 'z' })
	return "quarantine.why-" + strings.Join(words, "-")
}

type quarantinePage struct {
	adminPage
	Mails []waitingMail
	Next  string
}

// quarantine lists the mail that waits for a person, oldest first.
func (c *Console) quarantine(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := quarantinePage{adminPage: v.admin(r, "quarantine")}
	filter := store.InboundFilter{State: gateway.InboundQuarantined, Limit: adminRows + 1}
	if after := r.URL.Query().Get("apres"); after != "" {
		id, err := gateway.ParseID(after)
		if err != nil {
			return gateway.ErrNotFound
		}
		filter.After = id
	}
	mails, err := c.d.Store.Inbounds(r.Context(), filter)
	if err != nil {
		return err
	}
	if len(mails) > adminRows {
		mails = mails[:adminRows]
		p.Next = "/passerelle/quarantaine?" + url.Values{"apres": {mails[adminRows-1].ID.String()}}.Encode()
	}
	for _, in := range mails {
		p.Mails = append(p.Mails, waitingMail{in, c.why(v, in.Reason)})
	}
	return c.page(w, r, v, web.Page{Name: "admin-quarantine", Data: p})
}

// waitingMail is a mail with why it waits.
type waitingMail struct {
	gateway.Inbound
	Why string
}

func (c *Console) why(v *visit, reason string) string {
	if key := WhyKey(reason); catalog.Has("console." + key) {
		return c.site.Text(v.lang, key)
	}
	return reason
}

type mailPage struct {
	adminPage
	Why    string
	Mail   quarantine.View
	Path   string
	Search string       // what was asked for
	Found  []letterSeen // to whom it may belong
	Asked  bool
}

// letterSeen is a letter that a mail may be about, as an administrator knows letters: by whom they are to, not by what they say.
type letterSeen struct {
	ID                       gateway.ID // of the recipient
	Reference, Type, To, Who string
	Accepted                 time.Time
}

// loadMail reads the mail of the path. One that was settled is not found: what it says is whose it became.
func (c *Console) loadMail(r *http.Request, v *visit) (quarantine.View, error) {
	id, err := pathID(r, "mail")
	if err != nil {
		return quarantine.View{}, err
	}
	view, err := quarantine.Look(r.Context(), c.d.Store, c.d.Vault, id)
	if err == nil && view.State != gateway.InboundQuarantined {
		err = gateway.ErrNotFound
	}
	return view, err
}

// mail shows one, and the letters among which to look for its own.
func (c *Console) mail(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showMail(w, r, v, "")
}

func (c *Console) showMail(w http.ResponseWriter, r *http.Request, v *visit, problem string) (err error) {
	p := mailPage{adminPage: v.admin(r, "quarantine")}
	if p.Mail, err = c.loadMail(r, v); err != nil {
		return err
	}
	p.Path, p.Why = mailPath(p.Mail.ID), c.why(v, p.Mail.Reason)
	p.Search = singleLine(r.URL.Query().Get("destinataire"), 200)
	if p.Asked = p.Search != ""; !p.Asked {
		p.Search = p.Mail.From
	}
	if p.Search != "" {
		if p.Found, err = c.lettersTo(r.Context(), p.Search); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if p.Error = problem; problem != "" {
		status = http.StatusConflict
	}
	return c.page(w, r, v, web.Page{Name: "admin-mail", Status: status, Switch: p.Path, Data: p})
}

func mailPath(id gateway.ID) string { return "/passerelle/quarantaine/" + id.String() }

// rawMail gives the mail as it came, never to be opened in place; not before the seals are open.
func (c *Console) rawMail(w http.ResponseWriter, r *http.Request, v *visit) error {
	view, err := c.loadMail(r, v)
	if err != nil {
		return err
	}
	content, err := quarantine.Raw(r.Context(), c.d.Store, view.ID)
	var sealed quarantine.Sealed
	if errors.As(err, &sealed) {
		return c.showMail(w, r, v, c.site.Text(v.lang, "quarantine.sealed", "Date", web.Date(v.lang, sealed.Until, v.zone())))
	}
	if err != nil {
		return err
	}
	defer content.Close()
	c.audit(r, v, "mail in quarantine read", "mail", view.ID.String())
	attachment(w.Header(), "quarantaine-"+view.ID.String()+".eml", content.Size())
	stream(w, r, io.NewSectionReader(content, 0, content.Size()))
	return nil
}

// match puts a mail beside the letter that the administrator names.
func (c *Console) match(w http.ResponseWriter, r *http.Request, v *visit) error {
	view, err := c.loadMail(r, v)
	if err != nil {
		return err
	}
	recipient, err := gateway.ParseID(strings.TrimSpace(r.PostForm.Get("destinataire")))
	if err == nil {
		_, err = c.d.Store.Recipient(r.Context(), recipient)
	}
	if err != nil {
		return c.showMail(w, r, v, c.site.Text(v.lang, "quarantine.no-letter"))
	}
	by := v.administrating(r)
	if by.Reason == "" {
		return c.showMail(w, r, v, c.site.Text(v.lang, "gateway.no-reason"))
	}
	return c.settled(w, r, c.d.Matcher.Match(r.Context(), view.ID, recipient, by), "mail-matched")
}

// dismiss says that a mail needs nothing more.
func (c *Console) dismiss(w http.ResponseWriter, r *http.Request, v *visit) error {
	view, err := c.loadMail(r, v)
	if err != nil {
		return err
	}
	by := v.administrating(r)
	if by.Reason == "" {
		return c.showMail(w, r, v, c.site.Text(v.lang, "gateway.no-reason"))
	}
	return c.settled(w, r, quarantine.Dismiss(r.Context(), c.d.Store, view.ID, by), "mail-dismissed")
}

// settled leads back to the list; what somebody else settled meanwhile is settled.
func (c *Console) settled(w http.ResponseWriter, r *http.Request, err error, done string) error {
	if errors.Is(err, gateway.ErrFenced) {
		done, err = "mail-settled", nil
	}
	if err != nil {
		return err
	}
	return after(w, r, "/passerelle/quarantaine", done)
}

// maxFound bounds the letters among which a person looks.
const maxFound = 20

// lettersTo finds the letters that a mail may be about, the newest first: those to an address or a company, or else to
// the same domain.
func (c *Console) lettersTo(ctx context.Context, search string) (found []letterSeen, err error) {
	recipients, err := c.d.Store.RecipientsLike(ctx, search, maxFound)
	if at := strings.LastIndexByte(search, '@'); err == nil && len(recipients) == 0 && at >= 0 && at+1 < len(search) {
		recipients, err = c.d.Store.RecipientsLike(ctx, search[at:], maxFound)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range recipients {
		x, err := c.d.Store.Courier(ctx, r.Courier)
		if err != nil {
			return nil, err
		}
		found = append(found, letterSeen{r.ID, x.Context.Reference, x.TypeLabel, r.Address, r.CompanyName, x.Accepted})
	}
	return found, nil
}
