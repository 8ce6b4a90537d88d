package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkRegisters puts 10,000 companies in one request, then again.
func BenchmarkRegisters(b *testing.B) {
	a, s := world(b)
	k, _ := key(b, s, ScopeConsultations)
	var body strings.Builder
	body.WriteString(`{"reference":"GRAND1","public_body":"Ville","companies":[`)
	for i := range 10_000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"name":"Entreprise %d","addresses":["contact@e%d.example"],"registers":["retraits"]}`, i, i)
	}
	body.WriteString("]}")
	for b.Loop() {
		if w := ask(b, a, asking{put, "/v1/consultations", k, "", body.String(), nil}); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
