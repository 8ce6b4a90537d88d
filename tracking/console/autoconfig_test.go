package console

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vaguemestre/gateway/account"
)

func TestMailClientsSetThemselvesUp(t *testing.T) {
	h := newHouse(t, withMail, func(o *Options) { o.Mail.IMAP = "imap.ville.example:993" })
	p := h.visitor()
	for _, path := range []string{"/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=victoria@ville.example", "/mail/config-v1.1.xml"} {
		a := p.get(path).says(t, http.StatusOK)
		var got clientConfig
		check(t, xml.Unmarshal([]byte(a.Body), &got))
		want := []mailServer{
			{"smtp", "smtp.ville.example", "465", "SSL", "password-cleartext", "%EMAILADDRESS%"},
			{"smtp", "smtp.ville.example", "587", "STARTTLS", "password-cleartext", "%EMAILADDRESS%"},
		}
		if got.Version != "1.1" || !slices.Equal(got.Provider.Outgoing, want) || got.Provider.Incoming[0].Host != "imap.ville.example" || got.Provider.Incoming[0].Port != "993" {
			t.Errorf("%+v", got)
		}
	}
	if _, err := h.d.Accounts.Login(t.Context(), account.Attempt{Login: "victoria@ville.example", Password: testPassword, InPerson: true}); err != nil {
		t.Errorf("the user name that clients are told does not log in: %v", err)
	}
}

func TestOutlookSetsItselfUpAndNobodyIsNamed(t *testing.T) {
	h := newHouse(t, withMail)
	p := h.visitor()
	ask := func(body string) answer {
		return p.ask(http.MethodPost, "/autodiscover/autodiscover.xml", nil, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", "text/xml")
		})
	}
	request := func(address string) string {
		return `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>` + address + `</EMailAddress><AcceptableResponseSchema>` + outlookInner + `</AcceptableResponseSchema></Request></Autodiscover>`
	}
	a := ask(request("victoria@ville.example")).says(t, http.StatusOK, "<Type>SMTP</Type>", "<Server>smtp.ville.example</Server>", "<Port>465</Port>", "<LoginName>victoria@ville.example</LoginName>", `xmlns="`+outlookInner+`"`)
	if nobody := ask(request("personne@ville.example")); strings.ReplaceAll(nobody.Body, "personne", "victoria") != a.Body {
		t.Error("the answer tells who has an account")
	}
	for _, bad := range []string{"", "<", request("pas une adresse"), strings.Repeat("<a>", 10_000)} {
		ask(bad).says(t, http.StatusBadRequest)
	}
}
