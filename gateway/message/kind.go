package message

import (
	"bytes"
	"errors"
	"path"
	"strings"
)

// Kind says what a message is, as far as it decides how it may be handled.
type Kind string

// The kinds, the first that applies.
const (
	SMIMESigned    Kind = "smime-signed"    // multipart/signed (RFC 8551 §3.5.3)
	SMIMEOpaque    Kind = "smime-opaque"    // signed or compressed within application/pkcs7-mime
	SMIMEEncrypted Kind = "smime-encrypted" // enveloped
	PGPSigned      Kind = "pgp-signed"      // RFC 3156 §5
	PGPEncrypted   Kind = "pgp-encrypted"   // RFC 3156 §4
	PGPInline      Kind = "pgp-inline"      // an armour in the text
	Report         Kind = "report"          // multipart/report (RFC 6522)
	Calendar       Kind = "calendar"        // an invitation beside the text or alone
	TNEF           Kind = "tnef"            // a winmail.dat that could be opened
	Ordinary       Kind = "ordinary"
)

// Protected tells the kinds that break when a word is put into them.
func (k Kind) Protected() bool {
	switch k {
	case SMIMESigned, SMIMEOpaque, SMIMEEncrypted, PGPSigned, PGPEncrypted, PGPInline:
		return true
	}
	return false
}

// Encrypted tells the kinds whose content only its recipients can read.
func (k Kind) Encrypted() bool { return k == SMIMEEncrypted || k == PGPEncrypted }

// Kind tells what the message is. It reads at most 256 KiB of its text, for an armour.
func (m *Message) Kind() Kind {
	if k := protection(m.Root); k != "" {
		return k
	}
	if m.armoured() {
		return PGPInline
	}
	if m.Root.MediaType == "multipart/report" {
		return Report
	}
	kind := Ordinary
	m.Root.Walk(func(p *Part) bool {
		switch {
		case p.Embedded != nil:
			return false
		case p.MediaType == "text/calendar" && kind == Ordinary:
			kind = Calendar
		case p.tnef != nil:
			kind = TNEF
		}
		return true
	})
	return kind
}

// protection tells the kind of a part that is signed or encrypted whole; empty when it is not.
func protection(p *Part) Kind {
	switch p.MediaType {
	case "multipart/signed":
		of := strings.ToLower(p.Params["protocol"])
		if len(p.Children) > 1 && of == "" {
			of = p.Children[1].MediaType
		}
		if strings.Contains(of, "pgp") {
			return PGPSigned
		}
		return SMIMESigned
	case "multipart/encrypted":
		return PGPEncrypted
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return opaque(p)
	}
	return ""
}

// opaque reads smime-type (RFC 8551 §3.2.2), or the name where clients leave it out (§3.2.1).
func opaque(p *Part) Kind {
	switch strings.ToLower(p.Params["smime-type"]) {
	case "signed-data", "compressed-data":
		return SMIMEOpaque
	case "certs-only":
		return ""
	case "enveloped-data", "authenveloped-data":
		return SMIMEEncrypted
	}
	switch strings.ToLower(path.Ext(p.Filename())) {
	case ".p7c", ".p7s":
		return ""
	}
	return SMIMEEncrypted
}

var armours = [][]byte{[]byte("-----BEGIN PGP MESSAGE-----"), []byte("-----BEGIN PGP SIGNED MESSAGE-----")}

// armoured tells a text with PGP's armour at the beginning of a line.
func (m *Message) armoured() bool {
	t := m.Text()
	if t == nil {
		return false
	}
	s := scratches.Get().(*scratch)
	defer s.giveBack()
	head, err := t.readInto(s.buffer(), 256<<10)
	if err != nil && !errors.Is(err, ErrCut) {
		return false
	}
	for _, a := range armours {
		for at := 0; ; {
			i := bytes.Index(head[at:], a)
			if i < 0 {
				break
			}
			if at += i; at == 0 || head[at-1] == '\n' {
				return true
			}
			at += len(a)
		}
	}
	return false
}
