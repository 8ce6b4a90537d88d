package daemon

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// imports lists what each package imports, by package folder; test files apart.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, i := range f.Imports {
			all[folder] = append(all[folder], strings.Trim(i.Path.Value, `"`))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func in(folder string, under ...string) bool {
	return slices.ContainsFunc(under, func(u string) bool { return folder == u || strings.HasPrefix(folder, u+"/") })
}

var wings = []string{"outbound", "inbound", "tracking"}

// mayImport is the one rule of layers: imports go down only, and wings never meet.
func mayImport(from, to string) bool {
	top := func(f string) string { return strings.SplitN(f, "/", 2)[0] }
	switch {
	case in(from, "cmd", "deploy/sandbox"):
		return true
	case from == "gateway":
		return false
	case in(from, "configs"):
		return false
	case in(from, "gateway"):
		return in(to, "gateway", "configs")
	case in(from, wings...):
		return in(to, "gateway", "configs") || top(from) == top(to)
	}
	return false
}

func TestImportsGoDownOnlyAndWingsNeverMeet(t *testing.T) {
	for from, tos := range imports(t) {
		for _, to := range tos {
			ours, found := strings.CutPrefix(to, "vaguemestre/")
			if found && !mayImport(from, ours) {
				t.Errorf("%s imports %s", from, ours)
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	rooms := map[string][]string{
		"github.com/jackc/pgx":           {"gateway/store"},
		"modernc.org/sqlite":             {"gateway/store"},
		"database/sql":                   {"gateway/store"},
		"github.com/emersion/go-smtp":    {"outbound/submission", "outbound/relay", "inbound/lmtp"},
		"github.com/emersion/go-imap":    {"inbound/mailbox"},
		"github.com/signintech/gopdf":    {"tracking/proof"},
		"github.com/pressly/goose":       {"gateway/store"},
		"github.com/alecthomas/kong":     {"cmd/vaguemestre"},
		"github.com/pelletier/go-toml":   {"gateway/config", "gateway/intake", "gateway/catalog", "tracking/proof"},
		"filippo.io/age":                 {"gateway/seal"},
		"golang.org/x/mod/sumdb/note":    {"tracking/ledger", "tracking/proof"},
		"github.com/coreos/go-oidc":      {"tracking/console"},
		"golang.org/x/oauth2":            {"tracking/console"},
		"github.com/microcosm-cc/":       {"gateway/message"},
		"github.com/go-rod":              {"deploy/sandbox/browser"},
		"github.com/emersion/go-msgauth": {"outbound/relay", "inbound/correlate"},
	}
	for from, tos := range imports(t) {
		if in(from, "deploy/sandbox", "cmd/internal/bench") {
			continue
		}
		for _, to := range tos {
			for library, allowed := range rooms {
				if strings.HasPrefix(to, library) && to != "database/sql/driver" && !in(from, allowed...) {
					t.Errorf("%s imports %s, which stays in %v", from, to, allowed)
				}
			}
		}
	}
}

func TestNoOtherTopLevelFolder(t *testing.T) {
	allowed := []string{"cmd", "gateway", "inbound", "outbound", "tracking", "configs", "deploy"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("top-level folder %s", e.Name())
		}
	}
}
