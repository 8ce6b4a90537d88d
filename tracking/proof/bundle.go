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

// bundle verifies the PDF in a zip, and that the files beside it are those of the PDF.
func (v *verification) bundle(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		v.add(Wrong, "not-a-proof", "why", err.Error())
		return nil
	}
	seen := map[string]*zip.File{}
	for _, f := range z.File {
		if seen[f.Name] != nil {
			v.add(Wrong, "file-stray", "name", f.Name)
		}
		seen[f.Name] = f
	}
	pdf := seen[bundledPDF]
	if pdf == nil || pdf.Method != zip.Store {
		v.add(Wrong, "file-missing", "name", bundledPDF)
		return nil
	}
	offset, err := pdf.DataOffset()
	if err != nil {
		v.add(Wrong, "not-a-proof", "why", err.Error())
		return nil
	}
	length := int64(min(pdf.CompressedSize64, uint64(max(0, size-offset))))
	if err := v.pdf(io.NewSectionReader(r, offset, length), length); err != nil || v.Evidence == nil {
		return err
	}
	v.beside(seen)
	return nil
}

func (v *verification) beside(seen map[string]*zip.File) {
	delete(seen, bundledPDF)
	delete(seen, bundledReadme)
	first, err := v.Evidence.encode()
	if err != nil {
		v.add(Wrong, "evidence-broken", "why", err.Error())
		return
	}
	for _, f := range append([]Attached{first.Attached}, v.Evidence.Files...) {
		if f.Left != "" && f.Left != "size" {
			continue
		}
		entry := seen[f.Name]
		delete(seen, f.Name)
		if entry == nil {
			v.add(Wrong, "file-missing", "name", f.Name)
			continue
		}
		r, err := entry.Open()
		if err != nil || !matches(f, io.LimitReader(r, f.Size+1)) {
			v.add(Wrong, "file-changed", "name", f.Name)
		} else if f.Left != "" {
			v.add(Proved, "file", "name", f.Name)
		}
		if err == nil {
			_ = r.Close()
		}
	}
	for name := range seen {
		v.add(Wrong, "file-stray", "name", name)
	}
}
