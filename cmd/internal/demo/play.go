package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

const rejection = "From: " + agentName + " <" + agentMail + ">\r\n" +
	"To: " + company + ", testesr2020+rejet+reponse@" + domain + "\r\n" +
	"Subject: Courrier de rejet\r\n" +
	"Date: %s\r\nMessage-ID: <demo-%d@adn.example>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
	"Bonjour,\r\n\r\n" +
	"Nous vous remercions d'avoir répondu à la consultation citée en référence.\r\n" +
	"Nous sommes toutefois au regret de vous annoncer que votre réponse n'a pas été retenue :\r\n" +
	"son prix (60 points sur 100) l'a placée au deuxième rang.\r\n\r\n" +
	"Merci de votre intérêt pour cette consultation.\r\n\r\nVictoria Brun\r\n"

// submit sends the courier as the agent's mail client would.
func (d *Demo) submit(context.Context) error {
	c, err := smtp.Dial(d.daemon.Addresses().StartTLS)
	if err != nil {
		return fmt.Errorf("reach the submission port: %w", err)
	}
	defer c.Close()
	if err := c.StartTLS(d.clientTLS()); err != nil {
		return fmt.Errorf("start TLS: %w", err)
	}
	if err := c.Auth(smtp.PlainAuth("", login, d.password, "127.0.0.1")); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if err := c.Mail(agentMail); err != nil {
		return err
	}
	for _, to := range []string{company, "testesr2020+rejet+reponse@" + domain} {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	now := time.Now()
	_, err = fmt.Fprintf(w, rejection, now.Format(time.RFC1123Z), now.UnixNano())
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("send the courier: %w", err)
	}
	return c.Quit()
}

