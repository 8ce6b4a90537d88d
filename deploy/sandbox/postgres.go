package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions says how PostgreSQL runs; the zero value will do.
type PostgresOptions struct {
	Settings map[string]string // parameters of postgresql.conf; fsync stays on unless turned off here
}

// Postgres is a running PostgreSQL in a temporary folder. Everybody on this machine may
// connect to it as its owner, without a password.
type Postgres struct {
	dir     string
	port    int
	process *process
	options PostgresOptions
	program string
	bases   atomic.Int64 // databases made so far
}

// StartPostgres makes an empty cluster, starts it and waits until it answers: about two
// seconds. It refuses root's rights: as root it runs as the user postgres.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	dir, err := os.MkdirTemp("/tmp", "vgm-postgres-")
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	p := &Postgres{dir: dir, options: o}
	if err := p.start(ctx); err != nil {
		p.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

func (p *Postgres) start(ctx context.Context) (err error) {
	if p.program, err = findPostgres("postgres"); err != nil {
		return err
	}
	initdb, err := findPostgres("initdb")
	if err != nil {
		return err
	}
	_, credential, err := unprivileged("postgres")
	if err != nil {
		return err
	}
	if err := giveAway(p.dir, credential); err != nil {
		return err
	}
	// Only the making of the empty cluster is not synced: there is nothing to lose yet.
	cmd := exec.CommandContext(ctx, initdb, "--pgdata", p.data(), "--username", "vaguemestre", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if p.port, err = freePort(); err != nil {
		return err
	}
	return p.Restart(ctx)
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Restart starts the server again after Kill, on the same port and data.
func (p *Postgres) Restart(ctx context.Context) error {
	args := []string{"-D", p.data(), "-k", p.dir, "-h", "127.0.0.1", "-p", fmt.Sprint(p.port), "-c", "max_connections=200"}
	for name, value := range p.options.Settings {
		args = append(args, "-c", name+"="+value)
	}
	_, credential, err := unprivileged("postgres")
	if err != nil {
		return err
	}
	cmd := exec.Command(p.program, args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: credential}
	if p.process, err = spawn("PostgreSQL", cmd); err != nil {
		return err
	}
	return p.await(ctx)
}

// await waits until the server answers a query.
func (p *Postgres) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		last := p.do(ctx, "postgres", "SELECT 1")
		if last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.process.done:
			return fmt.Errorf("ended before it answered (%v); it said:\n%s", p.process.err, p.process.log.String())
		case <-ctx.Done():
			return fmt.Errorf("does not answer (%w, %w); it said:\n%s", ctx.Err(), last, p.process.log.String())
		}
	}
}

func (p *Postgres) do(ctx context.Context, database, query string) error {
	conn, err := pgx.Connect(ctx, p.DSN(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return errors.Join(err, conn.Close(ctx))
}

// DSN names a database of the server.
func (p *Postgres) DSN(database string) string {
	return fmt.Sprintf("postgres://vaguemestre@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

// Database makes a new empty database and gives its DSN.
func (p *Postgres) Database(ctx context.Context) (dsn string, err error) {
	return p.create(ctx, "template1")
}

// Clone makes a new database like the one that Database gave, to which nobody may be
// connected, and gives its DSN.
func (p *Postgres) Clone(ctx context.Context, of string) (dsn string, err error) {
	config, err := pgx.ParseConfig(of)
	if err != nil {
		return "", fmt.Errorf("clone a database: %w", err)
	}
	return p.create(ctx, config.Database)
}

func (p *Postgres) create(ctx context.Context, template string) (dsn string, err error) {
	name := fmt.Sprintf("essai%d", p.bases.Add(1))
	if err := p.do(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return p.DSN(name), nil
}

// Kill ends the server as a crash does: at once, nothing written out. Restart brings it back.
func (p *Postgres) Kill() {
	_ = p.process.cmd.Process.Signal(syscall.SIGQUIT) // immediate shutdown: recovery at the next start
	<-p.process.done
}

// Stop ends the server and removes its folder.
func (p *Postgres) Stop() {
	if p.process != nil {
		_ = p.process.cmd.Process.Signal(syscall.SIGINT) // fast shutdown: it does not wait for its clients
		p.process.stop()
	}
	_ = os.RemoveAll(p.dir)
}

// Logs is the end of what it said.
func (p *Postgres) Logs() string {
	if p.process == nil {
		return ""
	}
	return p.process.log.String()
}

// findPostgres looks where Debian keeps the programs of each version.
func findPostgres(program string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program) // the pattern is well formed
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	return Find(program)
}
