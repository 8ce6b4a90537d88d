package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/token"
)

// subject is one agent with the consultation that is theirs, and what there is of it.
type subject struct {
	login, address, password string
	about                    target
}

// target is what somebody tries to reach: a consultation and a courier in it. One may be nobody's.
type target struct {
	reference string
	courier   gateway.ID
	thread    string // address that answers its company
	message   string // Message-ID of what the company got
}

// way is one way to do one thing. It says whether it was done, and what was answered.
type way struct {
	verb, name string
	try        func(d *doors, by subject, to target) (done bool, said string)
}

// doors are those of one daemon.
type doors struct {
	*installation
	client client
	key    string
	tries  int
}

var ways = []way{
	{"send", "control address", mailTo("%s+libre@courrier.acheteur.test", "")},
	{"send", "group address", mailTo("retraits.%s+libre@courrier.acheteur.test", "")},
	{"send", "word of a company", mailTo("%s+e-entreprise-1@courrier.acheteur.test", "")},
	{"send", "header field", mailTo("", "Vaguemestre-Consultation: %s\r\n")},
	{"send", "subject tag", func(d *doors, by subject, to target) (bool, string) {
		return d.mail(by, "", "["+to.reference+"] Bonjour", boxOf("libre"))
	}},
	{"send", "thread address", func(d *doors, by subject, to target) (bool, string) { return d.mail(by, "", "Bonjour", to.thread) }},
	{"send", "reply to a message of the gateway", func(d *doors, by subject, to target) (bool, string) {
		return d.mail(by, "In-Reply-To: "+to.message+"\r\n", "Re: Bonjour", boxOf("libre"))
	}},
	{"send", "API, option", apiSend(`{"consultation":%q,"subject":"Bonjour","to":["` + boxOf("libre") + `"]}`)},
	{"send", "API, register", apiSend(`{"consultation":%q,"subject":"Bonjour","registers":["retraits"]}`)},
	{"send", "API, company", apiSend(`{"consultation":%q,"subject":"Bonjour","companies":["entreprise-1"]}`)},
	{"send", "API, subject tag", func(d *doors, by subject, to target) (bool, string) {
		return apiSend(`{"subject":%q,"to":["`+boxOf("libre")+`"]}`)(d, by, target{reference: "[" + to.reference + "] Bonjour"})
	}},
	{"send", "command, option", func(d *doors, by subject, to target) (bool, string) {
		return d.command("", "courier", "send", "--agent", by.login, "--consultation", to.reference, "--to", boxOf("libre"), "--subject", d.fresh(), "--body", "Bonjour")
	}},
	{"send", "command, a mail", func(d *doors, by subject, to target) (bool, string) {
		return d.command(d.message(by, "To: "+boxOf("libre")+"\r\n", "["+to.reference+"] Bonjour"), "courier", "send", "--agent", by.login)
	}},
	{"list", "API", func(d *doors, by subject, to target) (bool, string) { return d.lists(by, "", to) }},
	{"list", "API, by consultation", func(d *doors, by subject, to target) (bool, string) {
		return d.lists(by, "?consultation="+to.reference, to)
	}},
	{"list", "command", func(d *doors, by subject, to target) (bool, string) {
		_, out := d.command("", "courier", "list", "--json", "--agent", by.login, "--limit", "500")
		return strings.Contains(out, to.courier.String()), "listed or not"
	}},
	{"list", "command, by consultation", func(d *doors, by subject, to target) (bool, string) {
		done, out := d.command("", "courier", "list", "--json", "--agent", by.login, "--limit", "500", "--consultation", to.reference)
		return done && strings.Contains(out, to.courier.String()), out
	}},
	{"read", "API", func(d *doors, by subject, to target) (bool, string) {
		return d.get(by, "/v1/couriers/"+to.courier.String())
	}},
	{"read", "command", func(d *doors, by subject, to target) (bool, string) {
		return d.command("", "courier", "show", "--agent", by.login, to.courier.String())
	}},
	{"proof", "mail", func(d *doors, by subject, to target) (bool, string) {
		return d.mail(by, "", "Preuve", "preuve+"+to.courier.String()+"@courrier.acheteur.test")
	}},
	{"proof", "API", func(d *doors, by subject, to target) (bool, string) {
		return d.get(by, "/v1/couriers/"+to.courier.String()+"/proof")
	}},
	{"proof", "command", func(d *doors, by subject, to target) (bool, string) {
		return d.command("", "proof", "--agent", by.login, "-o", filepath.Join(d.dir, "p.pdf"), to.courier.String())
	}},
}

