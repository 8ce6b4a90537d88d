package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake/roster"
)

type previewCommand struct {
	Mode         string `default:"ar" enum:"ar,simple" help:"ar: with acknowledgement; simple: without."`
	Type         string `default:"libre" help:"Type of courier."`
	To           string `default:"contact@entreprise.example" help:"Address of the recipient."`
	Consultation string `type:"existingfile" help:"JSON file of a consultation; the manual's without one."`
	Page         bool   `help:"Write the HTML of the content page instead of the message."`
	List         bool   `help:"Standard input holds file names, one a line; what is made is written beside them, or under --out."`
	Out          string `type:"existingdir" help:"With --list: the folder to write to."`
}

const previewFile = 10 << 20 // bytes of a consultation's file

func (p previewCommand) Run(c console, ctx context.Context) (err error) {
	about, companies, err := p.about()
	if err != nil {
		return err
	}
	preview, err := daemon.NewPreview(ctx, about, companies)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, preview.Close()) }()
	if p.List {
		return p.all(ctx, c, preview)
	}
	raw, err := readMail(c.in)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := preview.Write(ctx, &out, p.wanted(raw)); err != nil {
		return c.refused("", err)
	}
	_, err = out.WriteTo(c.out)
	return err
}

func (p previewCommand) wanted(raw []byte) daemon.Wanted {
	return daemon.Wanted{Mail: bytes.NewReader(raw), To: p.To, Mode: p.Mode, Type: p.Type, Page: p.Page}
}

// refused prints every refusal as the agent would read it.
func (c console) refused(name string, err error) error {
	var refusals daemon.Refusals
	if !errors.As(err, &refusals) {
		return err
	}
	for _, r := range refusals {
		text := fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], catalog.Text(catalog.French, r.Key, r.Args))
		if name != "" {
			text = name + ": " + text
		}
		_, _ = fmt.Fprintln(c.err, text) // nobody to tell when the terminal is gone
	}
	return exit(1)
}

func (p previewCommand) about() (gateway.Consultation, []gateway.Company, error) {
	if p.Consultation == "" {
		return gateway.Consultation{}, nil, nil
	}
	f, err := os.Open(p.Consultation)
	if err != nil {
		return gateway.Consultation{}, nil, err
	}
	defer f.Close()
	entries, err := roster.Read(io.LimitReader(f, previewFile), "courrier.example")
	if err == nil {
		err = roster.Settle(context.Background(), nobody{}, entries)
	}
	if err != nil {
		return gateway.Consultation{}, nil, fmt.Errorf("%s: %w", p.Consultation, err)
	}
	if len(entries) != 1 {
		return gateway.Consultation{}, nil, fmt.Errorf("%s: one consultation is expected", p.Consultation)
	}
	return entries[0].Consultation, entries[0].Companies, nil
}

// nobody is a store in which nothing is known.
type nobody struct{}

func (nobody) ConsultationByReference(context.Context, string) (gateway.Consultation, error) {
	return gateway.Consultation{}, gateway.ErrNotFound
}

func (nobody) ConsultationByAddress(context.Context, string) (gateway.Consultation, error) {
	return gateway.Consultation{}, gateway.ErrNotFound
}

// all previews each file; one that is refused, or cannot be read, does not stop the next.
func (p previewCommand) all(ctx context.Context, c console, preview *daemon.Preview) error {
	names := bufio.NewScanner(c.in)
	bad := false
	for names.Scan() {
		name := names.Text()
		if name == "" {
			continue
		}
		if err := p.one(ctx, preview, name); err != nil {
			bad = true
			if told := c.refused(name, err); !errors.As(told, new(exit)) {
				_, _ = fmt.Fprintf(c.err, "%s: %v\n", name, told) // nobody to tell when the terminal is gone
			}
		}
	}
	if err := names.Err(); err != nil {
		return err
	}
	if bad {
		return exit(1)
	}
	return nil
}

func (p previewCommand) one(ctx context.Context, preview *daemon.Preview, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := readMail(f)
	if err != nil {
		return err
	}
	suffix := ".preview.eml"
	if p.Page {
		suffix = ".preview.html"
	}
	path := name + suffix
	if p.Out != "" {
		path = filepath.Join(p.Out, filepath.Base(name)+suffix)
	}
	return replaceFile(path, func(w io.Writer) error { return preview.Write(ctx, w, p.wanted(raw)) })
}
