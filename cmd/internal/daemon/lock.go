package daemon

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vaguemestre/gateway/config"
)

// lockFolder keeps a second daemon off a data folder. The kernel drops the lock with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Join(dir, keyDir), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another daemon uses the data folder %s: %w", dir, err)
	}
	return f, nil
}

// LockBoth keeps daemons off two installations until release is called.
func LockBoth(a, b config.Config) (release func(), err error) {
	first, err := lockFolder(a.DataDir)
	if err != nil {
		return nil, err
	}
	second, err := lockFolder(b.DataDir)
	if err != nil {
		_ = first.Close()
		return nil, err
	}
	return func() { _ = first.Close(); _ = second.Close() }, nil // closing drops the locks, whatever it says
}
