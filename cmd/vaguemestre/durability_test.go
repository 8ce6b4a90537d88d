package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
)

// call is one system call of the daemon: what came in order of entry and of return.
type call struct {
	name, args     string
	result         int64
	entered, ended int // lines of the trace; ended 0: not ended
}

// trace is what strace saw of the daemon.
type trace struct{ calls []call }

var (
	straceLine   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	straceResume = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	straceResult = regexp.MustCompile(`\) += (-?\d+)(?:<.*>)?(?: .*)?$`)
)

// readTrace puts the two halves of interrupted lines together again.
func readTrace(t *testing.T, path string) trace {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tr trace
	open := map[string]int{} // thread → its unfinished call
	for n, line := range strings.Split(string(text), "\n") {
		if m := straceResume.FindStringSubmatch(line); m != nil {
			if at, ok := open[m[1]]; ok {
				tr.calls[at].args += m[3]
				tr.calls[at].finish(n + 1)
				delete(open, m[1])
			}
			continue
		}
		m := straceLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		args, unfinished := strings.CutSuffix(m[3], " <unfinished ...>")
		tr.calls = append(tr.calls, call{name: m[2], args: args, entered: n + 1})
		if unfinished {
			open[m[1]] = len(tr.calls) - 1
			continue
		}
		tr.calls[len(tr.calls)-1].finish(n + 1)
	}
	return tr
}

func (c *call) finish(line int) {
	c.ended, c.result = line, -1
	if m := straceResult.FindStringSubmatch(c.args); m != nil {
		c.result, _ = strconv.ParseInt(m[1], 10, 64) // the expression has digits only
	}
}

func (c call) is(names string) bool { return strings.Contains(" "+names+" ", " "+c.name+" ") }

const (
	writes = "write pwrite64 writev sendto sendmsg"
	reads  = "read recvfrom recvmsg readv"
	syncs  = "fsync fdatasync"
)

// on tells a call on a file or socket whose name, as strace -yy shows it, has that piece.
func (c call) on(piece string) bool {
	name, _, _ := strings.Cut(c.args, ">, ")
	return strings.Contains(name, piece)
}

// first is the first call after a line that pleases; its zero value when there is none.
func (tr trace) first(after int, pleases func(call) bool) call {
	for _, c := range tr.calls {
		if c.entered > after && pleases(c) {
			return c
		}
	}
	return call{}
}

// reply is the first write to a socket after the last thing that was read from it: what answers the end of a message,
// when the client says nothing more.
func (tr trace) reply(socket string) call {
	last := 0
	for _, c := range tr.calls {
		if c.is(reads) && c.on(socket) && c.result > 0 {
			last = c.ended
		}
	}
	return tr.first(last, func(c call) bool { return c.is(writes) && c.on(socket) })
}

// durable demands that what holds the mark was written to a file of that name and synced, both before the answer, and
// gives the sync. A page of the database that a later commit writes again, which holds the mark still, needs no sync of
// its own: what is committed is what comes before the first one.
func (tr trace) durable(t *testing.T, file, mark string, answer call) call {
	t.Helper()
	written := tr.first(0, func(c call) bool { return c.is(writes) && c.on(file) && strings.Contains(c.args, mark) })
	if written.ended == 0 || written.ended > answer.entered {
		t.Errorf("%q is not written to %s before the answer (line %d): %+v", mark, file, answer.entered, written)
		return call{}
	}
	last := written
	if !strings.HasSuffix(file, "-wal") { // everything written to it is synced, not its beginning only
		for _, c := range tr.calls {
			if c.is(writes) && c.on(file) && c.entered < answer.entered && strings.Contains(c.args, mark) {
				last = c
			}
		}
	}
	synced := tr.first(last.ended, func(c call) bool { return c.is(syncs) && c.on(file) && c.result == 0 })
	if synced.ended == 0 || synced.ended > answer.entered {
		t.Errorf("%s is not synced between line %d and the answer (line %d)", file, last.ended, answer.entered)
	}
	return synced
}

// traced starts the daemon under strace, and gives what ends it and reads the trace.
func (i *installation) traced() func() trace {
	i.Helper()
	strace, err := sandbox.Find("strace")
	if err != nil {
		i.Fatal(err)
	}
	out := filepath.Join(i.dir, "trace")
	i.begin(exec.CommandContext(i.ctx, strace, "-f", "-yy", "-s", "70000", "-o", out, "-e",
		"trace=openat,rename,renameat,renameat2,fsync,fdatasync,write,pwrite64,writev,sendto,sendmsg,read,recvfrom,recvmsg,readv",
		os.Args[0], "--config", i.file, "serve"))
	return func() trace {
		i.endTraced()
		return readTrace(i.T, out)
	}
}

// endTraced stops the daemon, which is strace's child; strace ends after it.
func (i *installation) endTraced() {
	i.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", i.process.Process.Pid))
	if err != nil {
		i.Fatal(err)
	}
	for _, word := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(word); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	if err := <-i.ended; err != nil {
		i.Fatalf("the daemon ended badly: %v\n%s", err, i.log)
	}
	i.process = nil
	http.DefaultClient.CloseIdleConnections()
}

// marked is a courier whose every part bears a mark that shows in a trace.
func (c client) marked(mark string, size int) string {
	text := strings.Repeat(mark+" ", 20)
	if size > 0 {
		text += strings.Repeat("\n"+strings.Repeat(mark+" ", 4), size/(4*(len(mark)+1)))
	}
	return letter(mark, boxOf(mark), "Courrier "+mark, "Bonjour,\n\n"+text+"\n")
}

