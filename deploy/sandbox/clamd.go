package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Eicar is the file that every virus scanner agrees to call one, and that harms nobody (EICAR, 2003). It is
// written in two parts, so that this source is none.
const Eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS` + `-TEST-FILE!$H+H*`

// eicarSignature is Eicar for clamd, by its MD5: the databases of the world cannot be had here (clamav's .hdb: hash, size, name).
const eicarSignature = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"

// Clamd is a real clamd that knows one virus, Eicar.
type Clamd struct {
	Address string // host:port
	Socket  string // path
	process *process
	folder  string
}

// StartClamd starts it; maxLength is the largest content that it takes, in MB.
func StartClamd(ctx context.Context, maxLength int) (_ *Clamd, err error) {
	program, err := Find("clamd")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &Clamd{Address: loopback(port)}
	if c.folder, err = os.MkdirTemp("", "vgm-clamd-"); err != nil {
		return nil, err
	}
	c.Socket = filepath.Join(c.folder, "socket")
	conf := fmt.Sprintf(`Foreground yes
LocalSocket %s
TCPSocket %d
TCPAddr 127.0.0.1
DatabaseDirectory %s
StreamMaxLength %dM
MaxScanSize 400M
MaxFileSize 400M
`, c.Socket, port, c.folder, maxLength)
	err = errors.Join(
		os.WriteFile(filepath.Join(c.folder, "eicar.hdb"), []byte(eicarSignature), 0o644),
		os.WriteFile(filepath.Join(c.folder, "clamd.conf"), []byte(conf), 0o644),
	)
	if err == nil {
		c.process, err = spawn("clamd", exec.Command(program, "--config-file="+filepath.Join(c.folder, "clamd.conf")))
	}
	if err == nil {
		err = c.await(ctx)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// await waits until clamd listens, which it does last.
func (c *Clamd) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(c.Socket); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.process.done:
			return fmt.Errorf("clamd ended before it listened (%w); it said:\n%s", c.process.err, c.Logs())
		case <-ctx.Done():
			return fmt.Errorf("clamd does not listen (%w); it said:\n%s", ctx.Err(), c.Logs())
		}
	}
}

// Stop ends it and removes its folder.
func (c *Clamd) Stop() {
	if c.process != nil {
		c.process.stop()
	}
	_ = os.RemoveAll(c.folder) // it is a temporary folder
}

// Logs is the end of what it said.
func (c *Clamd) Logs() string { return c.process.log.String() }
