package main

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"vaguemestre/cmd/internal/doctor"
	"vaguemestre/cmd/internal/zonetest"
	"vaguemestre/deploy/sandbox"
)

// examined runs doctor and gives its findings by their codes, and whether it found nothing to change.
func (r *real) examined(args ...string) (map[string]doctor.Finding, bool) {
	r.Helper()
	out, err := r.program("", append([]string{"doctor", "--json"}, args...)...)
	found := map[string]doctor.Finding{}
	for line := range strings.Lines(out) {
		var f doctor.Finding
		if bad := json.Unmarshal([]byte(line), &f); bad != nil {
			r.Fatalf("%v: %s (%v)", bad, line, err)
		}
		found[f.Code] = f
	}
	return found, err == nil
}

// TestDoctorOnRealServers: among real servers and beside a running daemon, doctor says what is well, what is not, and how to
// mend it; the canary comes back with its report, and the daemon files both without a word.
func TestDoctorOnRealServers(t *testing.T) {
	t.Parallel()
	r := installReal(t, "")
	key, err := r.kit.DKIMKey()
	if err != nil {
		t.Fatal(err)
	}
	text := r.configuration() + "[[dkim]]\nselector = \"s1\"\nkey = \"" + r.write("dkim.pem", key) + "\"\n"
	r.write("vaguemestre.toml", text)
	r.load()
	zone := zonetest.Zone{
		r.kit.Domain + " MX": {"10 mail.test."}, "mail.test A": {"127.0.0.1"},
		r.kit.Domain + " TXT":             {`"v=spf1 ip4:127.0.0.1 -all"`},
		"_dmarc." + r.kit.Domain + " TXT": {`"v=DMARC1; p=quarantine"`},
	}
	dns := zone.Serve(t)

	before, well := r.examined("--dns", dns, "--canary")
	for _, code := range []string{"dkim-missing", "pages-away", "canary-unborn", "relay-tls-fine", "mailbox-fine"} {
		if _, ok := before[code]; !ok {
			t.Errorf("before the first start: no %s", code)
		}
	}
	if well {
		t.Error("an unpublished key and pages that do not answer are nothing to change")
	}
	record := before["dkim-missing"].Record
	mended := maps.Clone(zone)
	mended["s1._domainkey."+r.kit.Domain+" TXT"] = []string{strings.TrimPrefix(record, "s1._domainkey."+r.kit.Domain+". IN TXT ")}

	r.feed(r.kit.Companies[0].Address)
	r.serve()
	after, _ := r.examined("--dns", mended.Serve(t), "--canary", "--wait", "100s")
	for _, code := range []string{
		"folder-fine", "disk-fine", "store-fine", "certificate-valid", "relay-tls-fine", "relay-login", "relay-size-fine", "relay-dsn-fine", "relay-valid",
		"relay-pipelining-fine", "dkim-fine", "spf-private", "dmarc-fine", "mx-fine", "mailbox-fine", "mailbox-idle-fine", "pages-fine", "timestamp-none",
		"canary-sent", "canary-back", "canary-dsn-delivered",
	} {
		if f, ok := after[code]; !ok || f.Verdict == doctor.Change {
			t.Errorf("no %s among what is well: %+v", code, f)
		}
	}
	for code, f := range after {
		if f.Verdict == doctor.Change && !strings.HasPrefix(code, "mailbox-authserv") {
			t.Errorf("to change: %+v", f)
		}
	}
	r.until("the canary and its report are filed", func() bool {
		return r.metric("vaguemestre_inbound_understood_total", `class="canary"`, `outcome="done"`) == 2
	})
	if out := r.must("", "quarantine", "list"); strings.Contains(out, "courrier+c-") {
		t.Errorf("a canary is quarantined:\n%s", out)
	}

	out, err := r.program("", "doctor", "--dns", dns)
	if !strings.Contains(out, "à corriger  dkim ") || !strings.Contains(out, "→ Publiez") || !strings.Contains(out, record) || err == nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(out, r.kit.Relay.Password) {
		t.Error("a password shows")
	}
	r.stop()
}

// TestDoctorNamesWhatIsWrong: a relay and a mailbox that refuse us are named, with what to change.
func TestDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := installReal(t, "")
	r.write("relay.password", "faux")
	r.write("imap.password", "faux")
	dns := zonetest.Zone{}.Serve(t)
	found, well := r.examined("--dns", dns)
	if well {
		t.Error("nothing to change")
	}
	for _, code := range []string{"relay-auth", "mailbox-login", "dkim-none", "spf-missing", "dmarc-missing", "mx-missing"} {
		if f := found[code]; f.Verdict != doctor.Change || f.Advice == "" {
			t.Errorf("%s: %+v", code, f)
		}
	}
	for _, code := range []string{"spf-missing", "dmarc-missing", "mx-missing"} {
		if found[code].Record == "" {
			t.Errorf("%s has no record to publish", code)
		}
	}
	ca := r.write("autre.pem", mustRead(t, r.kit.CA)) // an authority that signed none of it
	authority, err := sandbox.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.write("autre.pem", mustRead(t, authority.File))
	r.write("vaguemestre.toml", strings.ReplaceAll(r.configuration(), "ca = \""+r.kit.CA+"\"", "ca = \""+ca+"\""))
	found, _ = r.examined("--dns", dns)
	for _, code := range []string{"relay-tls", "mailbox-away"} {
		if f := found[code]; f.Verdict != doctor.Change || !strings.Contains(f.Text, "certificate") {
			t.Errorf("%s: %+v", code, f)
		}
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