// watch submits over one connection that says nothing after its message, and gives the courier and the client's end of
// the connection as a trace shows it.
func (c client) watched(mark string, size int) (courier gateway.ID, socket string) {
	c.Helper()
	s, conn, err := c.session()
	if err != nil {
		c.Fatal(err)
	}
	defer conn.Close()
	if err := s.Mail("agent@acheteur.test"); err != nil {
		c.Fatal(err)
	}
	for _, to := range []string{boxOf(mark), "testesr2020+libre@courrier.acheteur.test"} {
		if err := s.Rcpt(to); err != nil {
			c.Fatal(err)
		}
	}
	return c.number(data(s, c.marked(mark, size))), "->" + conn.LocalAddr().String() + "]"
}

func TestPromiseAcceptedIsOursIsOnDiskBeforeIsSaid(t *testing.T) {
	t.Parallel()
	i, w, clientTLS := installDemoWorld(t, "")
	i.feed()
	end := i.traced()
	agent := client{installation: i, tls: clientTLS}
	_, small := agent.watched("PETITMARQUE", 0)
	largeID, large := agent.watched("GRANDEMARQUE", 300_000)
	s := i.look()
	i.event(s, largeID, boxOf("GRANDEMARQUE"), gateway.Delivered)
	kept, err := s.Courier(i.ctx, largeID)
	if err != nil {
		t.Fatal(err)
	}
	link := agent.link(w, "PETITMARQUE")
	agent.press(link)
	tr := end()

	t.Run("a small courier, in the database's log", func(t *testing.T) {
		tr.durable(t, ".sqlite-wal", "PETITMARQUE", tr.reply(small))
	})
	t.Run("a large courier, in its file, its folder, then the database's log", func(t *testing.T) {
		answer := tr.reply(large)
		file := tr.durable(t, "/contents/tmp/", "GRANDEMARQUE", answer)
		name := kept.Content.String()
		renamed := tr.first(file.ended, func(c call) bool {
			return strings.HasPrefix(c.name, "rename") && strings.Contains(c.args, "/"+name+"\"") && c.result == 0
		})
		folder := tr.first(renamed.ended, func(c call) bool {
			return c.is(syncs) && c.on("/contents/"+name[:2]+">") && c.result == 0
		})
		row := tr.durable(t, ".sqlite-wal", "GRANDEMARQUE", answer)
		steps := []int{file.ended, renamed.entered, renamed.ended, folder.entered, folder.ended, row.entered, row.ended, answer.entered}
		for n := 1; n < len(steps); n++ {
			if steps[n-1] == 0 || steps[n] < steps[n-1] {
				t.Fatalf("out of order (file, rename, folder, log, answer): %v", steps)
			}
		}
	})
	t.Run("an acknowledgement, before the company's browser hears of it", func(t *testing.T) {
		answer := tr.first(0, func(c call) bool { return c.is(writes) && strings.Contains(c.args, "HTTP/1.1 303") })
		// The server may have read the P by itself, in wait for a next request.
		posted := tr.first(0, func(c call) bool { return c.is(reads) && strings.Contains(c.args, "OST /l/") })
		if posted.ended == 0 || answer.entered < posted.ended {
			t.Fatalf("no POST before a 303: %+v", answer.entered)
		}
		tr.durable(t, ".sqlite-wal", "shown_at", answer) // of the acknowledgement, and of no other event
	})
}

func TestPromiseAcceptedIsOursIsCommittedBeforeIsSaidOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server, extra := startPostgres(t)
	checkSynced(t, server)
	i, _, clientTLS := installDemoWorld(t, extra)
	i.feed()
	end := i.traced()
	agent := client{installation: i, tls: clientTLS}
	_, small := agent.watched("PETITMARQUE", 0)
	_, large := agent.watched("GRANDEMARQUE", 300_000)
	tr := end()
	for mark, socket := range map[string]string{"PETITMARQUE": small, "GRANDEMARQUE": large} {
		answer := tr.reply(socket)
		if answer.entered == 0 || !tr.committed(":"+port(t, server), mark, answer) {
			t.Errorf("%s: no commit of it is confirmed before the answer (line %d)", mark, answer.entered)
		}
	}
}

// committed tells whether PostgreSQL was given what holds the mark, asked to commit it, and confirmed that, before the answer.
func (tr trace) committed(server, mark string, answer call) bool {
	for _, row := range tr.calls {
		if !row.is(writes) || !row.on(server) || !strings.Contains(row.args, mark) {
			continue
		}
		connection, _, _ := strings.Cut(row.args, ">, ")
		asked := tr.first(row.ended, func(c call) bool {
			return c.is(writes) && c.on(connection) && strings.Contains(c.args, "commit")
		})
		done := tr.first(asked.ended, func(c call) bool {
			return c.is(reads) && c.on(connection) && strings.Contains(c.args, "COMMIT")
		})
		if asked.ended > 0 && done.ended > 0 && done.ended < answer.entered {
			return true
		}
	}
	return false
}

func port(t *testing.T, server *sandbox.Postgres) string {
	t.Helper()
	m := regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(server.DSN("x"))
	if m == nil {
		t.Fatal("no port in the DSN")
	}
	return m[1]
}

// checkSynced: what PostgreSQL confirms is on its disk, in this test as at an administrator's.
func checkSynced(t *testing.T, server *sandbox.Postgres) {
	t.Helper()
	for _, setting := range []string{"fsync", "synchronous_commit"} {
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "psql", server.DSN("postgres"), "-tAc", "SHOW "+setting).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "on" {
			t.Fatalf("%s is %s, %v", setting, out, err)
		}
	}
}
