package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// The people of the bench.
const (
	domain    = "courrier.acheteur.test"
	agent     = "agent@acheteur.test"
	company   = "contact@entreprise.test"
	reference = "TESTESR2020"
	login     = "victoria"
	password  = "mot de passe de Victoria"
)

// letter is a message of about the size asked, all of it but its Message-ID: a text, the same in HTML, and a file when
// there is room for one. Lines end with CRLF; none begins with a dot.
// Its header says what it is, as a program's does: the envelope has the company alone.
func letter(size int, acknowledged bool) string {
	words := "Bonjour, vous trouverez ci-dessous les précisions demandées.\r\n"
	text := strings.Repeat(words, max(1, (min(size, 4<<10)-900)/2/(len(words)+4)))
	body := "Content-Type: multipart/alternative; boundary=alt\r\n\r\n" +
		"--alt\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text +
		"\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n<p>" +
		strings.ReplaceAll(text, "\r\n", "<br>\r\n") + "</p>\r\n</body></html>\r\n\r\n--alt--\r\n"
	if room := size - len(body) - 1000; room > 0 && size > 8<<10 {
		body = "Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\n" + body +
			"\r\n--mix\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=avis.pdf\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + lines(room) + "\r\n--mix--\r\n"
	}
	mode := "non"
	if acknowledged {
		mode = "oui"
	}
	return fmt.Sprintf("From: Victoria Brun <%s>\r\nTo: %s\r\nSubject: Question 12\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n"+
		"Vaguemestre-Consultation: %s\r\nVaguemestre-Acknowledgement: %s\r\nMIME-Version: 1.0\r\n%s", agent, company, reference, mode, body)
}

// lines is a file in base64, of about n octets as it travels.
func lines(n int) string {
	raw := make([]byte, n/78*57)
	_, _ = rand.Read(raw) // documented never to fail
	text := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	b.Grow(n + 78)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return b.String() + text
}
