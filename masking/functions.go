package masking

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Functions returns the mask functions of schema hub. hashKey keys hash_mask; it
// must stay the same for as long as equal values are to have equal hashes.
//
// None is leakproof: their results tell of their arguments, so that no
// predicate over them may run below a barrier.
func Functions(hashKey []byte) []*function.Overload {
	text := []types.OID{types.Text}
	hub := func(oid types.OID, name string, args []types.OID, names []string, ret types.OID, k function.Kernel) *function.Overload {
		return &function.Overload{
			OID: oid, Name: name, Schema: "hub", Kind: function.Scalar, Args: args, ArgNames: names, Ret: ret,
			Volatility: function.Immutable, Strict: true, Infallible: true, Kernel: k,
		}
	}
	full := hub(14001, "full_mask", text, []string{"v"}, types.Text, eachText(fullMask))
	full.Doc, full.Example = "A star for each character.", "hub.full_mask('Ada') = '***'"
	partial := hub(14002, "partial_mask", text, []string{"v"}, types.Text, eachText(partialMask))
	partial.Doc = "The first two and the last two characters stay, stars between them; up to four characters all are stars."
	partial.Example = "hub.partial_mask('ada@x.org') = 'ad*****rg'"
	null := hub(14003, "null_mask", []types.OID{types.AnyElement}, []string{"v"}, types.AnyElement, nullMask)
	null.Strict = false
	null.Doc, null.Example = "NULL of the argument's type.", "hub.null_mask(5) IS NULL"
	fixed := hub(14004, "fixed_mask", []types.OID{types.Text, types.Text}, []string{"v", "mask"}, types.Text, fixedMask)
	fixed.Doc, fixed.Example = "The second argument for every value; NULL stays NULL.", "hub.fixed_mask('Ada', 'hidden') = 'hidden'"
	hash := hub(14005, "hash_mask", text, []string{"v"}, types.Text, hashMask(hashKey))
	hash.Volatility = function.Stable
	hash.Doc = "HMAC-SHA-256 of the value in hexadecimal, by the key of this HubSQL: equal values have equal hashes, nobody without the key can try values."
	hash.Example = "length(hub.hash_mask('Ada')) = 64"
	return []*function.Overload{full, partial, null, fixed, hash}
}

// eachText makes a kernel of a function that appends the mask of one value.
func eachText(mask func(dst, value []byte) []byte) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		var buf []byte
		v := args[0]
		for i := range n {
			if out.IsNull(i) {
				out.SetBytes(i, nil)
				continue
			}
			buf = mask(buf[:0], v.Bytes(i))
			out.SetBytes(i, buf)
		}
		return nil
	}
}

func stars(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '*')
	}
	return dst
}

func fullMask(dst, v []byte) []byte { return stars(dst, utf8.RuneCount(v)) }

func partialMask(dst, v []byte) []byte {
	n := utf8.RuneCount(v)
	if n <= 4 {
		return stars(dst, n)
	}
	_, a := utf8.DecodeRune(v)
	_, b := utf8.DecodeRune(v[a:])
	_, z := utf8.DecodeLastRune(v)
	_, y := utf8.DecodeLastRune(v[:len(v)-z])
	dst = append(dst, v[:a+b]...)
	dst = stars(dst, n-4)
	return append(dst, v[len(v)-z-y:]...)
}

// nullMask ignores its argument altogether, so that no raw byte gets into the
// result's buffers.
func nullMask(_ *function.Call, _ []*vector.Vec, n int, out *vector.Vec) error {
	clear(out.Backing())
	out.Valid = vector.NewBitmap(n)
	clear(out.Valid)
	return nil
}

func fixedMask(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	m := args[1]
	for i := range n {
		if out.IsNull(i) {
			out.SetBytes(i, nil)
			continue
		}
		out.SetBytes(i, m.Bytes(i))
	}
	return nil
}

func hashMask(key []byte) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		h := hmac.New(sha256.New, key)
		var sum [sha256.Size]byte
		var text [2 * sha256.Size]byte
		v := args[0]
		for i := range n {
			if out.IsNull(i) {
				out.SetBytes(i, nil)
				continue
			}
			h.Reset()
			h.Write(v.Bytes(i))
			hex.Encode(text[:], h.Sum(sum[:0]))
			out.SetBytes(i, text[:])
		}
		return nil
	}
}
