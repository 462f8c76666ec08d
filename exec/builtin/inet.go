package builtin

import (
	"math/big"
	"net/netip"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// inet returns an inet or cidr argument.
func (r *row) inet(k int) (netip.Addr, int) {
	a, n, _ := types.InetParts(r.text(k)) // stored values are well-formed
	return a, n
}

// netKernel makes a kernel of a function of one address.
func netKernel(f func(r *row, a netip.Addr, bits int) (types.Datum, error)) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, n := r.inet(0)
		return f(r, a, n)
	})
}

// netPair makes a kernel of a predicate over two networks; it is false for
// different families.
func netPair(f func(a netip.Addr, m int, b netip.Addr, n int) bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, m := r.inet(0)
		b, n := r.inet(1)
		return types.BoolDatum(a.BitLen() == b.BitLen() && f(a, m, b, n)), nil
	})
}

// masked keeps the first n bits.
func masked(a netip.Addr, n int) netip.Addr { return netip.PrefixFrom(a, n).Masked().Addr() }

// sameNet reports whether two addresses share their first n bits.
func sameNet(a, b netip.Addr, n int) bool { return masked(a, n) == masked(b, n) }

// mapAddr changes every byte of an address.
func mapAddr(a netip.Addr, f func(i int, b byte) byte) netip.Addr {
	raw := a.AsSlice()
	for i := range raw {
		raw[i] = f(i, raw[i])
	}
	out, _ := netip.AddrFromSlice(raw) // as long as before
	return out
}

// maskByte is byte i of the mask with n bits.
func maskByte(i, n int) byte {
	return byte(uint(0xFF00) >> min(max(n-8*i, 0), 8))
}

// netBits makes the kernel of & and |.
func netBits(word string, f func(a, b byte) byte) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, m := r.inet(0)
		b, n := r.inet(1)
		if a.BitLen() != b.BitLen() {
			return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "cannot %s inet values of different sizes", word)
		}
		other := b.AsSlice()
		return types.InetDatum(types.Inet, mapAddr(a, func(i int, x byte) byte { return f(x, other[i]) }), max(m, n)), nil
	})
}

// addNet adds an integer to an address.
func addNet(a netip.Addr, bits int, by *big.Int) (types.Datum, error) {
	x := new(big.Int).SetBytes(a.AsSlice())
	x.Add(x, by)
	if x.Sign() < 0 || x.BitLen() > a.BitLen() {
		return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "result is out of range")
	}
	out, _ := netip.AddrFromSlice(x.FillBytes(make([]byte, a.BitLen()/8)))
	return types.InetDatum(types.Inet, out, bits), nil
}

// setMask is set_masklen of inet and cidr.
func setMask(cidr bool) function.Kernel {
	return netKernel(func(r *row, a netip.Addr, _ int) (types.Datum, error) {
		n := r.int(1)
		if n == -1 {
			n = int64(a.BitLen())
		}
		if n < 0 || n > int64(a.BitLen()) {
			return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "invalid mask length: %d", r.int(1))
		}
		if cidr {
			return types.InetDatum(types.CIDR, masked(a, int(n)), int(n)), nil
		}
		return types.InetDatum(types.Inet, a, int(n)), nil
	})
}

// mergeNets is inet_merge: the smallest network with both.
func mergeNets(r *row) (types.Datum, error) {
	a, m := r.inet(0)
	b, n := r.inet(1)
	if a.BitLen() != b.BitLen() {
		return types.Null, pgerror.New(pgerror.InvalidParameterValue, "cannot merge addresses from different families")
	}
	bits := min(m, n)
	for bits > 0 && !sameNet(a, b, bits) {
		bits--
	}
	return types.InetDatum(types.CIDR, masked(a, bits), bits), nil
}

// abbrevCIDR leaves trailing zero octets of an IPv4 network out.
func abbrevCIDR(a netip.Addr, bits int) string {
	full := types.FormatText(types.Of(types.CIDR), types.InetDatum(types.CIDR, a, bits), nil)
	if !a.Is4() {
		return full
	}
	addr, mask, _ := strings.Cut(full, "/")
	parts := strings.Split(addr, ".")
	keep := max((bits+7)/8, 1)
	return strings.Join(parts[:keep], ".") + "/" + mask
}

