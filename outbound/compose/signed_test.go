package compose

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// tool runs a Debian program in a folder; it must be there: make needs installs it.
func tool(t testing.TB, dir string, stdin []byte, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Fatalf("%s is needed: make needs installs it", args[0])
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+dir, "LC_ALL=C")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, said.String())
	}
	return out.Bytes()
}

// signedBody is what is signed: parts within parts, a file, and words outside ASCII.
const signedBody = "Content-Type: multipart/mixed; boundary=interieur\r\n\r\n--interieur\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"R=E9ponse sign=E9e.\r\n-- \r\nMarie\r\n--interieur\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--interieur--\r\n"

const agentFields = "From: Marie <marie@agence.example>\r\nTo: testesr2020@passerelle.example, secret@firme.example\r\nSubject: x\r\nUser-Agent: client\r\n"

// verifies tells whether openssl finds that a message's own signature holds, whoever signed it.
func verifies(t testing.TB, dir string, mail []byte) bool {
	t.Helper()
	put(t, filepath.Join(dir, "m.eml"), string(mail))
	for _, program := range []string{"cms", "smime"} {
		cmd := exec.CommandContext(t.Context(), "openssl", program, "-verify", "-noverify", "-in", "m.eml", "-out", "signed")
		cmd.Dir = dir
		if cmd.Run() == nil {
			return true
		}
	}
	return false
}

