package sandbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"time"

	"github.com/emersion/go-smtp"
)

// outcome is what a report says of one recipient.
type outcome struct {
	notify     smtp.DSNNotify
	action     string // RFC 3464 §2.3.3
	status     string // RFC 3463
	diagnostic string // of the recipient's server; %s is the address
	subject    string
	words      string
}

func mailboxTook() outcome {
	return outcome{
		notify: smtp.DSNNotifySuccess, action: "delivered", status: "2.0.0", diagnostic: "250 2.0.0 <%s> Saved",
		subject: "Successful Mail Delivery Report",
		words:   "Votre message a été remis dans la boîte aux lettres de ce destinataire.\nYour message was successfully delivered to the mailbox of this recipient.",
	}
}

func unknownUser() outcome {
	return outcome{
		notify: smtp.DSNNotifyFailure, action: "failed", status: "5.1.1",
		diagnostic: "550 5.1.1 <%s>: Recipient address rejected: User unknown in virtual mailbox table",
		subject:    "Undelivered Mail Returned to Sender",
		words:      "Votre message n'a pas pu être remis : cette adresse n'existe pas.\nYour message could not be delivered: user unknown.",
	}
}

func stillTrying() outcome {
	return outcome{
		notify: smtp.DSNNotifyDelayed, action: "delayed", status: "4.4.1",
		diagnostic: "451 4.4.1 <%s>: connection timed out, still trying",
		subject:    "Delayed Mail (still being retried)",
		words:      "Votre message n'a pas encore pu être remis ; de nouveaux essais auront lieu. Vous n'avez rien à faire.\nYour message could not be delivered yet. It will be retried.",
	}
}

// composeReport writes a multipart/report (RFC 6522) of a delivery status (RFC 3464) with the headers of the
// message, or all of it when a failure asks so (RET=FULL).
func (w *World) composeReport(v voyage, r rcpt, o outcome) ([]byte, error) {
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	fmt.Fprintf(&b, "From: Mail Delivery System <MAILER-DAEMON@%[1]s>\r\nTo: <%[2]s>\r\nSubject: %[3]s\r\nDate: %[4]s\r\nMessage-ID: <%[5]s@%[1]s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%[6]s\"\r\n\r\n",
		w.options.Hostname, v.from, o.subject, w.options.Now().Format(time.RFC1123Z), rand.Text(), parts.Boundary())
	part := func(kind, text string) error {
		p, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}})
		if err != nil {
			return err
		}
		_, err = io.WriteString(p, text)
		return err
	}
	diagnostic := fmt.Sprintf(o.diagnostic, r.address)
	human := fmt.Sprintf("%s\r\n\r\n<%s>: %s\r\n", crlf(o.words), r.address, diagnostic)
	if err := part("text/plain; charset=utf-8", human); err != nil {
		return nil, err
	}
	if err := part("message/delivery-status", w.status(v, r, o, diagnostic)); err != nil {
		return nil, err
	}
	if err := w.original(parts, v, o); err != nil {
		return nil, err
	}
	err := parts.Close()
	return b.Bytes(), err
}

func (w *World) status(v voyage, r rcpt, o outcome, diagnostic string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Reporting-MTA: dns; %s\r\n", w.options.Hostname)
	if v.mail.EnvelopeID != "" {
		fmt.Fprintf(&b, "Original-Envelope-Id: %s\r\n", clean(v.mail.EnvelopeID))
	}
	fmt.Fprintf(&b, "Arrival-Date: %s\r\n\r\n", v.arrived.Format(time.RFC1123Z))
	if r.options != nil && r.options.OriginalRecipient != "" {
		fmt.Fprintf(&b, "Original-Recipient: rfc822;%s\r\n", clean(r.options.OriginalRecipient))
	}
	fmt.Fprintf(&b, "Final-Recipient: rfc822;%s\r\nAction: %s\r\nStatus: %s\r\nRemote-MTA: dns; mx.entreprise.example\r\nDiagnostic-Code: smtp; %s\r\n",
		r.address, o.action, o.status, diagnostic)
	if o.action == "delayed" {
		fmt.Fprintf(&b, "Will-Retry-Until: %s\r\n", v.arrived.Add(5*24*time.Hour).Format(time.RFC1123Z))
	}
	return b.String()
}

// original returns the message, or its header alone.
func (w *World) original(parts *multipart.Writer, v voyage, o outcome) error {
	whole := v.mail.Return == smtp.DSNReturnFull && o.notify == smtp.DSNNotifyFailure && v.size <= inMemory
	kind := "text/rfc822-headers"
	if whole {
		kind = "message/rfc822"
	}
	p, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}})
	if err != nil {
		return err
	}
	body, err := v.body.open()
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, inMemory))
	if err != nil {
		return fmt.Errorf("read the message reported on: %w", err)
	}
	if end := bytes.Index(text, []byte("\r\n\r\n")); end >= 0 && !whole {
		text = text[:end+2]
	}
	_, err = p.Write(text)
	return err
}

func crlf(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte("\n"), []byte("\r\n"))) }
