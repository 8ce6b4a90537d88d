// Package configs holds the files that an installation starts from, embedded: the commented
// sample of the configuration, and the courier types, which an administrator overrides by
// files of the same shape.
package configs

import (
	"embed"
	"io/fs"
)

var (
	//go:embed courriers/*.toml
	files embed.FS
	//go:embed vaguemestre.toml
	sample string
)

// Sample is vaguemestre.toml, every value of which is the default.
func Sample() string { return sample }

// Courriers is the folder of the courier types (*.toml).
func Courriers() fs.FS {
	sub, err := fs.Sub(files, "courriers")
	if err != nil {
		panic("configs: " + err.Error()) // the name is a constant and the folder is embedded
	}
	return sub
}
