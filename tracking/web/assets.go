package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// AssetPrefix is where a site's static files are.
const AssetPrefix = "/assets/"

// asset is one static file, as it is and compressed when that is worth it.
type asset struct {
	mediaType string
	plain     []byte
	packed    []byte
}

// assets is the static files of a site: address by name, file by address. It does not change once made.
type assets struct {
	address map[string]string
	files   map[string]asset
}

func newAssets() *assets { return &assets{address: map[string]string{}, files: map[string]asset{}} }

// add takes in one file. Its address holds the hash of its bytes: it can be kept for ever.
func (a *assets) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	at := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
	f := asset{mediaType: mime.TypeByExtension(ext), plain: content}
	switch ext { // the types that matter do not depend on the machine's tables
	case ".css":
		f.mediaType = "text/css; charset=utf-8"
	case ".js":
		f.mediaType = "text/javascript; charset=utf-8"
	case ".svg":
		f.mediaType = "image/svg+xml"
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one of its own
	_, _ = z.Write(content)                               // memory does not fail
	_ = z.Close()
	if b.Len() < len(content)*9/10 {
		f.packed = b.Bytes()
	}
	a.address[name] = AssetPrefix + at
	a.files[at] = f
}

// addAll takes in every file of a folder, by its path in it.
func (a *assets) addAll(files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a.add(name, content)
		return nil
	})
}

// of is the address of a file. A name that is not there is an error of the template that asks.
func (a *assets) of(name string) (string, error) {
	at, ok := a.address[name]
	if !ok {
		return "", fmt.Errorf("no static file %s", name)
	}
	return at, nil
}

// Asset answers GET AssetPrefix{file...}; what is not there is left to missing.
func (s *Site) Asset(missing http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, ok := s.assets.files[strings.TrimPrefix(r.URL.Path, AssetPrefix)]
		if !ok {
			missing(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.mediaType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // a drawing opened by itself runs nothing
		body := f.plain
		if f.packed != nil {
			h.Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				h.Set("Content-Encoding", "gzip")
				body = f.packed
			}
		}
		write(w, r, http.StatusOK, body)
	}
}
