package roster

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"

	"vaguemestre/gateway/store"
)

// BenchmarkTenThousandCompanies reads a file of 10,000 companies and stores it on SQLite: all new, then again over them.
func BenchmarkTenThousandCompanies(b *testing.B) {
	for name, file := range map[string]struct {
		text string
		read func(io.Reader, string) ([]Entry, error)
	}{"json": {many(10_000), Read}, "csv": {manySheet(10_000), ReadCSV}} {
		imported := func(b *testing.B, s *store.Store) {
			entries, err := file.read(strings.NewReader(file.text), domain)
			if err == nil {
				_, err = Put(b.Context(), s, entries, store.Import{Companies: store.Replace})
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name+"/new", func(b *testing.B) {
			for b.Loop() {
				imported(b, opened(b))
			}
		})
		b.Run(name+"/again", func(b *testing.B) {
			s := opened(b)
			imported(b, s)
			for b.Loop() {
				imported(b, s)
			}
		})
	}
}

// manySheet says as CSV what many says as JSON.
func manySheet(n int) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"reference", "public_body", "company", "mail", "registers"}) // a buffer takes everything
	for i := range n {
		_ = w.Write([]string{"R", "P", fmt.Sprintf("Entreprise numéro %d", i), fmt.Sprintf("f%d@entreprise.example", i), "retraits"})
	}
	w.Flush()
	return b.String()
}
