package sandbox

import (
	"testing"
)

func TestPostgresComesBackAfterACrash(t *testing.T) {
	ctx := t.Context()
	p, err := StartPostgres(ctx, PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	Attach(t, "PostgreSQL", p)
	if err := p.do(ctx, "postgres", "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.do(ctx, "postgres", "INSERT INTO kept VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	dsn, err := p.Database(ctx)
	if err != nil || dsn == p.DSN("postgres") {
		t.Fatalf("%q, %v", dsn, err)
	}
}
