package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

// desk is an installation in which commands alone work: no daemon runs.
func desk(t *testing.T) (*installation, *store.Store) {
	t.Helper()
	i, _, _ := installDemoWorld(t, "")
	i.feed(boxOf("registre"))
	return i, i.look()
}

func sentBy(t *testing.T, out string) (v view.Sent) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return v
}

func TestACommandSendsACourierUnderTheSameRules(t *testing.T) {
	i, s := desk(t)
	file := i.write("plan.txt", "Plan du site")
	args := []string{"courier", "send", "--agent", "victoria", "--consultation", "TESTESR2020", "--type", "libre", "--to", boxOf("libre"), "--register", "retraits",
		"--subject", "Visite", "--body", "-", "--attach", file, "--no-acknowledged", "--once", "visite-1", "--json"}
	first := sentBy(t, i.must("Bonjour,\nvoici.\n", args...))
	c, err := s.Courier(i.ctx, first.Courier)
	if err != nil || first.Outcome != "accepted" || first.Added != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	if c.Door != gateway.DoorCommand || c.Subject != "Visite" || c.Excerpt != "Bonjour, voici." || c.Options.Acknowledged || len(c.Files) != 1 || c.Files[0].Name != "plan.txt" || c.AuthorAddr != "agent@acheteur.test" {
		t.Errorf("%+v", c)
	}
	if again := sentBy(t, i.must("Bonjour,\nvoici.\n", args...)); again.Outcome != "joined" || again.Courier != first.Courier || again.Added != 0 {
		t.Errorf("said again: %+v", again)
	}
	if _, err := i.program("Autre chose.\n", args...); err == nil || !strings.Contains(err.Error(), "550 5.7.0 Cette clé a déjà servi") {
		t.Errorf("another content under the same name: %v", err)
	}
	if all, err := s.Couriers(i.ctx, store.CourierFilter{}); err != nil || len(all) != 1 {
		t.Errorf("%d couriers, %v", len(all), err)
	}
	out := i.must("", "courier", "show", first.Courier.String(), "--json")
	if err := json.Unmarshal([]byte(out), new(view.Courier)); err != nil || !strings.Contains(out, boxOf("registre")) {
		t.Errorf("%v %s", err, out)
	}
}

func TestACommandSendsAMailAsItIs(t *testing.T) {
	i, s := desk(t)
	mail := "From: agent@acheteur.test\nTo: " + boxOf("libre") + "\nCc: testesr2020+rejet@courrier.acheteur.test\nMessage-ID: <commande@acheteur.test>\nSubject: Votre offre\n\nElle n'est pas retenue.\n"
	out := i.must(mail, "courier", "send", "--agent", "victoria")
	c, err := s.CourierByMessageID(i.ctx, "<commande@acheteur.test>")
	if err != nil || c.Type != gateway.Rejet || !strings.HasPrefix(out, c.ID.String()+" ") {
		t.Errorf("%+v, %v: %s", c, err, out)
	}
	path := i.write("mail.eml", strings.ReplaceAll(mail, "commande@", "fichier@"))
	if out := i.must("", "courier", "send", "--agent", "victoria", path); !strings.Contains(out, "TESTESR2020") {
		t.Error(out)
	}
	trial := strings.NewReplacer("+rejet@", "+rejet+essai@", "commande@", "essai@").Replace(mail)
	if out := i.must(trial, "courier", "send", "--agent", "victoria"); strings.Contains(out, "commande") || out == "" {
		t.Error(out)
	}
}

func TestACommandSaysEveryRefusalInFrench(t *testing.T) {
	i, s := desk(t)
	for _, c := range []struct {
		input string
		args  []string
		want  []string
	}{
		{"", []string{"--consultation", "TESTESR2020", "--type", "complement", "--to", "pas une adresse", "--body", "x"},
			[]string{"« pas une adresse »"}},
		{"", []string{"--consultation", "TESTESR2020", "--type", "complement", "--to", boxOf("libre"), "--subject", strings.Repeat("x", 400), "--body", "x"},
			[]string{"demande une date limite de réponse", "L'objet"}},
		{"", []string{"--consultation", "TESTESR2020", "--type", "rejett", "--to", boxOf("libre"), "--body", "x"}, []string{"« rejett »"}},
		{"From: autre@acheteur.test\nTo: " + boxOf("libre") + "\nSubject: [TESTESR2020] x\n\nx\n", nil, []string{"autre@acheteur.test"}},
	} {
		_, err := i.program(c.input, append([]string{"courier", "send", "--agent", "victoria"}, c.args...)...)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v does not say %q", c.args, err, want)
			}
		}
	}
	if _, err := i.program("", "courier", "send", "--agent", "personne", "--consultation", "TESTESR2020"); err == nil || !strings.Contains(err.Error(), "no agent") {
		t.Error(err)
	}
	if all, err := s.Couriers(i.ctx, store.CourierFilter{}); err != nil || len(all) != 0 {
		t.Errorf("%d couriers, %v", len(all), err)
	}
}