// networks are the functions of inet and cidr.
func networks() []entry {
	shown := func(t types.OID, a netip.Addr, n int) (types.Datum, error) {
		return types.InetDatum(t, a, n), nil
	}
	return []entry{
		{sigs: "family(inet)", kernel: netKernel(func(_ *row, a netip.Addr, _ int) (types.Datum, error) {
			if a.Is4() {
				return types.IntDatum(4), nil
			}
			return types.IntDatum(6), nil
		}), infallible: true, doc: "4 or 6."},
		{sigs: "host(inet)", kernel: netKernel(func(_ *row, a netip.Addr, _ int) (types.Datum, error) {
			return text(types.FormatText(types.Of(types.Inet), types.InetDatum(types.Inet, a, a.BitLen()), nil))
		}), infallible: true, doc: "The address without its netmask."},
		{sigs: "text(inet)", kernel: netKernel(func(r *row, a netip.Addr, n int) (types.Datum, error) {
			s := types.FormatText(types.Of(types.CIDR), types.InetDatum(types.CIDR, a, n), nil)
			s, err := types.FitChar(r.c.Ret, s, r.c.Explicit)
			return types.TextDatum(s), err
		}), doc: "The address with its netmask length."},
		{sigs: "abbrev(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) {
			return text(types.FormatText(types.Of(types.Inet), types.InetDatum(types.Inet, a, n), nil))
		}), infallible: true, doc: "The short form."},
		{sigs: "abbrev(cidr)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) { return text(abbrevCIDR(a, n)) }), infallible: true, doc: "The short form."},
		{sigs: "broadcast(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) {
			return shown(types.Inet, mapAddr(a, func(i int, b byte) byte { return b | ^maskByte(i, n) }), n)
		}), infallible: true, doc: "The broadcast address."},
		{sigs: "network(inet) cidr(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) { return shown(types.CIDR, masked(a, n), n) }), infallible: true, doc: "The network part."},
		{sigs: "netmask(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) {
			return shown(types.Inet, mapAddr(a, func(i int, _ byte) byte { return maskByte(i, n) }), a.BitLen())
		}), infallible: true, doc: "The netmask."},
		{sigs: "hostmask(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) {
			return shown(types.Inet, mapAddr(a, func(i int, _ byte) byte { return ^maskByte(i, n) }), a.BitLen())
		}), infallible: true, doc: "The host mask."},
		{sigs: "masklen(inet)", kernel: netKernel(func(_ *row, _ netip.Addr, n int) (types.Datum, error) { return types.IntDatum(int64(n)), nil }), infallible: true, doc: "The length of the netmask."},
		{sigs: "set_masklen(inet,int4)", kernel: setMask(false), doc: "Changes the netmask length."},
		{sigs: "set_masklen(cidr,int4)", kernel: setMask(true), doc: "Changes the netmask length and clears the bits behind it."},
		{sigs: "network_sub(inet,inet)", kernel: netPair(func(a netip.Addr, m int, b netip.Addr, n int) bool { return m > n && sameNet(a, b, n) }), infallible: true, doc: "Tests whether the first is strictly within the second."},
		{sigs: "network_subeq(inet,inet)", kernel: netPair(func(a netip.Addr, m int, b netip.Addr, n int) bool { return m >= n && sameNet(a, b, n) }), infallible: true, doc: "Tests whether the first is within the second or equal."},
		{sigs: "network_sup(inet,inet)", kernel: netPair(func(a netip.Addr, m int, b netip.Addr, n int) bool { return m < n && sameNet(a, b, m) }), infallible: true, doc: "Tests whether the first strictly holds the second."},
		{sigs: "network_supeq(inet,inet)", kernel: netPair(func(a netip.Addr, m int, b netip.Addr, n int) bool { return m <= n && sameNet(a, b, m) }), infallible: true, doc: "Tests whether the first holds the second or is equal."},
		{sigs: "network_overlap(inet,inet)", kernel: netPair(func(a netip.Addr, m int, b netip.Addr, n int) bool { return sameNet(a, b, min(m, n)) }), infallible: true, doc: "Tests whether one holds the other."},
		{sigs: "inet_same_family(inet,inet)", kernel: netPair(func(netip.Addr, int, netip.Addr, int) bool { return true }), infallible: true, doc: "Tests whether both are IPv4 or both IPv6."},
		{sigs: "inet_merge(inet,inet)", kernel: each(mergeNets), doc: "The smallest network that holds both."},
		{sigs: "network_cmp(inet,inet)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(types.Compare(types.Of(types.Inet), r.datum(0), r.datum(1)))), nil
		}), infallible: true, doc: "Orders two addresses."},
		{sigs: "inetnot(inet)", kernel: netKernel(func(_ *row, a netip.Addr, n int) (types.Datum, error) {
			return shown(types.Inet, mapAddr(a, func(_ int, b byte) byte { return ^b }), n)
		}), infallible: true, doc: "Bitwise NOT."},
		{sigs: "inetand(inet,inet)", kernel: netBits("AND", func(a, b byte) byte { return a & b }), doc: "Bitwise AND."},
		{sigs: "inetor(inet,inet)", kernel: netBits("OR", func(a, b byte) byte { return a | b }), doc: "Bitwise OR."},
		{sigs: "inetpl(inet,int8)", kernel: netKernel(func(r *row, a netip.Addr, n int) (types.Datum, error) { return addNet(a, n, big.NewInt(r.int(1))) }), doc: "The address n further."},
		{sigs: "int8pl_inet(int8,inet)", kernel: each(func(r *row) (types.Datum, error) {
			a, n := r.inet(1)
			return addNet(a, n, big.NewInt(r.int(0)))
		}), doc: "The address n further."},
		{sigs: "inetmi_int8(inet,int8)", kernel: netKernel(func(r *row, a netip.Addr, n int) (types.Datum, error) {
			return addNet(a, n, new(big.Int).Neg(big.NewInt(r.int(1))))
		}), doc: "The address n before."},
		{sigs: "inetmi(inet,inet)", kernel: each(func(r *row) (types.Datum, error) {
			a, _ := r.inet(0)
			b, _ := r.inet(1)
			if a.BitLen() != b.BitLen() {
				return types.Null, pgerror.New(pgerror.InvalidParameterValue, "cannot subtract inet values of different sizes")
			}
			d := new(big.Int).Sub(new(big.Int).SetBytes(a.AsSlice()), new(big.Int).SetBytes(b.AsSlice()))
			if !d.IsInt64() {
				return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "result is out of range")
			}
			return types.IntDatum(d.Int64()), nil
		}), doc: "How far apart two addresses are."},
	}
}