// watch prints each event once, as it is recorded, until enough says so.
func (d *Demo) watch(ctx context.Context, enough func(gateway.Event) bool) error {
	woken, cancel := d.store.Watch(store.TopicEvents)
	defer cancel()
	seen := map[gateway.ID]bool{}
	for {
		couriers, err := d.store.Couriers(ctx, store.CourierFilter{})
		if err != nil {
			return err
		}
		for i := len(couriers) - 1; i >= 0; i-- {
			events, err := d.store.Events(ctx, couriers[i].ID, gateway.ID{})
			if err != nil {
				return err
			}
			for _, e := range events {
				if seen[e.ID] {
					continue
				}
				seen[e.ID] = true
				d.tell(ctx, couriers[i], e)
				if enough != nil && enough(e) {
					return nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-woken:
		}
	}
}

// meanings are the events in plain words.
var meanings = map[gateway.EventKind]string{
	gateway.Submitted: "accepted from the agent", gateway.Sent: "handed to the relay", gateway.Deferred: "not taken yet, tried again later",
	gateway.Uncertain: "perhaps taken: the connection broke", gateway.Failed: "could not be delivered", gateway.Delivered: "delivered, says the company's server",
	gateway.HandedOver: "handed to a server that does not report", gateway.Visited: "link visited", gateway.Read: "read: receipt acknowledged",
	gateway.Downloaded: "file downloaded", gateway.Replied: "answered by the company", gateway.ProofIssued: "proof issued", gateway.Absent: "automatic answer",
	gateway.Delayed: "delayed, says a server",
}

func (d *Demo) tell(ctx context.Context, c gateway.Courier, e gateway.Event) {
	meaning := meanings[e.Kind]
	if meaning == "" {
		meaning = string(e.Kind)
	}
	who := c.Subject
	if !e.Recipient.IsZero() {
		if r, err := d.store.Recipient(ctx, e.Recipient); err == nil {
			who = r.Address
		}
	}
	var words struct {
		Reply      string `json:"reply"`
		Host       string `json:"host"`
		Diagnostic string `json:"diagnostic"`
		Looks      string `json:"looks"`
	}
	_ = json.Unmarshal(e.Details, &words) // details of another shape have none of these
	said := words.Diagnostic
	if words.Host != "" {
		said = words.Reply
	}
	if words.Looks != "" {
		said = "looks like a " + words.Looks
	}
	d.say("  %s  %-40s %-32s %s", e.Occurred.Local().Format("15:04:05.000"), meaning, who, said)
}

// once plays the company too.
func (d *Demo) once(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	d.say("The agent %s sends a Courrier de rejet about %s by SMTP to %s.\n", agentName, reference, d.daemon.Addresses().StartTLS)
	if err := d.submit(ctx); err != nil {
		return err
	}
	mail, err := d.world.Wait(ctx, company, nil)
	if err != nil {
		return err
	}
	wait := func(kind gateway.EventKind) error {
		return d.watchQuietly(ctx, func(e gateway.Event) bool { return e.Kind == kind })
	}
	if err := wait(gateway.Delivered); err != nil {
		return fmt.Errorf("wait for the delivery report: %w", err)
	}
	if err := d.read(ctx, mail); err != nil {
		return fmt.Errorf("read the courier as the company: %w", err)
	}
	if _, err := d.world.Reply(ctx, mail, "Bonjour,\n\nMerci de nous communiquer les motifs détaillés du rejet.\n\nEntreprise X\n"); err != nil {
		return fmt.Errorf("answer as the company: %w", err)
	}
	if err := wait(gateway.Replied); err != nil {
		return fmt.Errorf("wait for the answer: %w", err)
	}
	if _, err := d.world.Wait(ctx, agentMail, nil); err != nil {
		return fmt.Errorf("wait for the answer in the agent's own mailbox: %w", err)
	}
	return d.conclude(ctx)
}

// conclude writes the proof and prints what happened.
func (d *Demo) conclude(ctx context.Context) error {
	couriers, err := d.store.Couriers(ctx, store.CourierFilter{})
	if err != nil {
		return err
	}
	path, err := filepath.Abs(d.o.Proof)
	if err != nil {
		return err
	}
	if err := d.writeProof(ctx, couriers[0].ID, path); err != nil {
		return err
	}
	if err := d.watch(ctx, func(e gateway.Event) bool { return e.Kind == gateway.ProofIssued }); err != nil {
		return err
	}
	d.say("\nThe company answered; %s has the answer in their own mailbox.\nThe proof is in %s", agentName, path)
	return nil
}

func (d *Demo) writeProof(ctx context.Context, courier gateway.ID, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the proof: %w", err)
	}
	return errors.Join(d.daemon.WriteProof(ctx, f, courier, gateway.ID{}), f.Close())
}

// watchQuietly waits for an event without printing.
func (d *Demo) watchQuietly(ctx context.Context, enough func(gateway.Event) bool) error {
	quiet := *d
	quiet.o.Out = io.Discard
	return quiet.watch(ctx, enough)
}

var formField = regexp.MustCompile(`name="form" value="([^"]*)"`)

// patience is how long a person looks at the page before pressing its button.
const patience = 1200 * time.Millisecond

// read opens the link and presses the button, as a person's browser would.
func (d *Demo) read(ctx context.Context, m *sandbox.Mail) error {
	letter, err := m.Letter()
	if err != nil {
		return err
	}
	link := ""
	for _, l := range letter.Links() {
		if strings.Contains(l, "/l/") {
			link = l
		}
	}
	if link == "" {
		return errors.New("the mail has no link")
	}
	page, err := visit(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	field := formField.FindStringSubmatch(page)
	if field == nil {
		return errors.New("the page has no form")
	}
	pause := time.NewTimer(patience)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	page, err = visit(ctx, http.MethodPost, link, url.Values{"form": {html.UnescapeString(field[1])}})
	if err == nil && !strings.Contains(page, "retenue") {
		err = errors.New("the courier does not show after its acknowledgement")
	}
	return err
}

func visit(ctx context.Context, method, link string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, link, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	r.Header.Set("Accept-Language", "fr")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the page answers %s", answer.Status)
	}
	return string(page), err
}