func (d *doors) fresh() string { d.tries++; return fmt.Sprintf("essai-%d", d.tries) }

// message is a mail of an agent, never the same twice.
func (d *doors) message(by subject, fields, subject string) string {
	return fmt.Sprintf("From: <%s>\r\nMessage-ID: <%s@acheteur.test>\r\n%sSubject: %s\r\n\r\nBonjour.\r\n", by.address, d.fresh(), fields, subject)
}

// mail submits one through the real server.
func (d *doors) mail(by subject, fields, subject string, to ...string) (bool, string) {
	c := d.client
	c.user, c.password = by.login, by.password
	s, err := c.login()
	if err != nil {
		d.Fatal(err)
	}
	defer s.Close()
	err = s.Mail(by.address)
	for _, address := range to {
		if err == nil {
			err = s.Rcpt(address)
		}
	}
	if err != nil {
		return false, answered4(err).String()
	}
	a := data(s, d.message(by, fields, subject))
	return a.code == 250, a.String()
}

// mailTo names the consultation by an address, or by a field.
func mailTo(address, field string) func(*doors, subject, target) (bool, string) {
	return func(d *doors, by subject, to target) (bool, string) {
		name := strings.ToLower(to.reference)
		envelope := []string{boxOf("libre")}
		if address != "" {
			envelope = append(envelope, fmt.Sprintf(address, name))
		}
		fields := ""
		if field != "" {
			fields = fmt.Sprintf(field, name)
		}
		return d.mail(by, fields, "Bonjour", envelope...)
	}
}

func (d *doors) request(by subject, method, path, media string, body io.Reader) (bool, string) {
	q, err := http.NewRequestWithContext(d.ctx, method, "http://"+d.cfg.API.Listen+path, body)
	if err != nil {
		d.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + d.key, "Vaguemestre-Agent": by.login, "Content-Type": media, "Idempotency-Key": d.fresh()} {
		q.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		d.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		d.Fatal(err)
	}
	return got.StatusCode == http.StatusOK, fmt.Sprintf("%d %s", got.StatusCode, text)
}

func (d *doors) get(by subject, path string) (bool, string) {
	return d.request(by, http.MethodGet, path, "", nil)
}

func (d *doors) lists(by subject, query string, to target) (bool, string) {
	_, text := d.get(by, "/v1/couriers"+query)
	return strings.Contains(text, to.courier.String()), "listed or not"
}

func apiSend(options string) func(*doors, subject, target) (bool, string) {
	return func(d *doors, by subject, to target) (bool, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		_ = m.WriteField("options", fmt.Sprintf(options, to.reference)) // a buffer takes everything
		_ = m.WriteField("text", "Bonjour.")
		_ = m.Close()
		return d.request(by, http.MethodPost, "/v1/couriers", m.FormDataContentType(), &b)
	}
}

func (d *doors) command(input string, args ...string) (bool, string) {
	out, err := d.program(input, args...)
	if err != nil {
		_, said, _ := strings.Cut(err.Error(), "exit status 1: ")
		return false, said
	}
	return true, out
}

// Two agents, two consultations: by every way, each does everything about their own and nothing about the other's, which
// answers, word for word, as what does not exist.
func TestPromise11NoWayLeadsAcrossEntitlements(t *testing.T) {
	d, subjects := twoAgents(t)
	unknown := target{reference: "INCONNU77", courier: gateway.NewID(time.Now()), message: "<" + gateway.NewID(time.Now()).String() + "@courrier.acheteur.test>",
		thread: "courrier+f-" + strings.Repeat("a", 52) + "@courrier.acheteur.test"}
	for i, by := range subjects {
		foreign := subjects[1-i].about
		for _, w := range ways {
			t.Run(by.login+"/"+w.verb+"/"+w.name, func(t *testing.T) {
				if done, said := w.try(d, by, by.about); !done {
					t.Errorf("their own: %s", said)
				}
				done, theirs := w.try(d, by, foreign)
				if done {
					t.Errorf("the other's: %s", theirs)
				}
				done, none := w.try(d, by, unknown)
				if done {
					t.Errorf("what does not exist: %s", none)
				}
				if a, b := masked(theirs, foreign), masked(none, unknown); a != b {
					t.Errorf("the other's is told from what does not exist:\n%s\n%s", a, b)
				}
				for _, word := range []string{"MAPA", "Entreprise 2"} {
					if i == 0 && strings.Contains(masked(theirs, foreign), word) {
						t.Errorf("%q is told: %s", word, theirs)
					}
				}
			})
		}
	}
	d.unheard(subjects)
}

