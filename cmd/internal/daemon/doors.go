package daemon

import (
	"context"
	"strings"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/message"
	"vaguemestre/tracking/link"
	"vaguemestre/tracking/web"
)

func (d *Daemon) newIntake() (*intake.Intake, error) {
	types, err := kinds.Load(configs.Courriers(), d.cfg.Courriers)
	if err != nil {
		return nil, err
	}
	c := d.cfg.Couriers
	var resolver intake.Resolver
	if c.LookUp {
		resolver = newExchangers(d.now)
	}
	var prover intake.Prover
	if d.proof != nil { // a command has none
		prover = mailProver{d}
	}
	return intake.New(intake.Options{
		Domain: d.cfg.Domain, BaseURL: d.cfg.Link.BaseURL, Postmaster: c.Postmaster,
		MaxPlain: c.MaxPlain, MaxAcknowledged: c.MaxAcknowledged, MaxRecipients: d.cfg.Submission.MaxRecipients * maxPerRegister,
		Message: Limits(d.cfg), Now: d.now, Logger: d.log, Registerer: d.registry,
	}, intake.Deps{Store: d.store, Kinds: types, Tokens: d.ring, Composer: d.composer, Prover: prover, Resolver: resolver, Pager: trialPager{d}})
}

// maxPerRegister: one address of an envelope can name a register of this many companies.
const maxPerRegister = 10

// Limits bounds the messages that are read.
func Limits(c config.Config) message.Limits {
	l := message.DefaultLimits()
	l.Depth, l.Parts = c.Couriers.MaxDepth, c.Couriers.MaxParts
	return l
}

func (d *Daemon) newPages() (*link.Pages, error) {
	proxies, err := prefixes(d.cfg.Link.TrustedProxy)
	if err != nil {
		return nil, err
	}
	dataCentres, err := prefixes(d.cfg.Link.DataCentres)
	if err != nil {
		return nil, err
	}
	theme, err := web.LoadTheme(d.cfg.Theme)
	if err != nil {
		return nil, err
	}
	contents := func(ctx context.Context, h gateway.Hash) (link.Content, error) { return d.store.OpenContent(ctx, h) }
	o := link.Options{
		Tokens: d.ring, MinDelay: d.cfg.Link.MinDelay.Of(), OpenFor: d.cfg.Link.OpenFor.Of(), PerMinute: d.cfg.Link.PerMinute,
		TrustedProxies: proxies, DataCentres: dataCentres, HSTS: strings.HasPrefix(d.cfg.Link.BaseURL, "https://"), Theme: theme,
		Postmaster: d.cfg.Couriers.Postmaster, Answers: d.answers(), Now: d.now, Logger: d.log, Registerer: d.registry,
	}
	if d.proof != nil { // a preview has none
		o.Receipts = d.proof
	}
	if d.antivirus != nil {
		o.Antivirus = d.antivirus
	}
	return link.New(d.store, contents, o)
}

func (d *Daemon) answers() *link.Answers {
	c := d.cfg.Answers
	return &link.Answers{
		Desk: d.store, Vault: d.vault, Domain: d.cfg.Domain, MaxBytes: c.MaxBytes, MaxFiles: c.MaxFiles, RefuseLate: c.Late == config.LateRefused,
	}
}
