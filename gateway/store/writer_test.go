package store

import "testing"

func TestParametersWithoutNamesMeanTheSame(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1": "SELECT 1",
		"INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)": "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"UPDATE t SET a = $1, b = $1 WHERE c = $2":                            "UPDATE t SET a = $1, b = $1 WHERE c = $2",
		"UPDATE t SET a = $2 WHERE c = $1":                                    "UPDATE t SET a = $2 WHERE c = $1",
	} {
		if got := positional(query); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}
