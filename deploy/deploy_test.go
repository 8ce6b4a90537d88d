package deploy_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tool runs a checking program; whatever it complains of fails the test.
func tool(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	sandbox.Need(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // for a busy machine
	defer cancel()
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

func TestPrometheusTakesTheRules(t *testing.T) {
	tool(t, "promtool", "check", "config", "prometheus/prometheus.yml")
	tool(t, "promtool", "check", "rules", "prometheus/rules.yml")
	tool(t, "promtool", "test", "rules", "prometheus/rules_test.yml")
}

var (
	alertPattern   = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	runbookPattern = regexp.MustCompile(`(?m)^ +runbook: \S+/runbook\.md#(\w+)$`)
	sectionPattern = regexp.MustCompile(`(?m)^## (\w+)$`)
	firesPattern   = regexp.MustCompile(`(?m)^  - name: (\w+) fires$`)
	metricPattern  = regexp.MustCompile(`\bvaguemestre_[a-z_]+[a-z]`)
)

func all(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, m[len(m)-1])
	}
	return found
}

// Promise 13: everything that can go wrong has an alert and a runbook page.
func TestPromiseSeenEveryAlertHasItsPageAndItsTest(t *testing.T) {
	rules := read(t, "prometheus/rules.yml")
	alerts := all(alertPattern, rules)
	if len(alerts) == 0 {
		t.Fatal("no alert found")
	}
	if pages := all(runbookPattern, rules); !slices.EqualFunc(alerts, pages, strings.EqualFold) {
		t.Errorf("alerts %v\ndo not each name their own page: %v", alerts, pages)
	}
	if sections := all(sectionPattern, read(t, "runbook.md")); !slices.Equal(alerts, sections) {
		t.Errorf("alerts\n%v\nand pages of the runbook\n%v\ndiffer, or their order does", alerts, sections)
	}
	if fires := all(firesPattern, read(t, "prometheus/rules_test.yml")); !slices.Equal(alerts, fires) {
		t.Errorf("alerts\n%v\nand those whose firing is tested\n%v\ndiffer", alerts, fires)
	}
}

// exported gives the names of the metrics that the sources declare, from their string literals. A name built as
// "prefix_" + name counts with every literal of its file that can follow.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "deploy" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		addNames(names, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func addNames(names map[string]bool, file *ast.File) {
	var prefixes, words []string
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(literal.Value)
		switch {
		case err != nil || strings.ContainsAny(s, " \n"):
		case strings.HasPrefix(s, "vaguemestre_") && strings.HasSuffix(s, "_"):
			prefixes = append(prefixes, s)
		case strings.HasPrefix(s, "vaguemestre_"):
			names[s] = true
		default:
			words = append(words, s)
		}
		return true
	})
	for _, p := range prefixes {
		for _, w := range words {
			names[p+w] = true
		}
	}
}

func TestAlertsAndDashboardNameMetricsThatExist(t *testing.T) {
	have := exported(t)
	for _, path := range []string{"prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/dashboard.json"} {
		for _, name := range metricPattern.FindAllString(read(t, path), -1) {
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
			if !have[name] && !have[base] {
				t.Errorf("%s: no source declares %s", path, name)
			}
		}
	}
}

type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ X, Y, W, H int }
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func TestTheDashboardIsWhole(t *testing.T) {
	var dashboard struct {
		UID    string  `json:"uid"`
		Title  string  `json:"title"`
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID == "" || dashboard.Title == "" || len(dashboard.Panels) < 20 {
		t.Errorf("%q %q with %d panels", dashboard.UID, dashboard.Title, len(dashboard.Panels))
	}
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		if seen[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d (%q) has no title, no place or no number of its own", p.ID, p.Title)
		}
		seen[p.ID] = true
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %q asks nothing", p.Title)
		}
	}
}

// Each expression of the dashboard is one that Prometheus can read: they are handed to promtool as recording rules.
func TestPrometheusReadsTheDashboard(t *testing.T) {
	var dashboard struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")
	type rule struct {
		Record string            `json:"record"`
		Expr   string            `json:"expr"`
		Labels map[string]string `json:"labels"`
	}
	var rules []rule
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			n := strconv.Itoa(len(rules))
			rules = append(rules, rule{"panel", variables.Replace(q.Expr), map[string]string{"n": n}})
		}
	}
	text, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "promtool", "check", "rules", path)
}

// systemd looks for the program, so that a copy of the unit names one that exists.
func TestTheServiceIsHardened(t *testing.T) {
	unit := strings.ReplaceAll(read(t, "systemd/vaguemestre.service"), "/usr/bin/vaguemestre", "/bin/true")
	path := filepath.Join(t.TempDir(), "vaguemestre.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, "systemd-analyze", "verify", path); strings.Contains(out, "vaguemestre.service") {
		t.Error(out)
	}
	// 2.0 of 10: what is left is the network and the two low ports.
	tool(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path)
}

func TestThePackageNamesFilesThatExist(t *testing.T) {
	for _, path := range all(regexp.MustCompile(`(?m)(?:src|postinstall|preremove|postremove): \./(\S+)$`), read(t, "debian/nfpm.yaml")) {
		if path == "vaguemestre" || path == "README.md" { // built, and of the project
			continue
		}
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Error(err)
		}
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		tool(t, "sh", "-n", "debian/"+script)
	}
}
