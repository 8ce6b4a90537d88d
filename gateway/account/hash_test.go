package account

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHash(t *testing.T) {
	text, err := Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "$argon2id$v=19$m=9216,t=4,p=1$") {
		t.Errorf("hash %q", text)
	}
	again, err := Hash(password)
	if err != nil || again == text {
		t.Errorf("two hashes with one salt: %v", err)
	}
	h, err := parsePHC(text)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := prepare(password)
	if !h.matches(right) || h.matches([]byte("autre")) {
		t.Error("it does not tell passwords apart")
	}
	for _, bad := range []string{"", "a\x00b", "ligne\nligne", strings.Repeat("a", maxPassword+1), "\xff"} {
		if _, err := Hash(bad); err == nil {
			t.Errorf("%.20q was hashed", bad)
		}
	}
}

// The reference vector of argon2id with these parameters, as the reference command line program gives it:
// echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 (P-H-C/phc-winner-argon2, test.c).
func TestHashesOfOthersAreRead(t *testing.T) {
	h, err := parsePHC("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches([]byte("password")) {
		t.Error("the reference hash does not match")
	}
}

func TestAbsurdHashesAreRefused(t *testing.T) {
	good, err := hashAt(Cost{Memory: 64, Time: 1, Threads: 1}, password)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=64", "m=4294967295"}, {"m=64", "m=7"}, {"m=64", "m=-1"}, {"t=1", "t=0"}, {"t=1", "t=17"},
		{"p=1", "p=0"}, {"p=1", "p=256"}, {"m=64", "m=064"}, {"$m=", "$x=1,m="}, {"$argon2id", "argon2id"},
	} {
		if bad := strings.Replace(good, change[0], change[1], 1); bad != good {
			if _, err := parsePHC(bad); err == nil {
				t.Errorf("%s was taken", bad)
			}
		}
	}
	for _, bad := range []string{"", "$", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", good + "$", good + "="} {
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePHC(text)
		if err != nil {
			return
		}
		if h.String() != text || h.Memory > maxMemory || h.Time > maxTime || h.Threads > maxThreads {
			t.Errorf("%q was taken as %+v", text, h)
		}
	})
}

func TestAppPasswordsHaveOneHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown, kept := NewAppPassword()
		if len(shown) != 29 {
			t.Fatalf("shown as %q", shown)
		}
		typed := rapid.SampledFrom([]func(string) string{
			strings.ToUpper, strings.ToLower,
			func(s string) string { return strings.ReplaceAll(s, "-", "") },
			func(s string) string { return " " + strings.ReplaceAll(s, "-", " ") },
		}).Draw(t, "typed")(shown)
		if hash, ok := AppHash(typed); !ok || hash != kept {
			t.Fatalf("%q typed as %q", shown, typed)
		}
		if hash, ok := AppHash(typed + "a"); ok && hash == kept {
			t.Fatal("a longer one has the same hash")
		}
	})
}
