package compose

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
)

// made puts a letter of so many octets on the shelf.
func made(t *testing.T, s *Shelf, now time.Time, c gateway.Courier, r gateway.Recipient, n int) {
	t.Helper()
	err := s.Make(now, c, r, func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte{'.'}, n))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func numbered(i int) gateway.Recipient {
	r := company()
	r.ID[14], r.ID[15] = byte(i>>8), byte(i)
	return r
}

// TestALetterIsTakenFromTheShelfOnce: by the courier that it was made of, whole, with what it was made of.
func TestALetterIsTakenFromTheShelfOnce(t *testing.T) {
	var s Shelf
	c, r := sample(), company()
	made(t, &s, morning, c, r, shelfLength)
	if _, found := s.Take(gateway.ID{9}, r.ID); found {
		t.Error("another courier got it")
	}
	k, found := s.Take(c.ID, r.ID)
	if !found || len(k.Letter) != shelfLength || k.Courier.ID != c.ID || k.Recipient != r {
		t.Errorf("%v, %d octets", found, len(k.Letter))
	}
	if _, found := s.Take(c.ID, r.ID); found || s.size != 0 || s.line.Len() != 0 {
		t.Error("it was there twice")
	}
}

// texts are all texts of a courier or a recipient, but what the agent's client asked of its own report, which no letter says.
func texts(v reflect.Value) (all []reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		return []reflect.Value{v}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[gateway.DSNRequest]() {
				all = append(all, texts(v.Field(i))...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
	}
	return all
}

// TestTheShelfKeepsNoLetterThatWouldBeAnotherFromTheStore: texts that the store changes, letters too long to be held, and those that
// could not be made.
func TestTheShelfKeepsNoLetterThatWouldBeAnotherFromTheStore(t *testing.T) {
	var s Shelf
	for _, text := range []string{"Visite\x00 du site", "Visite \xe9", "visite\xff"} {
		for i := range texts(reflect.ValueOf(&gateway.Courier{Files: make([]gateway.File, 1)}).Elem()) {
			c := sample()
			c.Files = make([]gateway.File, 1)
			texts(reflect.ValueOf(&c).Elem())[i].SetString(text)
			made(t, &s, morning, c, company(), 10)
		}
		for i := range texts(reflect.ValueOf(&gateway.Recipient{}).Elem()) {
			r := company()
			texts(reflect.ValueOf(&r).Elem())[i].SetString(text)
			made(t, &s, morning, sample(), r, 10)
		}
	}
	made(t, &s, morning, sample(), company(), shelfLength+1)
	failed := errors.New("no")
	if err := s.Make(morning, sample(), company(), func(io.Writer) error { return failed }); err != failed {
		t.Error(err)
	}
	if _, found := s.Take(sample().ID, company().ID); found || s.size != 0 {
		t.Error("one was kept")
	}
	c := sample()
	c.Subject = "Visite d’un site, « à 8 heures » <&> \ufffd" // said exactly, the character of replacement too
	made(t, &s, morning, c, company(), 10)
	if _, found := s.Take(c.ID, company().ID); !found {
		t.Error("an ordinary one was not")
	}
}

// TestPromise12TheShelfHasBounds: those that came first stay, until nobody took them in time.
func TestPromise12TheShelfHasBounds(t *testing.T) {
	var s Shelf
	const n = shelfRoom/shelfLength + 10
	for i := range n {
		made(t, &s, morning, sample(), numbered(i), shelfLength)
	}
	if _, found := s.Take(sample().ID, numbered(0).ID); !found || s.size > shelfRoom {
		t.Errorf("the first one is there: %v; %d octets", found, s.size)
	}
	if _, found := s.Take(sample().ID, numbered(n-1).ID); found {
		t.Error("there is more than there is room for")
	}
	for _, later := range []time.Duration{shelfLife, -time.Hour} { // of a clock that is set back nothing is kept either
		made(t, &s, morning.Add(later), sample(), numbered(n), 10)
		if s.line.Len() != 1 || len(s.kept) != 1 || s.size != 10 {
			t.Errorf("%v later: %d letters, %d octets", later, s.line.Len(), s.size)
		}
		if _, found := s.Take(sample().ID, numbered(n).ID); !found {
			t.Errorf("%v later: no room", later)
		}
		made(t, &s, morning, sample(), numbered(1), 10)
	}
}

// TestTheShelfSaysWhatLetterWrites.
func TestTheShelfSaysWhatLetterWrites(t *testing.T) {
	var s Shelf
	content := "Subject: x\r\n\r\nBonjour,\r\n"
	c, r := plainSample(), company()
	c.Size = int64(len(content))
	err := s.Make(morning, c, r, func(w io.Writer) error { return Letter(w, c, r, strings.NewReader(content), addresses()) })
	k, found := s.Take(c.ID, r.ID)
	if want := letter(t, plainSample(), content); err != nil || !found || string(k.Letter) != want {
		t.Errorf("%v, %v:\n%s\ninstead of\n%s", err, found, k.Letter, want)
	}
}
