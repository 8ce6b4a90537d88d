// Package kinds reads the courier types: data in TOML files, the nine of the manual embedded
// (configs/courriers), overridden or added to by the administrator's own folder. It fills in
// their models and finds what the agent left to fill in.
//
// It promises that a set that loads can be used: every model executes with and without each
// field of a consultation, every code is a word of the address grammar, no options contradict
// each other. A broken file is an error that names file and line; all of them are said at once.
// It keeps nothing: a crash leaves nothing.
package kinds

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"vaguemestre/gateway"
)

// Set is the courier types of an installation. It never changes.
type Set struct {
	types  []gateway.CourierType // by order, then code
	models map[modelKey]model
}

// Load reads the embedded types, then those of the administrator's folder (empty: none), which
// replace the type of the same code or add one.
func Load(embedded fs.FS, folder string) (*Set, error) {
	own, err := readAll(embedded, "")
	if err != nil || folder == "" {
		return newSet(own), err
	}
	theirs, err := readAll(os.DirFS(folder), strings.TrimRight(folder, "/")+"/")
	if err != nil {
		return nil, err
	}
	for _, t := range theirs {
		own = slices.DeleteFunc(own, func(o kind) bool { return o.typ.Code == t.typ.Code })
	}
	return newSet(append(own, theirs...)), nil
}

func readAll(fsys fs.FS, prefix string) ([]kind, error) {
	names, err := fs.Glob(fsys, "*.toml")
	if err != nil {
		return nil, fmt.Errorf("list courier types: %w", err)
	}
	if prefix != "" {
		if _, err := fs.Stat(fsys, "."); err != nil {
			return nil, fmt.Errorf("list courier types: %w", err)
		}
	}
	var all []kind
	var problems []error
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("read a courier type: %w", err))
			continue
		}
		k, err := read(prefix+name, string(text))
		problems = append(problems, err)
		if err == nil {
			problems = append(problems, twice(all, k, prefix+name))
			all = append(all, k)
		}
	}
	return all, errors.Join(problems...)
}

func twice(all []kind, k kind, name string) error {
	for _, other := range all {
		if other.typ.Code == k.typ.Code {
			return fmt.Errorf("%s: the code %q is already that of %s", name, k.typ.Code, other.file)
		}
	}
	return nil
}

func newSet(all []kind) *Set {
	s := &Set{models: map[modelKey]model{}}
	for _, k := range all {
		s.types = append(s.types, k.typ)
		for language, m := range k.models {
			s.models[modelKey{k.typ.Code, language}] = m
		}
	}
	slices.SortFunc(s.types, func(a, b gateway.CourierType) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Code, b.Code))
	})
	return s
}

// Types lists the types in the order in which they are shown.
func (s *Set) Types() []gateway.CourierType { return slices.Clone(s.types) }

// Codes lists the codes in the same order: the words of the address grammar.
func (s *Set) Codes() []gateway.TypeCode {
	codes := make([]gateway.TypeCode, len(s.types))
	for i, t := range s.types {
		codes[i] = t.Code
	}
	return codes
}

// Type gives the type of a code.
func (s *Set) Type(code gateway.TypeCode) (gateway.CourierType, bool) {
	for _, t := range s.types {
		if t.Code == code {
			return t, true
		}
	}
	return gateway.CourierType{}, false
}
