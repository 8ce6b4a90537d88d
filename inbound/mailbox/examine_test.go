package mailbox

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAMailboxIsExaminedAndNothingIsChanged(t *testing.T) {
	t.Parallel()
	d, accounts := dovecot(t)
	a := accounts["STARTTLS, PLAIN, moved"]
	post(t, d, "a@entreprise.example", []byte("Authentication-Results: mx.mairie.example 1; spf=pass\r\nTo: courrier+c-marque@"+domain+"\r\nSubject: x\r\n\r\nx\r\n"))
	for range 2 {
		x, err := Examine(t.Context(), a, time.Minute)
		if err != nil || !x.Idle || !x.Flags || !x.Done || x.Messages != 1 || !slices.Equal(x.AuthServ, []string{"mx.mairie.example"}) {
			t.Fatalf("%v %+v", err, x)
		}
	}
	if mail, err := Find(t.Context(), a, time.Minute, "courrier+c-marque@"+domain); err != nil || !strings.Contains(string(mail), "Subject: x") {
		t.Errorf("%v %q", err, mail)
	}
	if mail, err := Find(t.Context(), a, time.Minute, "courrier+c-autre@"+domain); err != nil || mail != nil {
		t.Errorf("a mail that nobody sent: %v %q", err, mail)
	}
	if settledInDovecot(t, a) {
		t.Error("looking at the mail has marked it")
	}
	lost := a
	lost.Done = "Nulle part"
	if x, err := Examine(t.Context(), lost, time.Minute); err != nil || x.Done {
		t.Errorf("a folder that does not exist: %v %+v", err, x)
	}
	lost.Folder = "Nulle part"
	if x, err := Examine(t.Context(), lost, time.Minute); err == nil || x.Stage != stageSelect {
		t.Errorf("a folder that does not open: %v %+v", err, x)
	}
	lost.Password = "faux"
	if x, err := Examine(t.Context(), lost, time.Minute); err == nil || x.Stage != stageLogin {
		t.Errorf("a wrong password: %v %+v", err, x)
	}
	lost.Address = "127.0.0.1:1"
	if x, err := Examine(t.Context(), lost, time.Minute); err == nil || x.Stage != stageConnect {
		t.Errorf("nobody there: %v %+v", err, x)
	}
}

func TestTheAuthorOfAuthenticationResults(t *testing.T) {
	for fields, want := range map[string]string{
		"Authentication-Results: mx.example; spf=pass\r\n\r\n":                                    "mx.example",
		"Authentication-Results: mx.example 1;\r\n\tdkim=pass\r\n\r\n":                            "mx.example",
		"Authentication-Results:\r\n mx.example;\r\n none\r\nAuthentication-Results: b; none\r\n": "mx.example",
		"\r\n": "", "Authentication-Results: nothing\r\n\r\n": "", "Authentication-Results: (a comment) x; none\r\n": "",
	} {
		if got := authServ(fields); got != want {
			t.Errorf("%q: %q", fields, got)
		}
	}
}
