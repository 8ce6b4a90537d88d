package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
)

// Where things are in the data folder.
const (
	databaseFile = "vaguemestre.sqlite"
	contentDir   = "contents"
	keyDir       = "keys"
)

// OpenStore opens the installation that the configuration names, for the daemon and for commands alike.
func OpenStore(ctx context.Context, c config.Config, log *slog.Logger, reg prometheus.Registerer, now func() time.Time) (*store.Store, error) {
	if err := own(c.DataDir, os.Geteuid()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(c.DataDir, keyDir), 0o700); err != nil { // a command may come before the daemon
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	dsn, err := c.Store.DSN.Read()
	if err != nil {
		return nil, fmt.Errorf("store.dsn: %w", err)
	}
	return store.Open(ctx, store.Options{
		Driver: c.Store.Driver, DSN: dsn, Path: filepath.Join(c.DataDir, databaseFile), MaxConns: c.Store.Connections,
		ContentDir: filepath.Join(c.DataDir, contentDir), Inline: c.Store.Inline,
		Now: now, Logger: log, Registerer: reg,
	})
}

// own refuses root the data folder of another account: the files that it would make there could not be read by the service.
func own(dir string, as int) error {
	info, err := os.Stat(dir)
	if err != nil || as != 0 {
		return nil // to be made; or the file system itself says who may
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if owner == 0 {
		return nil
	}
	name := strconv.Itoa(int(owner))
	account := "'#" + name + "'" // sudo takes digits alone for a name
	if u, err := user.LookupId(name); err == nil {
		name, account = u.Username, u.Username
	}
	return fmt.Errorf("%s belongs to %s, who could not read what root makes there: run this under that account (sudo -u %s vaguemestre …)", dir, name, account)
}

// KeyFile is the path of a key that an installation makes itself: "tokens", "ledger"…
func KeyFile(c config.Config, name string) string { return filepath.Join(c.DataDir, keyDir, name) }
