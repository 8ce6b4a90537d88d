package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"vaguemestre/gateway/config"
)

// stopWithin bounds a whole stop: longer than the graces of submission and queue together.
const stopWithin = time.Minute

// Run is a daemon from start to end: until ctx ends (SIGTERM) or a part ends by itself. Each value of hup
// reloads the certificates. systemd is told of every change (sd_notify).
func Run(ctx context.Context, cfg config.Config, o Options, hup <-chan os.Signal) error {
	d, err := New(ctx, cfg, o)
	if err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return errors.Join(err, d.stopSoon(ctx))
	}
	d.tell("READY=1\nSTATUS=serving")
	watching, stopWatchdog := context.WithCancel(context.WithoutCancel(ctx))
	d.running.Go(func() { watchdog(watching, d.health.alive) })
	defer stopWatchdog()
	reason := d.wait(ctx, hup)
	d.tell("STOPPING=1\nSTATUS=finishing what is under way")
	d.log.Info("stopping", "reason", reason)
	stopWatchdog()
	return errors.Join(reason, d.stopSoon(ctx))
}

// wait returns nil when ctx ends, the reason when a part ended by itself.
func (d *Daemon) wait(ctx context.Context, hup <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.Failed():
			return err
		case <-hup:
			d.tell(reloading())
			if err := d.Reload(); err != nil {
				d.log.Error("reload; the certificates in use stay", "cause", err)
			} else {
				d.log.Info("reloaded")
			}
			d.tell("READY=1")
		}
	}
}

func (d *Daemon) stopSoon(ctx context.Context) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	return d.Stop(ctx)
}

func (d *Daemon) tell(state string) {
	if err := Notify(state); err != nil {
		d.log.Warn("systemd does not hear us", "cause", err)
	}
}
