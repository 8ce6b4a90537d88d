package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"vaguemestre/gateway"
)

// files is the folder of large contents: <dir>/<first two digits>/<64 digits>, and
// <dir>/tmp for those still being written.
type files struct{ dir string }

func openFiles(dir string) (*files, error) {
	f := &files{dir: dir}
	if err := os.MkdirAll(f.tmp(), 0o700); err != nil {
		return nil, err
	}
	return f, errors.Join(syncDir(dir), syncDir(filepath.Dir(filepath.Clean(dir))))
}

func (f *files) tmp() string { return filepath.Join(f.dir, "tmp") }

func (f *files) path(h gateway.Hash) string {
	name := h.String()
	return filepath.Join(f.dir, name[:2], name)
}

func (f *files) temporary() (*os.File, error) { return os.CreateTemp(f.tmp(), "content-") }

// settle makes an open temporary file durable under its final name. A content that is
// there already is replaced by itself.
func (f *files) settle(open *os.File, temporary string, h gateway.Hash) error {
	if err := open.Sync(); err != nil {
		return err
	}
	final := f.path(h)
	err := os.Rename(temporary, final)
	if errors.Is(err, fs.ErrNotExist) { // the first content of its folder
		if err = f.makeFolder(filepath.Dir(final)); err == nil {
			err = os.Rename(temporary, final)
		}
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

func (f *files) makeFolder(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(f.dir)
}

func (f *files) stat(h gateway.Hash) (fs.FileInfo, error) { return os.Stat(f.path(h)) }

func (f *files) open(h gateway.Hash) (*os.File, error) { return os.Open(f.path(h)) }

// remove takes a content away; one that is gone already is no error.
func (f *files) remove(h gateway.Hash) error {
	if err := os.Remove(f.path(h)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
