package token

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
)

func key(id byte, fill byte) Key {
	k := Key{ID: id}
	for i := range k.Secret {
		k.Secret[i] = fill
	}
	return k
}

func ring(t interface{ Fatal(...any) }, current Key, older ...Key) *Ring {
	r, err := NewRing(current, older...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var kinds = []Kind{Link, Reply, Bounce, Thread}

func anyID(t *rapid.T) gateway.ID {
	var id gateway.ID
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return id
}

func TestTokenNamesItsRecipient(t *testing.T) {
	r := ring(t, key(1, 7))
	rapid.Check(t, func(t *rapid.T) {
		id := anyID(t)
		for _, kind := range kinds {
			token := r.Mint(kind, id)
			for _, form := range []string{token, strings.ToUpper(token)} {
				if got, err := r.Verify(kind, form); err != nil || got != id {
					t.Fatalf("Verify(%c, %q) = %v, %v", kind, form, got, err)
				}
			}
		}
	})
}

func TestPromiseNoOpenDoorAlteredTokenIsRefused(t *testing.T) {
	r := ring(t, key(1, 7), key(2, 9))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		token := []byte(r.Mint(kind, anyID(t)))
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		letter := rapid.SampledFrom([]byte("abcdefghijklmnopqrstuvwxyz234567=+/ 018")).Draw(t, "letter")
		if token[at] == letter {
			return
		}
		token[at] = letter
		if id, err := r.Verify(kind, string(token)); err == nil {
			t.Fatalf("altered token names %v", id)
		}
	})
}

func TestTokenOfOneKindIsWorthNothingAsAnother(t *testing.T) {
	r := ring(t, key(1, 7))
	id := gateway.NewID(time.Now())
	for _, minted := range kinds {
		for _, asked := range kinds {
			_, err := r.Verify(asked, r.Mint(minted, id))
			if (err == nil) != (minted == asked) {
				t.Errorf("a %c token as %c: %v", minted, asked, err)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	id := gateway.NewID(time.Now())
	old := ring(t, key(1, 7)).Mint(Link, id)
	rotated := ring(t, key(2, 9), key(1, 7))
	if got, err := rotated.Verify(Link, old); err != nil || got != id {
		t.Fatalf("a token of the older key: %v, %v", got, err)
	}
	again, err := rotated.MintWith(1, Link, id)
	if err != nil || again != old {
		t.Fatalf("minted again %q, %v; want %q", again, err, old)
	}
	if _, err := ring(t, key(2, 9)).Verify(Link, old); err == nil {
		t.Fatal("a retired key still verifies")
	}
	if _, err := NewRing(key(1, 7), key(1, 9)); err == nil {
		t.Fatal("two keys with one number")
	}
}

func TestAddressTokenFitsALocalPart(t *testing.T) {
	r := ring(t, key(255, 7))
	if n := len("courier+b-" + r.Mint(Bounce, gateway.NewID(time.Now()))); n > 64 {
		t.Fatalf("%d octets", n)
	}
}

func TestCodeIsSixDigitsAndTheRecipientsOwn(t *testing.T) {
	r := ring(t, key(1, 7))
	seen := map[string]int{}
	for range 200 {
		c, err := r.Code(1, gateway.NewID(time.Now()))
		if err != nil || len(c) != CodeLength || strings.Trim(c, "0123456789") != "" {
			t.Fatalf("code %q, %v", c, err)
		}
		seen[c]++
	}
	if len(seen) < 190 {
		t.Fatalf("%d codes for 200 recipients", len(seen))
	}
}

func FuzzVerify(f *testing.F) {
	r := ring(f, key(1, 7))
	f.Add(r.Mint(Link, gateway.NewID(time.Now())))
	f.Add("")
	f.Add(strings.Repeat("a", 53))
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range kinds {
			id, err := r.Verify(kind, s)
			if err == nil && r.Mint(kind, id) != strings.ToLower(s) {
				t.Fatalf("%q is accepted and is not what we mint", s)
			}
		}
	})
}
