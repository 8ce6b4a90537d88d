package daemon

import (
	"crypto/tls"

	"vaguemestre/gateway/intake"
	"vaguemestre/tracking/api"
)

// makeAPI makes the platform's listener, when there is one.
func (d *Daemon) makeAPI(in *intake.Intake) error {
	c := d.cfg.API
	if c.Listen == "" {
		return nil
	}
	h, err := api.New(api.Options{
		Domain: d.cfg.Domain, PerMinute: c.PerMinute, MaxBytes: d.cfg.Submission.MaxBytes,
		Now: d.now, Logger: d.log, Registerer: d.registry,
	}, d.store, in, d.proof)
	if err != nil {
		return err
	}
	var t *tls.Config
	if c.Certificate != "" {
		cert, err := d.certificate("api", c.Certificate, c.Key)
		if err != nil {
			return err
		}
		t = cert.config()
	}
	d.api = newHTTPServer("api", h, t, d.log)
	d.drains = append(d.drains, h.Drain)
	return nil
}
