package store

import (
	"context"
	"fmt"
	"strings"
)

// Seed stores couriers as they stand, with their words and without events: benchmarks of lists need many.
func (s *Store) Seed(ctx context.Context, rows []CourierWords) error {
	return s.write(ctx, "seed couriers", func(t *tx) error {
		var couriers, recipients [][]any
		for _, w := range rows {
			couriers = append(couriers, courierArgs(w.Courier))
			for i, r := range w.Recipients {
				recipients = append(recipients, recipientArgs(w.Courier, r, micros(t.now())+int64(i)))
			}
		}
		if _, err := t.many(insertCourier, couriers); err != nil {
			return err
		}
		if _, err := t.many(insertRecipient, recipients); err != nil {
			return err
		}
		if err := t.d.words(t, rows); err != nil {
			return err
		}
		return t.restateAll(rows, nil)
	})
}

// Analyze gathers the statistics that planners go by, as PostgreSQL does by itself in time.
func (s *Store) Analyze(ctx context.Context) error {
	if s.engine.dialect() == &sqliteDialect { // SQLite goes by the indexes alone here too
		return nil
	}
	_, err := s.engine.reader().exec(ctx, "VACUUM ANALYZE", nil)
	return err
}

// Explain is the plan of the query of a page.
func (s *Store) Explain(ctx context.Context, f FollowFilter) (string, error) {
	q, err := s.followQuery(ctx, f)
	if err != nil {
		return "", err
	}
	explain, plan := "EXPLAIN ", []string{""}
	scan := func(row scanner) (line string, err error) { return line, row.Scan(&line) }
	if s.engine.dialect() == &sqliteDialect {
		explain = "EXPLAIN QUERY PLAN "
		scan = func(row scanner) (line string, err error) {
			var id, parent, unused int
			return line, row.Scan(&id, &parent, &unused, &line)
		}
	}
	lines, err := list(ctx, s.engine.reader(), scan, explain+q.text.String(), q.args...)
	if err != nil {
		return "", fmt.Errorf("explain: %w", err)
	}
	return strings.Join(append(plan, lines...), "\n"), nil
}
