package sandbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-smtp"
)

// sendAsking sends one message as the gateway does, asking for every report.
func sendAsking(ctx context.Context, address string, config *tls.Config, from, to, message string) error {
	c, err := smtp.DialStartTLS(address, config)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	for _, extension := range []string{"DSN", "SIZE", "8BITMIME"} {
		if ok, _ := c.Extension(extension); !ok {
			return fmt.Errorf("the server does not announce %s", extension)
		}
	}
	if err := c.Mail(from, &smtp.MailOptions{Return: smtp.DSNReturnHeaders, EnvelopeID: "enveloppe+1=x"}); err != nil {
		return err
	}
	if err := c.Rcpt(to, &smtp.RcptOptions{
		Notify:                []smtp.DSNNotify{smtp.DSNNotifySuccess, smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed},
		OriginalRecipientType: smtp.DSNAddressTypeRFC822, OriginalRecipient: to,
	}); err != nil {
		return err
	}
	data, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(data, strings.NewReader(message)); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	return c.Quit()
}