// TestCorpusSignaturesStillVerify: a real signed mail whose signature holds is a signed mail whose signature holds within
// its letter; of those that nobody here can verify, each byte that is signed is the same.
func TestCorpusSignaturesStillVerify(t *testing.T) {
	dir, held, kept := t.TempDir(), 0, 0
	for _, name := range corpus(t) {
		content := file(t, name)
		m := read(t, content)
		if !m.Kind().Protected() {
			continue
		}
		out, err := tryLetter(plainSample(), content)
		if err != nil {
			if gateway.FaultOf(err).Class != gateway.Permanent {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		p, raw := wrapped(t, out)
		for i, c := range m.Root.Children {
			want, err := io.ReadAll(c.RawWhole())
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(p.Embedded.Root.Children[i].RawWhole())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: part %d changed", filepath.Base(name), i+1)
			}
			kept++
		}
		if k := m.Kind(); (k == message.SMIMESigned || k == message.SMIMEOpaque) && verifies(t, dir, []byte(content)) {
			held++
			if !verifies(t, dir, raw) {
				t.Errorf("%s: the signature no longer holds", filepath.Base(name))
			}
		}
	}
	t.Logf("%d signatures hold, %d parts under protection kept their bytes", held, kept)
}

// TestASignatureWithinOtherPartsStillVerifies: a mailing list puts a signed mail and its footer side by side.
func TestASignatureWithinOtherPartsStillVerifies(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	put(t, filepath.Join(dir, "body"), signedBody)
	signed := crlf(tool(t, dir, nil, "openssl", "cms", "-sign", "-in", "body", "-signer", "cert.pem", "-inkey", "key.pem"))
	_, signed, _ = bytes.Cut(signed, []byte("MIME-Version: 1.0\r\n"))
	out := letter(t, plainSample(), agentFields+"Content-Type: multipart/mixed; boundary=liste\r\n\r\n--liste\r\n"+string(signed)+"\r\n--liste\r\nContent-Type: text/plain\r\n\r\n____\r\nla liste\r\n--liste--\r\n")
	checkHeaders(t, "list", out)
	if !strings.Contains(out, "Consultation concern") {
		t.Errorf("no block in\n%s", out)
	}
	var within *message.Part
	read(t, out).Root.Walk(func(p *message.Part) bool {
		if p.MediaType == "multipart/signed" {
			within = p
		}
		return within == nil
	})
	raw, err := io.ReadAll(within.RawWhole())
	if err != nil {
		t.Fatal(err)
	}
	if got := tool(t, dir, raw, "openssl", "cms", "-verify", "-CAfile", "cert.pem"); !bytes.Equal(crlf(got), []byte(signedBody)) {
		t.Errorf("%q", got)
	}
}

// certificate makes cert.pem and key.pem, Marie's.
func certificate(t testing.TB, dir string) {
	t.Helper()
	tool(t, dir, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=Marie/emailAddress=marie@agence.example",
		"-addext", "extendedKeyUsage=emailProtection")
}

// wrapped is the message within a letter.
func wrapped(t testing.TB, out string) (*message.Part, []byte) {
	t.Helper()
	p := read(t, out).Find("2")
	if p == nil || p.Embedded == nil {
		t.Fatalf("nothing is wrapped in\n%s", out)
	}
	raw, err := io.ReadAll(p.Raw())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Embedded.Header().Fields() {
		if !strings.HasPrefix(f.Name, "Content-") && !f.Is("From") && !f.Is("Subject") && !f.Is("Date") && !f.Is("MIME-Version") {
			t.Errorf("the wrapped message has the field %s", f.Name)
		}
	}
	return p, raw
}

func checkBlock(t testing.TB, out string) {
	t.Helper()
	m := read(t, out)
	if !strings.Contains(textOf(t, m.Text()), "Consultation concernée par cet échange") || !strings.Contains(textOf(t, m.HTML()), "Consultation concernée par cet échange") {
		t.Errorf("no block above:\n%s", out)
	}
}

func TestSMIMEStillVerifies(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	put(t, filepath.Join(dir, "body"), signedBody)
	sign := []string{"openssl", "cms", "-sign", "-in", "body", "-signer", "cert.pem", "-inkey", "key.pem"}
	for name, args := range map[string][]string{
		"detached":  sign,
		"opaque":    append(sign[:len(sign):len(sign)], "-nodetach"),
		"encrypted": {"openssl", "cms", "-encrypt", "-in", "body", "-aes256", "cert.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			mail := agentFields + string(crlf(tool(t, dir, nil, args...)))
			out := letter(t, plainSample(), mail)
			checkLines(t, name, out)
			checkHeaders(t, name, out)
			checkBlock(t, out)
			_, raw := wrapped(t, out)
			check := []string{"openssl", "cms", "-verify", "-CAfile", "cert.pem"}
			if name == "encrypted" {
				check = []string{"openssl", "cms", "-decrypt", "-inkey", "key.pem", "-recip", "cert.pem"}
			}
			if got := tool(t, dir, raw, check...); !bytes.Equal(crlf(got), []byte(signedBody)) {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestPGPStillVerifies(t *testing.T) {
	dir, err := os.MkdirTemp("", "gpg") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a temporary folder
	gpg := func(stdin []byte, args ...string) []byte {
		t.Helper()
		return tool(t, dir, stdin, append([]string{"gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always"}, args...)...)
	}
	gpg(nil, "--quick-gen-key", "Marie <marie@agence.example>", "rsa2048", "sign,encrypt", "2d")
	defer tool(t, dir, nil, "gpgconf", "--kill", "gpg-agent")

	t.Run("signed", func(t *testing.T) {
		signature := gpg([]byte(signedBody), "--armor", "--detach-sign")
		out := letter(t, plainSample(), agentFields+"MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol=\"application/pgp-signature\"; boundary=dehors\r\n\r\n"+
			"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n--dehors\r\n"+signedBody+"\r\n--dehors\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n"+string(crlf(signature))+"\r\n--dehors--\r\n")
		checkBlock(t, out)
		p, _ := wrapped(t, out)
		signed, err := io.ReadAll(p.Embedded.Root.Children[0].RawWhole())
		if err != nil {
			t.Fatal(err)
		}
		after, err := io.ReadAll(p.Embedded.Root.Children[1].Decoded())
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "s.asc"), string(after))
		gpg(signed, "--verify", "s.asc", "-")
	})
	t.Run("encrypted", func(t *testing.T) {
		armour := gpg([]byte(signedBody), "--armor", "--encrypt", "-r", "marie@agence.example")
		out := letter(t, plainSample(), agentFields+"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=dehors\r\n\r\n--dehors\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--dehors\r\n"+
			"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"+string(crlf(armour))+"\r\n--dehors--\r\n")
		checkBlock(t, out)
		p, _ := wrapped(t, out)
		body, err := io.ReadAll(p.Embedded.Root.Children[1].Decoded())
		if err != nil {
			t.Fatal(err)
		}
		if got := gpg(body, "--decrypt"); string(got) != signedBody {
			t.Errorf("%q", got)
		}
	})
	t.Run("in the text", func(t *testing.T) {
		clear := crlf(gpg([]byte("R\xe9ponse sign\xe9e.\r\n- tiret\r\n"), "--clearsign"))
		out := letter(t, plainSample(), agentFields+"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+string(clear))
		checkBlock(t, out)
		p, _ := wrapped(t, out)
		body, err := io.ReadAll(p.Embedded.Root.Decoded())
		if err != nil {
			t.Fatal(err)
		}
		gpg(body, "--verify")
	})
}
