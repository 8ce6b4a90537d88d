package proof

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"time"
)

// Names in a bundle beside those of the attached files.
const (
	bundledPDF    = "preuve.pdf"
	bundledReadme = "LISEZMOI.txt"
)

// bundle writes the zip. The PDF is not compressed, so that Verify reads it in its place.
func (i *Issuer) bundle(ctx context.Context, w io.Writer, m *material) error {
	z := zip.NewWriter(w)
	at := m.evidence.Issued.At
	entry, err := zipEntry(z, bundledPDF, zip.Store, at)
	if err == nil {
		err = i.pdf(ctx, entry, m)
	}
	if err != nil {
		return err
	}
	said, err := wordsOf(m.evidence.Issued.Language)
	if err != nil {
		return err
	}
	if entry, err = zipEntry(z, bundledReadme, zip.Deflate, at); err == nil {
		_, err = io.WriteString(entry, m.evidence.Issued.Title+"\n\n"+said.t("check.how")+"\n\n"+m.evidence.Issued.Notice+"\n")
	}
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	for _, f := range m.files {
		if f.Left != "" && f.Left != "size" {
			continue
		}
		if err := bundleFile(z, f, at); err != nil {
			return fmt.Errorf("bundle %s: %w", f.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

func zipEntry(z *zip.Writer, name string, method uint16, at time.Time) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: at})
}

func bundleFile(z *zip.Writer, f content, at time.Time) error {
	r, closer, err := f.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	entry, err := zipEntry(z, f.Name, zip.Deflate, at)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, r)
	return err
}
