// Command vaguemestre is the e-mail gateway of public buyers: the daemon and its tools.
//
// main only translates the outside world: arguments, signals, exit code. The daemon is
// cmd/internal/daemon.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

func (c console) say(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format+"\n", args...) } // nobody to tell when the terminal is gone

func (c console) warn(format string, args ...any) { _, _ = fmt.Fprintf(c.err, format+"\n", args...) } // the same

// commands is the whole command line.
type commands struct {
	Config string `help:"Configuration file." default:"/etc/vaguemestre/vaguemestre.toml" env:"VAGUEMESTRE_CONFIG" type:"path"`

	Version kong.VersionFlag `help:"Say which version this is."`

	Serve        serveCommand        `cmd:"" help:"Run the gateway."`
	Demo         demoCommand         `cmd:"" help:"Show the main job on this machine, with nothing to install."`
	Check        checkCommand        `cmd:"" help:"Check the configuration and say every problem."`
	Doctor       doctorCommand       `cmd:"" help:"Look at the machine, the DNS, the relays, the mailboxes and the pages, and say what to change."`
	Consultation consultationCommand `cmd:"" help:"Import and list consultations."`
	Agent        agentCommand        `cmd:"" help:"Add agents, set passwords, entitle them to consultations."`
	Apikey       apikeyCommand       `cmd:"" help:"Make, list and revoke the keys of the platform's API."`
	Courier      courierCommand      `cmd:"" help:"List couriers and show what happened to them."`
	Kit          kitCommand          `cmd:"" help:"Address books and mailto links for agents' own mail clients."`
	Queue        queueCommand        `cmd:"" help:"See and steer what waits to be sent."`
	Quarantine   quarantineCommand   `cmd:"" help:"See the mail that could not be matched."`
	Preview      previewCommand      `cmd:"" help:"Write the message that a recipient would get of a mail."`
	Classify     classifyCommand     `cmd:"" help:"Say what an incoming mail is."`
	Proof        proofCommand        `cmd:"" help:"Write the proof of a courier."`
	Verify       verifyCommand       `cmd:"" help:"Verify a proof, without the gateway."`
	Ledger       ledgerCommand       `cmd:"" help:"Check the register of events."`
	Store        storeCommand        `cmd:"" help:"Move an installation from one store to another."`
}

// exit is an error that has been told already; it only carries the exit code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func run(ctx context.Context, args []string, c console) (code int) {
	var cmds commands
	parser, err := kong.New(&cmds,
		kong.Name("vaguemestre"),
		kong.Description("The e-mail gateway that French public buyers send their official letters through."),
		kong.UsageOnError(), kong.Writers(c.out, c.err),
		kong.Exit(func(n int) { panic(exit(n)) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(c), kong.Vars{"version": version()},
	)
	if err != nil {
		panic(err) // the command line itself is wrong: no user can cause or mend it
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exit: // --help
			code = int(e)
		default:
			panic(e)
		}
	}()
	parsed, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(c.err, "vaguemestre: %v\nTry: vaguemestre --help\n", err)
		return 2
	}
	return c.outcome(parsed.Run(&cmds))
}

// version is what the build says of itself: the module's version, the commit and its date.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "vaguemestre, of an unknown version"
	}
	said := []string{"vaguemestre", info.Main.Version}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision", "vcs.time":
			said = append(said, s.Value)
		case "vcs.modified":
			if s.Value == "true" {
				said = append(said, "modified")
			}
		}
	}
	return strings.Join(append(said, info.GoVersion), " ")
}

// outcome tells an error once and gives the exit code.
func (c console) outcome(err error) int {
	var told exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &told):
		return int(told)
	}
	_, _ = fmt.Fprintf(c.err, "vaguemestre: %v\n", err)
	return 1
}
