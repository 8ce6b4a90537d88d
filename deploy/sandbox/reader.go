package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Reader looks into an IMAP mailbox, as a mail client does, without changing it.
type Reader struct {
	client  *imapclient.Client
	arrived chan struct{}
	release func() bool
}

// OpenMailbox logs in over TLS. The connection ends with Close, or with ctx, which also bounds every wait.
func OpenMailbox(ctx context.Context, address string, config *tls.Config, user, password string) (*Reader, error) {
	r := &Reader{arrived: make(chan struct{}, 1)}
	options := &imapclient.Options{TLSConfig: config, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(*imapclient.UnilateralDataMailbox) {
			select {
			case r.arrived <- struct{}{}:
			default:
			}
		},
	}}
	client, err := imapclient.DialTLS(address, options)
	if err != nil {
		return nil, fmt.Errorf("open the mailbox of %s: %w", user, err)
	}
	r.client = client
	r.release = context.AfterFunc(ctx, func() { _ = client.Close() })
	if err := client.Login(user, password).Wait(); err != nil {
		r.Close()
		return nil, fmt.Errorf("open the mailbox of %s: %w", user, err)
	}
	return r, nil
}

// Close ends the connection.
func (r *Reader) Close() {
	r.release()
	_ = r.client.Close()
}

// All gives every message of a folder, oldest first.
func (r *Reader) All(folder string) ([]string, error) {
	status, err := r.client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, fmt.Errorf("select %s: %w", folder, err)
	}
	if status.NumMessages == 0 {
		return nil, nil
	}
	section := &imap.FetchItemBodySection{Peek: true}
	found, err := r.client.Fetch(imap.SeqSet{{Start: 1, Stop: 0}},
		&imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return nil, fmt.Errorf("fetch from %s: %w", folder, err)
	}
	var raws []string
	for _, m := range found {
		raws = append(raws, string(m.FindBodySection(section)))
	}
	return raws, nil
}

// Wait gives the first message of a folder, present or to come, for which pleases is true (nil: any). The error of an
// ended context shows the messages that were there.
func (r *Reader) Wait(ctx context.Context, folder string, pleases func(raw string) bool) (string, error) {
	for {
		raws, err := r.All(folder)
		if err != nil {
			return "", err
		}
		for _, raw := range raws {
			if pleases == nil || pleases(raw) {
				return raw, nil
			}
		}
		if err := r.idle(ctx); err != nil {
			return "", fmt.Errorf("wait for a message in %s: %w; %d there: %.8000q", folder, err, len(raws), raws)
		}
	}
}

// idle waits until the folder changes (RFC 2177). What came since it was read is told at once: the server
// compares with what it told this connection before.
func (r *Reader) idle(ctx context.Context) error {
	command, err := r.client.Idle()
	if err != nil {
		return err
	}
	select {
	case <-r.arrived:
		err = nil
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, command.Close(), command.Wait())
}
