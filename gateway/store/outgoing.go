package store

import (
	"context"

	"vaguemestre/gateway"
)

// Outgoing is what a message to a recipient is made of, as it is at one instant.
type Outgoing struct {
	Recipient gateway.Recipient
	Courier   gateway.Courier
	content   stored
	files     *files
}

// Content opens the courier's content; gateway.ErrNotFound when it is not there.
func (o Outgoing) Content() (Content, error) {
	if !o.content.size.Valid {
		return nil, fault("open a content", gateway.ErrNotFound)
	}
	return o.content.open(o.files, o.Courier.Content)
}

var outgoing = "SELECT " + qualified("recipient", recipientColumns) + ", " + qualified("courier", courierColumns) + ", " +
	storedColumns + ` FROM recipient JOIN courier ON courier.id = recipient.courier LEFT JOIN content ON content.hash = courier.content
	WHERE recipient.id = $1`

// Outgoing reads all that composing for a recipient needs, in one query; gateway.ErrNotFound when there is no such recipient.
func (s *Store) Outgoing(ctx context.Context, recipient gateway.ID) (Outgoing, error) {
	return get(ctx, s, "read an outgoing message", func(row scanner) (Outgoing, error) {
		o := Outgoing{files: s.files}
		err := row.Scan(append(append(recipientDest(&o.Recipient), courierDest(&o.Courier)...), o.content.dest()...)...)
		return o, err
	}, outgoing, recipient.String())
}
