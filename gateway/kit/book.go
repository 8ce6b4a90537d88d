package kit

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"vaguemestre/gateway/catalog"
)

// VCard writes a book as vCard 4 (RFC 6350), one card an entry.
func VCard(w io.Writer, book []Entry) error {
	for _, e := range book {
		var b strings.Builder
		for _, line := range []string{
			"BEGIN:VCARD", "VERSION:4.0", "KIND:org", "UID;VALUE=text:" + card(e.Address), "FN:" + card(e.Name), "EMAIL:" + card(e.Address),
			"ORG:" + card(e.Group), "CATEGORIES:Vaguemestre," + card(e.Group), "NOTE:" + card(e.Note), "END:VCARD",
		} {
			fold(&b, line, 75, "\r\n")
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return fmt.Errorf("write a card: %w", err)
		}
	}
	return nil
}

// card escapes a text value (RFC 6350 §3.4).
func card(s string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`).Replace(clean(s))
}

// clean makes one line of a name.
func clean(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

// fold writes a line in pieces of at most so many octets, the further ones after a space, never within a
// character (RFC 6350 §3.2, RFC 2849 note 2).
func fold(b *strings.Builder, line string, most int, end string) {
	room := most
	for len(line) > room {
		cut := room
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + end + " ")
		line, room = line[cut:], most-1
	}
	b.WriteString(line + end)
}

// LDIF writes a book as LDIF (RFC 2849), as Thunderbird and Outlook read it.
func LDIF(w io.Writer, book []Entry) error {
	if _, err := io.WriteString(w, "version: 1\n"); err != nil {
		return fmt.Errorf("write LDIF: %w", err)
	}
	for _, e := range book {
		var b strings.Builder
		b.WriteString("\n")
		attribute(&b, "dn", "cn="+distinguished(clean(e.Name))+",mail="+distinguished(e.Address))
		for _, class := range []string{"top", "person", "organizationalPerson", "inetOrgPerson", "mozillaAbPersonAlpha"} {
			attribute(&b, "objectclass", class)
		}
		attribute(&b, "cn", e.Name)
		attribute(&b, "sn", e.Name)
		attribute(&b, "mail", e.Address)
		attribute(&b, "o", e.Group)
		attribute(&b, "description", e.Note)
		if _, err := io.WriteString(w, b.String()); err != nil {
			return fmt.Errorf("write LDIF: %w", err)
		}
	}
	return nil
}

// attribute writes a value, in base64 when it is no SAFE-STRING (RFC 2849); an empty one writes nothing.
func attribute(b *strings.Builder, name, value string) {
	value = clean(value)
	if value == "" {
		return
	}
	safe := !strings.ContainsRune(" :<", rune(value[0])) && strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > 0x7e }) < 0
	line := name + ": " + value
	if !safe {
		line = name + ":: " + base64.StdEncoding.EncodeToString([]byte(value))
	}
	fold(b, line, 76, "\n")
}

// distinguished escapes a value within a name (RFC 4514 §2.4).
func distinguished(s string) string {
	var b strings.Builder
	for i, r := range s {
		if strings.ContainsRune(`"+,;<>\=`, r) || i == 0 && (r == '#' || r == ' ') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CSV writes a book for a French Thunderbird, which understands by itself the columns that bear its own names for them; in another language it asks
// which column is which.
func CSV(w io.Writer, book []Entry) error {
	var columns []string
	for _, key := range []string{"name", "address", "organisation", "notes"} {
		columns = append(columns, catalog.Text(catalog.French, "kit.column."+key, nil))
	}
	rows := [][]string{columns}
	for _, e := range book {
		rows = append(rows, []string{clean(e.Name), e.Address, clean(e.Group), clean(e.Note)})
	}
	if err := csv.NewWriter(w).WriteAll(rows); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
