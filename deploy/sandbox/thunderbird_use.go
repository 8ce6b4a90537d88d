package sandbox

import (
	"context"
	"fmt"
)

// Written is what an agent puts into the window of composition.
type Written struct {
	To      string // addresses, separated by commas
	Subject string
	HTML    string   // of the body
	Files   []string // absolute paths
	Receipt bool     // "Demander un accusé de réception"
	Report  bool     // "Demander une notification de l'état de distribution"
}

// do runs the body of an asynchronous function in Thunderbird.
func (t *Thunderbird) do(body string, result any, args ...any) error {
	return t.drive.run(body, result, args...)
}

// script runs a file of the folder thunderbird.
func (t *Thunderbird) script(name string, result any, args ...any) error {
	body, err := thunderbirdScripts.ReadFile("thunderbird/" + name + ".js")
	if err != nil {
		return fmt.Errorf("read the script: %w", err)
	}
	if err := t.do(string(body), result, args...); err != nil {
		return fmt.Errorf("Thunderbird, %s: %w", name, err)
	}
	return nil
}

// Send writes a message and presses "Envoyer". It gives the text of the dialog when Thunderbird shows one instead of sending; the dialog then stays
// open until Dismiss. When the message left, its window has closed and refused is empty.
func (t *Thunderbird) Send(w Written) (refused string, err error) {
	files := w.Files
	if files == nil {
		files = []string{}
	}
	if err := t.script("write", nil, w.To, w.Subject, w.HTML, files, w.Receipt, w.Report); err != nil {
		return "", err
	}
	return refused, t.script("send", &refused)
}

// Reply answers the message that Show showed, as the button "Répondre" does, writes HTML before what it quotes, and sends it as Send does.
func (t *Thunderbird) Reply(html string) (refused string, err error) {
	if err := t.script("reply", nil, html); err != nil {
		return "", err
	}
	return refused, t.script("send", &refused)
}

// EditAsNew opens the message that Show showed as a new one, as "Modifier comme un nouveau message" does, adds a recipient, replaces what the
// patterns match in its lines (pairs of pattern and text), and sends it as Send does.
func (t *Thunderbird) EditAsNew(to string, pairs ...string) (refused string, err error) {
	if err := t.script("edit", nil, to, pairs); err != nil {
		return "", err
	}
	return refused, t.script("send", &refused)
}

// Dismiss closes the dialogs and the messages being written.
func (t *Thunderbird) Dismiss() error { return t.script("dismiss", nil) }

// Card is a card of an address book.
type Card struct {
	Name      string
	Addresses []string
}

// Import reads an address book of that kind ("vcard", "ldif" or "csv") and gives its cards as Thunderbird understood them.
func (t *Thunderbird) Import(kind, path string) ([]Card, error) {
	var rows [][]string
	if err := t.script("import", &rows, kind, path); err != nil {
		return nil, err
	}
	var cards []Card
	for _, row := range rows {
		cards = append(cards, Card{Name: row[0], Addresses: row[1:]})
	}
	return cards, nil
}

// Show waits for a message whose subject has these words in the agent's inbox, and shows the newest of them.
func (t *Thunderbird) Show(words string) error { return t.script("show", nil, words) }

// Screenshot keeps what the screen shows as <name>.png in the folder that VAGUEMESTRE_SCREENSHOTS names, if it names one.
func (t *Thunderbird) Screenshot(ctx context.Context, name string) error {
	return t.display.shot(ctx, name)
}
