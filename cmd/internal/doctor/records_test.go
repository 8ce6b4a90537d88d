package doctor

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/cmd/internal/zonetest"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/config"
	"vaguemestre/outbound/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "courrier.mairie.example"

func keyFile(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// records looks at the DNS alone.
func records(t *testing.T, z zonetest.Zone, c config.Config) []Finding {
	t.Helper()
	var all []Finding
	x := &examiner{
		Options: Options{Config: c, Resolver: z.Resolver(t), Language: "fr", Patience: 10 * time.Second, Now: time.Now},
		report:  func(f Finding) { all = append(all, f) },
	}
	for _, look := range []func(context.Context){x.dkim, x.spf, x.dmarc, x.mx} {
		look(t.Context())
	}
	for _, f := range all {
		if strings.HasPrefix(f.Text, "doctor.") || f.Text == "" || f.Verdict == Change && f.Advice == "" {
			t.Errorf("says nothing useful: %+v", f)
		}
	}
	return all
}

func find(all []Finding, check string) (found []Finding) {
	for _, f := range all {
		if f.Check == check {
			found = append(found, f)
		}
	}
	return found
}

func configured(keys ...config.DKIM) config.Config {
	c := config.Default()
	c.Domain, c.DKIM = domain, keys
	c.Couriers.Postmaster = "chef@mairie.example"
	c.Relay.Smarthosts = []config.Smarthost{{Address: "smtp.relais.example:587"}}
	return c
}

func TestThePublishedKeyIsJudged(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // too short is what is tested
	if err != nil {
		t.Fatal(err)
	}
	record := func(k relay.Key) string {
		text, err := k.Record()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	strings255 := func(s string) string { return strings.TrimPrefix(zoneLine("x", s), "x. IN TXT ") }
	name := "s1._domainkey." + domain + " TXT"
	rsaRecord, edRecord := record(relay.Key{Signer: long}), record(relay.Key{Signer: edwards})
	for _, tc := range []struct {
		what, file string
		zone       zonetest.Zone
		code       string
		verdict    Verdict
		publish    bool
	}{
		{"published", keyFile(t, long), zonetest.Zone{name: {strings255(rsaRecord)}}, "dkim-fine", OK, false},
		{"published in Ed25519", keyFile(t, edwards), zonetest.Zone{name: {strings255(edRecord)}}, "dkim-fine", OK, false},
		{"without k=", keyFile(t, long), zonetest.Zone{name: {strings255(strings.Replace(rsaRecord, "k=rsa; ", "", 1))}}, "dkim-fine", OK, false},
		{"not published", keyFile(t, long), zonetest.Zone{}, "dkim-missing", Change, true},
		{"another key", keyFile(t, long), zonetest.Zone{name: {strings255(record(relay.Key{Signer: short}))}}, "dkim-other", Change, true},
		{"another kind", keyFile(t, edwards), zonetest.Zone{name: {strings255(rsaRecord)}}, "dkim-unfit", Change, true},
		{"sha1 only", keyFile(t, long), zonetest.Zone{name: {strings255(rsaRecord + "; h=sha1")}}, "dkim-unfit", Change, true},
		{"revoked", keyFile(t, long), zonetest.Zone{name: {`"v=DKIM1; k=rsa; p="`}}, "dkim-revoked", Change, true},
		{"as a test", keyFile(t, long), zonetest.Zone{name: {strings255(rsaRecord + "; t=y:s")}}, "dkim-testing", Change, true},
		{"twice", keyFile(t, long), zonetest.Zone{name: {strings255(rsaRecord), strings255(edRecord)}}, "dkim-several", Change, true},
		{"too short", keyFile(t, short), zonetest.Zone{name: {strings255(record(relay.Key{Signer: short}))}}, "dkim-short", Change, false},
		{"a DNS that does not answer", keyFile(t, long), zonetest.Zone{name: {zonetest.Refused}}, "dkim-silent", Skipped, false},
		{"no such file", "/none", zonetest.Zone{}, "dkim-unreadable", Change, false},
	} {
		t.Run(tc.what, func(t *testing.T) {
			got := find(records(t, tc.zone, configured(config.DKIM{Selector: "s1", Key: tc.file})), "dkim")
			if len(got) != 1 || got[0].Code != tc.code || got[0].Verdict != tc.verdict || (got[0].Record != "") != tc.publish {
				t.Fatalf("%+v", got)
			}
			if tc.publish && !strings.HasPrefix(got[0].Record, "s1._domainkey."+domain+". IN TXT ") {
				t.Errorf("publish %s", got[0].Record)
			}
		})
	}
	if got := find(records(t, zonetest.Zone{}, configured()), "dkim"); len(got) != 1 || got[0].Code != "dkim-none" {
		t.Errorf("%+v", got)
	}
}

func TestTheSendersAreJudged(t *testing.T) {
	spf := domain + " TXT"
	address := map[string][]string{"smtp.relais.example A": {"192.0.2.7"}}
	for what, tc := range map[string]struct {
		zone zonetest.Zone
		code string
	}{
		"none":             {zonetest.Zone{}, "spf-missing"},
		"other texts":      {zonetest.Zone{spf: {`"google-site-verification=x"`, `"v=spf10 all"`}}, "spf-missing"},
		"two":              {zonetest.Zone{spf: {`"v=spf1 -all"`, `"v=spf1 mx -all"`}}, "spf-several"},
		"nobody":           {zonetest.Zone{spf: {`"v=spf1 -all"`}}, "spf-nobody"},
		"by address":       {zonetest.Zone{spf: {`"v=spf1 ip4:192.0.2.0/24 -all"`}}, "spf-fine"},
		"by name":          {zonetest.Zone{spf: {`"v=spf1 a:smtp.relais.example -all"`}}, "spf-fine"},
		"by its network":   {zonetest.Zone{spf: {`"v=spf1 a:autre.relais.example/24 -all"`}, "autre.relais.example A": {"192.0.2.99"}}, "spf-fine"},
		"by mx":            {zonetest.Zone{spf: {`"v=spf1 mx ~all"`}, domain + " MX": {"10 smtp.relais.example."}}, "spf-fine"},
		"by another":       {zonetest.Zone{spf: {`"v=spf1 include:_spf.relais.example -all"`}, "_spf.relais.example TXT": {`"v=spf1 ip4:192.0.2.7 ?all"`}}, "spf-fine"},
		"by redirect":      {zonetest.Zone{spf: {`"v=spf1 redirect=_spf.relais.example"`}, "_spf.relais.example TXT": {`"v=spf1 ip4:192.0.2.7 -all"`}}, "spf-fine"},
		"somebody else":    {zonetest.Zone{spf: {`"v=spf1 ip4:198.51.100.1 -all"`}}, "spf-refused"},
		"softly":           {zonetest.Zone{spf: {`"v=spf1 ip4:198.51.100.1 ~all"`}}, "spf-refused"},
		"not the relay":    {zonetest.Zone{spf: {`"v=spf1 -ip4:192.0.2.7 +all"`}}, "spf-refused"},
		"in a circle":      {zonetest.Zone{spf: {`"v=spf1 include:` + domain + ` -all"`}}, "spf-deep"},
		"a DNS in trouble": {zonetest.Zone{spf: {zonetest.Refused}}, "spf-silent"},
	} {
		t.Run(what, func(t *testing.T) {
			for k, v := range address {
				tc.zone[k] = v
			}
			got := find(records(t, tc.zone, configured()), "spf")
			if len(got) != 1 || got[0].Code != tc.code {
				t.Fatalf("%+v", got)
			}
			if got[0].Code == "spf-refused" && !strings.Contains(got[0].Record, "v=spf1 a:smtp.relais.example ") {
				t.Errorf("publish %s", got[0].Record)
			}
		})
	}
	inside := zonetest.Zone{spf: {`"v=spf1 include:sortie.example -all"`}, "smtp.relais.example A": {"10.1.2.3"}}
	if got := find(records(t, inside, configured()), "spf"); len(got) != 1 || got[0].Code != "spf-private" || got[0].Verdict != Skipped {
		t.Errorf("%+v", got)
	}
}

func TestThePolicyAndTheReceiverAreJudged(t *testing.T) {
	own := config.DKIM{Selector: "s1", Key: "/none"}
	above := config.DKIM{Selector: "s1", Domain: "mairie.example", Key: "/none"}
	for what, tc := range map[string]struct {
		zone       zonetest.Zone
		keys       []config.DKIM
		dmarc, mxs string
	}{
		"nothing":         {zonetest.Zone{}, nil, "dmarc-missing", "mx-missing"},
		"all well":        {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; p=reject"`}, domain + " MX": {"10 mx.mairie.example."}, "mx.mairie.example A": {"192.0.2.1"}}, []config.DKIM{own}, "dmarc-fine", "mx-fine"},
		"above":           {zonetest.Zone{"_dmarc.mairie.example TXT": {`"v=DMARC1; p=none; sp=quarantine"`}, domain + " MX": {"0 ."}}, []config.DKIM{own}, "dmarc-fine", "mx-null"},
		"watching":        {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; p=none"`}, domain + " MX": {"5 mx.mairie.example."}}, []config.DKIM{above}, "dmarc-none", "mx-lost"},
		"strict":          {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; p=reject; adkim=s"`}, domain + " MX": {zonetest.Refused}}, []config.DKIM{above}, "dmarc-unaligned", "mx-silent"},
		"unsigned":        {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; p=reject"`}}, nil, "dmarc-unaligned", "mx-missing"},
		"two policies":    {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; p=reject"`, `"v=DMARC1; p=none"`}}, nil, "dmarc-several", "mx-missing"},
		"without a value": {zonetest.Zone{"_dmarc." + domain + " TXT": {`"v=DMARC1; rua=mailto:a@b.example"`}}, nil, "dmarc-unfit", "mx-missing"},
		"no answer":       {zonetest.Zone{"_dmarc." + domain + " TXT": {zonetest.Refused}}, nil, "dmarc-silent", "mx-missing"},
	} {
		t.Run(what, func(t *testing.T) {
			all := records(t, tc.zone, configured(tc.keys...))
			if got := find(all, "dmarc"); len(got) != 1 || got[0].Code != tc.dmarc {
				t.Errorf("%+v", got)
			}
			if got := find(all, "mx"); len(got) != 1 || got[0].Code != tc.mxs {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestEverySentenceExists: what stands in the code as a finding has its sentence, and what is to be changed says how.
func TestEverySentenceExists(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`x\.(ok|skip|change)\("([a-z]+)", (?:"[^"]*"|[^"\n]+?), "([a-z0-9-]+)", `)
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range calls.FindAllStringSubmatch(string(text), -1) {
			n++
			key := "doctor." + m[2] + "-" + m[3]
			if !catalog.Has(key) {
				t.Errorf("%s: no sentence %s", file, key)
			}
			if m[1] == "change" && !catalog.Has(key+"-advice") {
				t.Errorf("%s: %s does not say what to change", file, key)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d findings were recognised in the code", n)
	}
}

func TestARecordFitsItsStrings(t *testing.T) {
	line := zoneLine("a.example", strings.Repeat("x", 300)+`"`)
	if want := `a.example. IN TXT ( "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `\"" )`; line != want {
		t.Error(line)
	}
}
