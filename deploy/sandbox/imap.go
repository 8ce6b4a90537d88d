package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Done is the folder to which settled mail is moved, beside INBOX.
const Done = "Traités"

// gatewayMailboxMax bounds the gateway's own mailbox, which go-imap keeps in memory; above it the
// smarthost answers 452.
const gatewayMailboxMax = 256 << 20

// imapBox is the gateway's mailbox and its server.
type imapBox struct {
	server *imapserver.Server
	user   *imapmemserver.User
	stored atomic.Int64
	now    func() time.Time
}

func (w *World) newIMAP(pair Pair) (*imapBox, error) {
	config, err := pair.Server()
	if err != nil {
		return nil, err
	}
	user := imapmemserver.NewUser(w.options.IMAPUser, w.options.IMAPPassword)
	for _, folder := range []string{"INBOX", Done} {
		if err := user.Create(folder, nil); err != nil {
			return nil, fmt.Errorf("create %s: %w", folder, err)
		}
	}
	users := imapmemserver.New()
	users.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return users.NewSession(), nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {},
			imap.CapMove: {}, imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapStatusSize: {},
		},
		TLSConfig:    config,
		InsecureAuth: true, // loopback only
		Logger:       slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	})
	return &imapBox{server: server, user: user, now: w.options.Now}, nil
}

// full tells that a mail of this size must wait.
func (b *imapBox) full(size int64) bool { return b.stored.Load()+size > gatewayMailboxMax }

// store delivers into INBOX.
func (b *imapBox) store(trace string, body *content, size int64) error {
	r, err := body.open()
	if err != nil {
		return err
	}
	defer r.Close()
	literal := sized{io.MultiReader(bytes.NewBufferString(trace), r), int64(len(trace)) + size}
	if _, err := b.user.Append("INBOX", literal, &imap.AppendOptions{Time: b.now()}); err != nil {
		return fmt.Errorf("append to INBOX: %w", err)
	}
	b.stored.Add(literal.size)
	return nil
}

type sized struct {
	io.Reader
	size int64
}

// Size implements imap.LiteralReader.
func (s sized) Size() int64 { return s.size }