func TestASheetIsImportedWholeOrNot(t *testing.T) {
	i, s := desk(t)
	bad := i.write("bad.csv", "reference;organisme;entreprise;courriel\nUN;Mairie;A;a@a.example\nDEUX;Mairie;B;pas une adresse\n")
	if _, err := i.program("", "consultation", "import", bad); err == nil || !strings.Contains(err.Error(), `line 3, column "courriel"`) {
		t.Error(err)
	}
	if _, err := s.ConsultationByReference(i.ctx, "UN"); err == nil {
		t.Error("half of a sheet is stored")
	}
	good := i.write("good.CSV", "reference;organisme;entreprise;courriel\nUN;Mairie;A;a@a.example\nDEUX;Mairie;B;b@b.example\n")
	var list view.Consultations
	if err := json.Unmarshal([]byte(i.must("", "consultation", "import", good, "--json")), &list); err != nil || len(list.Consultations) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	i.must("", "consultation", "archive", "UN", "DEUX")
	i.must("", "consultation", "import", good)
	archived := func(reference string) bool {
		c, err := s.ConsultationByReference(i.ctx, reference)
		if err != nil {
			t.Fatal(err)
		}
		return !c.Archived.IsZero()
	}
	if !archived("UN") {
		t.Error("an import that does not speak of it opened a consultation again")
	}
	i.must("", "consultation", "reopen", "UN")
	i.must("", "consultation", "import", good, "--reopen")
	if archived("UN") || archived("DEUX") {
		t.Error("not open")
	}
	if _, err := i.program("", "consultation", "archive", "UN", "TROIS"); err == nil || archived("UN") {
		t.Errorf("%v, archived %v", err, archived("UN"))
	}
}

func TestListsForPrograms(t *testing.T) {
	i, _ := desk(t)
	for _, args := range [][]string{{"consultation", "list"}, {"agent", "list"}, {"courier", "list"}} {
		out := []byte(i.must("", append(args, "--json")...))
		if !json.Valid(out) || !bytes.HasPrefix(out, []byte("{")) {
			t.Errorf("%v: %s", args, out)
		}
	}
	i.must("", "agent", "disable", "victoria")
	if out := i.must("", "agent", "list", "--json"); !strings.Contains(out, `"disabled": true`) || !strings.Contains(out, `"TESTESR2020"`) {
		t.Error(out)
	}
}

// TestProofsPassThroughPipes: the service's account may neither write nor read in the folder of the one who asks.
func TestProofsPassThroughPipes(t *testing.T) {
	i, _ := desk(t)
	sent := sentBy(t, i.must("Bonjour.\n", "courier", "send", "--agent", "victoria", "--consultation", "TESTESR2020", "--type", "libre", "--to", boxOf("libre"),
		"--subject", "Visite", "--body", "-", "--json"))
	pdf := i.must("", "proof", sent.Courier.String(), "-o", "-")
	if !strings.HasPrefix(pdf, "%PDF-") || !strings.HasSuffix(strings.TrimSpace(pdf), "%%EOF") {
		t.Errorf("%d octets that are no PDF alone: %.40q", len(pdf), pdf)
	}
	if out := i.must(pdf, "verify", "-"); !strings.Contains(out, "Tout ce qui pouvait être vérifié l'est") {
		t.Error(out)
	}
	if out, err := i.program(strings.Replace(pdf, "%%EOF", "%%EOX", 1), "verify", "-"); err == nil {
		t.Errorf("an altered proof passes:\n%s", out)
	}
}
