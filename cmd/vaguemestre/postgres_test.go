package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// startPostgres gives a PostgreSQL of the test's own, and the configuration of a store in an empty database of it.
func startPostgres(t *testing.T) (*sandbox.Postgres, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	server, err := sandbox.StartPostgres(ctx, sandbox.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(server.Logs(), 4000))
		}
		server.Stop()
	})
	dsn, err := server.Database(ctx)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "postgres.dsn")
	if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, "[store]\ndriver = \"postgres\"\ndsn = \"file:" + file + "\"\n"
}

func TestMainJobOnPostgreSQL(t *testing.T) {
	t.Parallel()
	_, extra := startPostgres(t)
	mainJob(t, extra)
}

func TestPromiseAcceptedIsOursThroughKillsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	_, extra := startPostgres(t)
	throughKills(t, extra)
}

// TestAnInstallationMovesToPostgreSQL copies an installation that worked on SQLite, and goes on with the copy: what
// companies and agents hold in their hands stays good.
func TestAnInstallationMovesToPostgreSQL(t *testing.T) {
	t.Parallel()
	from, w, clientTLS := installDemoWorld(t, "")
	from.feed()
	from.serve()
	agent := client{installation: from, tls: clientTLS}
	small := agent.accepted("petit", agent.letter("petit", 0))
	large := agent.accepted("grand", agent.letter("grand", 200_000))
	s := from.look()
	from.event(s, small, boxOf("petit"), gateway.Delivered)
	from.event(s, large, boxOf("grand"), gateway.Delivered)
	from.until("the queue is empty", func() bool { return settledAll(from, s) })
	link := agent.link(w, "petit")
	from.stop()

	_, extra := startPostgres(t)
	to := from.moved(extra)
	out := from.must("", "store", "copy", from.file, to.file)
	if !strings.Contains(out, "intact") {
		t.Errorf("the ledger is not verified on arrival:\n%s", out)
	}
	if out, err := from.program("", "store", "copy", from.file, to.file); err == nil {
		t.Errorf("a second copy is made over the first:\n%s", out)
	}
	to.serve()
	agent.installation = to
	copied := to.look()
	t.Run("the link that the company has is read", func(t *testing.T) { agent.press(link) })
	to.event(copied, small, boxOf("petit"), gateway.Read)
	t.Run("the large content is there", func(t *testing.T) {
		if page := agent.press(agent.link(w, "grand")); !strings.Contains(page, "plan.bin") {
			t.Error("no file on the page")
		}
	})
	t.Run("a retry is the same courier", func(t *testing.T) {
		if again := agent.accepted("petit", agent.letter("petit", 0)); again != small {
			t.Errorf("%s became %s", small, again)
		}
	})
	t.Run("an answer to the old mail finds its letter", func(t *testing.T) {
		if _, err := w.Reply(to.ctx, agent.mail(w, "petit"), "Bien reçu."); err != nil {
			t.Fatal(err)
		}
		to.event(copied, small, boxOf("petit"), gateway.Replied)
	})
	t.Run("a new courier is sent", func(t *testing.T) {
		to.event(copied, agent.accepted("neuf", agent.letter("neuf", 0)), boxOf("neuf"), gateway.Delivered)
	})
	if n := len(allCouriers(to, copied)); n != 3 {
		t.Errorf("%d couriers", n)
	}
	to.stop()
	if out := to.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
}

// moved is the same installation with another data folder and the store that the configuration names.
func (i *installation) moved(extra string) *installation {
	i.Helper()
	to := *i
	to.file = i.write("moved.toml", strings.Replace(i.configuration(), filepath.Join(i.dir, "data"), filepath.Join(i.dir, "moved"), 1)+extra)
	to.load()
	to.process, to.log = nil, &lockedBuffer{}
	return &to
}

func allCouriers(i *installation, s *store.Store) (all []gateway.Courier) {
	eachCourier(i, s, func(c gateway.Courier) { all = append(all, c) })
	return all
}
