package masking

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// call runs a mask over values; "\x00" stands for NULL.
func call(t *testing.T, name string, ty types.Type, values []types.Datum, more ...*vector.Vec) *vector.Vec {
	t.Helper()
	var fn *function.Overload
	for _, f := range Functions(key) {
		if f.Name == name {
			fn = f
		}
	}
	n := len(values)
	args := append([]*vector.Vec{vector.FromDatums(ty, values)}, more...)
	out := vector.New(ty, n)
	if fn.Strict {
		for _, a := range args {
			for i := range n {
				if a.IsNull(i) {
					out.SetNull(i, n)
				}
			}
		}
	}
	if err := fn.Kernel(&function.Call{}, args, n, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMasksCountCharacters(t *testing.T) {
	text := types.Of(types.Text)
	in := []types.Datum{
		types.TextDatum(""), types.TextDatum("a"), types.TextDatum("Ädaé"), types.TextDatum("12345"), types.TextDatum("ÄÖx€yéß"), types.Null,
		types.TextDatum("ada.lovelace@example.org"),
	}
	fixed := vector.NewConst(text, types.TextDatum("a text longer than twelve bytes"))
	for _, c := range []struct {
		name string
		want []string
		more []*vector.Vec
	}{
		{"full_mask", []string{"", "*", "****", "*****", "*******", "NULL", "************************"}, nil},
		{"partial_mask", []string{"", "*", "****", "12*45", "ÄÖ***éß", "NULL", "ad********************rg"}, nil},
		{"fixed_mask", []string{
			"a text longer than twelve bytes", "a text longer than twelve bytes", "a text longer than twelve bytes", "a text longer than twelve bytes",
			"a text longer than twelve bytes", "NULL", "a text longer than twelve bytes",
		}, []*vector.Vec{fixed}},
		{"null_mask", []string{"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"}, nil},
	} {
		out := call(t, c.name, text, in, c.more...)
		for i, w := range c.want {
			got := "NULL"
			if !out.IsNull(i) {
				got = out.String(i)
			}
			if got != w {
				t.Errorf("%s(%q) = %q, want %q", c.name, in[i].S, got, w)
			}
		}
	}
}

func TestHashMaskIsKeyed(t *testing.T) {
	out := call(t, "hash_mask", types.Of(types.Text), []types.Datum{types.TextDatum("Ada"), types.TextDatum("Ada"), types.TextDatum("Bob"), types.Null})
	h := hmac.New(sha256.New, key)
	h.Write([]byte("Ada"))
	if got := out.String(0); got != hex.EncodeToString(h.Sum(nil)) {
		t.Errorf("got %s", got)
	}
	if out.String(0) != out.String(1) || out.String(0) == out.String(2) || !out.IsNull(3) {
		t.Error("equal values have equal hashes, others not, NULL stays")
	}
}

func TestNullMaskLeavesNoBytes(t *testing.T) {
	out := call(t, "null_mask", types.Of(types.Int8), []types.Datum{types.IntDatum(0x1122334455667788)})
	if !out.IsNull(0) || out.Int64s()[0] != 0 {
		t.Error("raw value behind the NULL")
	}
	out = call(t, "full_mask", types.Of(types.Text), []types.Datum{types.TextDatum("a canary of more than twelve bytes")})
	for _, b := range out.Bufs {
		if bytes.Contains(b, []byte("canary")) {
			t.Error("raw bytes in the result's buffers")
		}
	}
}