var ticket = regexp.MustCompile(`essai-\d+`)

// masked takes out what the asker said themselves.
func masked(said string, to target) string {
	said = strings.NewReplacer(to.reference, "REF", strings.ToLower(to.reference), "REF", to.courier.String(), "NUMBER", to.message, "MESSAGE", to.thread, "THREAD").Replace(said)
	return ticket.ReplaceAllString(said, "TRY")
}

// unheard holds that no try reached the other's consultation: every courier is of its author's.
func (d *doors) unheard(subjects []subject) {
	s := d.look()
	for _, by := range subjects {
		agent, err := s.AgentByLogin(d.ctx, by.login)
		if err != nil {
			d.Fatal(err)
		}
		out := d.must("", "courier", "list", "--json", "--limit", "500", "--consultation", by.about.reference)
		var page struct {
			Couriers []struct{ Author string }
		}
		if err := json.Unmarshal([]byte(out), &page); err != nil {
			d.Fatal(err)
		}
		if len(page.Couriers) < 10 {
			d.Errorf("%s: %d couriers only", by.about.reference, len(page.Couriers))
		}
		for _, c := range page.Couriers {
			if c.Author != agent.Addresses[0] {
				d.Errorf("%s wrote about %s", c.Author, by.about.reference)
			}
		}
	}
}

func twoAgents(t *testing.T) (*doors, []subject) {
	i, _, config := installDemoWorld(t, fmt.Sprintf("[api]\nlisten = %q\nrequests_per_minute = 100000\n", freePort(t)))
	ctx, cancel := context.WithTimeout(context.Background(), 3*deadline) // 130 tries, of which a third are processes of their own
	t.Cleanup(cancel)
	i.ctx = ctx
	i.feed(boxOf("registre-1"))
	i.must("", "consultation", "import", i.write("mapa.csv", "référence;organisme;entreprise;courriel;registre\nMAPA2021;Mairie;Entreprise 1;"+boxOf("registre-2")+";retraits\n"))
	i.must(agentPassword+"\n", "agent", "add", "bruno", "--name", "Bruno Petit", "--address", "bruno@acheteur.test", "--password-stdin")
	i.must("", "agent", "entitle", "bruno", "MAPA2021")
	made := strings.Fields(i.must("", "apikey", "add", "plate-forme", "--scope", "send", "--scope", "read"))
	i.serve()
	d := &doors{installation: i, client: client{installation: i, tls: config}, key: made[len(made)-1]}
	subjects := []subject{
		{login: "victoria", address: "agent@acheteur.test", password: agentPassword, about: target{reference: "TESTESR2020"}},
		{login: "bruno", address: "bruno@acheteur.test", password: agentPassword, about: target{reference: "MAPA2021"}},
	}
	ring, err := daemon.TokenRing(filepath.Join(i.cfg.DataDir, "keys", "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	s := i.look()
	for n := range subjects {
		by := &subjects[n]
		done, said := mailTo("%s+libre@courrier.acheteur.test", "")(d, *by, by.about)
		if !done {
			t.Fatal(said)
		}
		by.about.courier = d.client.number(answer{250, strings.TrimPrefix(said, "250 ")})
		recipients, err := s.Recipients(i.ctx, by.about.courier)
		if err != nil {
			t.Fatal(err)
		}
		by.about.message = recipients[0].MessageID
		by.about.thread = "courrier+f-" + ring.Mint(token.Thread, recipients[0].ID) + "@courrier.acheteur.test"
	}
	return d, subjects
}
