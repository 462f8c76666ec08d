package catalog

import (
	"encoding/json"
	"iter"
	"slices"
)

// hidden is what is shown in place of a secret.
const hidden = "********"

// Secret is a value that is encrypted wherever it stands. It has no way to
// print itself; a Snapshot opens it.
type Secret struct{ box []byte }

// Empty reports whether there is no secret at all.
func (s Secret) Empty() bool { return len(s.box) == 0 }

// String never shows the secret.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return hidden
}

// GoString never shows the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON never shows the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON leaves the secret empty: the store keeps secrets apart.
func (s *Secret) UnmarshalJSON([]byte) error { return nil }

// Option is one option of a server, user mapping, foreign table or column.
type Option struct {
	Name string
	// Value is the text of an option that is not secret.
	Value string `json:",omitempty"`
	// IsSecret marks an option whose value is in Sealed.
	IsSecret bool `json:",omitempty"`
	Sealed   Secret
}

// Shown is the value, or stars for a secret.
func (o Option) Shown() string {
	if o.IsSecret {
		return hidden
	}
	return o.Value
}

// String prints name=value without secrets.
func (o Option) String() string { return o.Name + "=" + o.Shown() }

// Options are in the order they were given. Methods that change return a new
// list.
type Options []Option

// Get returns the shown value of an option.
func (o Options) Get(name string) (string, bool) {
	for _, x := range o {
		if x.Name == name {
			return x.Shown(), true
		}
	}
	return "", false
}

// All iterates over the options that are not secret.
func (o Options) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, x := range o {
			if !x.IsSecret && !yield(x.Name, x.Value) {
				return
			}
		}
	}
}

// With returns the options with one set or added.
func (o Options) With(opt Option) Options {
	out := slices.Clone(o)
	for i := range out {
		if out[i].Name == opt.Name {
			out[i] = opt
			return out
		}
	}
	return append(out, opt)
}

// Without returns the options without the one named.
func (o Options) Without(name string) Options {
	return slices.DeleteFunc(slices.Clone(o), func(x Option) bool { return x.Name == name })
}

// fields gives the store access to the secrets.
func (o Options) fields() []secretField {
	var out []secretField
	for i := range o {
		if o[i].IsSecret {
			out = append(out, secretField{
				"option." + o[i].Name,
				func() Secret { return o[i].Sealed },
				func(s Secret) { o[i].Sealed = s },
			})
		}
	}
	return out
}
