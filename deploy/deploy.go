// Package deploy holds the recipes by which Vaguemestre is installed: systemd, container, Postfix, Dovecot,
// Prometheus, Grafana, Debian. The same files are what the tests start the real programs with, so a recipe
// that does not work cannot stay.
//
// It only embeds files: nothing is opened, and a crash leaves nothing.
package deploy

import "embed"

// Recipes are the configuration files of the mail servers, by their path under deploy/.
//
//go:embed postfix dovecot
var Recipes embed.FS
