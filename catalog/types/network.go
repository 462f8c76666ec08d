package types

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Values of inet, cidr and macaddr are stored in their binary form: for inet and
// cidr family (2 IPv4, 3 IPv6), prefix length, cidr flag, address length, address.

// parseInet reads inet or cidr.
func parseInet(t OID, s string) (Datum, error) {
	bad := func() (Datum, error) { return Datum{}, errSyntax(Lookup(t).Name, s) }
	host, bits, slash := strings.Cut(s, "/")
	if t == CIDR && !strings.Contains(host, ":") {
		// cidr may leave out trailing octets.
		parts := strings.Split(host, ".")
		if len(parts) > 4 {
			return bad()
		}
		if !slash {
			bits, slash = strconv.Itoa(classfulBits(parts)), true
		}
		for len(parts) < 4 {
			parts = append(parts, "0")
		}
		host = strings.Join(parts, ".")
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return bad()
	}
	n := addr.BitLen()
	if slash {
		v, err := strconv.Atoi(bits)
		if err != nil || v < 0 || v > n || bits[0] == '+' || bits[0] == '-' {
			return bad()
		}
		n = v
	}
	if t == CIDR && netip.PrefixFrom(addr, n).Masked().Addr() != addr {
		return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "invalid cidr value: \""+s+"\"").
			WithDetail("Value has bits set to right of mask.")
	}
	return InetDatum(t, addr, n), nil
}

// classfulBits is the prefix length of a cidr written without one.
func classfulBits(parts []string) int {
	first, _ := strconv.Atoi(parts[0]) // a bad octet is refused later
	bits := 8
	switch {
	case first >= 240:
		bits = 32
	case first >= 224:
		bits = 8
	case first >= 192:
		bits = 24
	case first >= 128:
		bits = 16
	}
	bits = max(bits, 8*len(parts))
	if bits == 8 && first == 224 {
		return 4 // all multicast addresses
	}
	return bits
}

// InetDatum builds an inet or cidr value from an address and a prefix length.
func InetDatum(t OID, addr netip.Addr, bits int) Datum {
	raw := addr.AsSlice()
	family := byte(2)
	if len(raw) == 16 {
		family = 3
	}
	out := make([]byte, 0, 20)
	out = append(out, family, byte(bits), b2i(t == CIDR), byte(len(raw)))
	return Datum{S: string(append(out, raw...))}
}

// InetParts splits an inet or cidr value.
func InetParts(s string) (addr netip.Addr, bits int, ok bool) {
	if len(s) < 4 {
		return addr, 0, false
	}
	addr, ok = netip.AddrFromSlice([]byte(s[4:]))
	return addr, int(s[1]), ok
}

// appendInet appends an address; the type cidr always shows the prefix length.
func appendInet(dst []byte, t OID, s string) []byte {
	addr, bits, ok := InetParts(s)
	if !ok {
		return dst
	}
	if raw := addr.As16(); addr.Is6() && embedsIPv4(raw) {
		// As PostgreSQL prints addresses that end in one of IPv4.
		dst = append(dst, "::"...)
		if raw[10] == 0xff {
			dst = append(dst, "ffff:"...)
		}
		dst = netip.AddrFrom4([4]byte(raw[12:])).AppendTo(dst)
	} else {
		dst = addr.AppendTo(dst)
	}
	if t == CIDR || bits != addr.BitLen() {
		dst = strconv.AppendInt(append(dst, '/'), int64(bits), 10)
	}
	return dst
}

// embedsIPv4 reports whether an IPv6 address is shown with an IPv4 address at its
// end: its first 80 or 96 bits are zero, but it is neither :: nor ::1.
func embedsIPv4(raw [16]byte) bool {
	for _, b := range raw[:10] {
		if b != 0 {
			return false
		}
	}
	high, low := uint16(raw[12])<<8|uint16(raw[13]), uint16(raw[14])<<8|uint16(raw[15])
	switch uint16(raw[10])<<8 | uint16(raw[11]) {
	case 0xffff:
		return high != 0 || low != 0
	case 0:
		return high != 0 || low > 1
	}
	return false
}

func inetBinary(t OID, b []byte) (Datum, error) {
	name := Lookup(t).Name
	fail := func(what string) (Datum, error) {
		return Datum{}, pgerror.Newf(pgerror.InvalidBinaryRepresentation, "invalid %s in external %q value", what, name)
	}
	if len(b) < 4 {
		return Datum{}, errShort()
	}
	size := 4
	if b[0] == 3 {
		size = 16
	} else if b[0] != 2 {
		return fail("address family")
	}
	if int(b[1]) > size*8 {
		return fail("bits")
	}
	if int(b[3]) != size || len(b) != 4+size {
		return fail("length")
	}
	addr, _ := netip.AddrFromSlice(b[4:]) // the length was checked
	return InetDatum(t, addr, int(b[1])), nil
}

// parseMacAddr reads six bytes in any of PostgreSQL's notations.
func parseMacAddr(s string) (Datum, error) {
	w := trimSpace(s)
	var out [6]byte
	digits := 0
	var sep byte
	for i := range len(w) {
		c := w[i]
		if c == ':' || c == '-' || c == '.' {
			if i == 0 || i == len(w)-1 || sep != 0 && c != sep && sep != c {
				return Datum{}, errSyntax("macaddr", s)
			}
			sep = c
			continue
		}
		d, ok := hexDigit(c)
		if !ok || digits == 12 {
			return Datum{}, errSyntax("macaddr", s)
		}
		out[digits/2] = out[digits/2]<<4 | d
		digits++
	}
	if digits != 12 {
		return Datum{}, errSyntax("macaddr", s)
	}
	return Datum{S: string(out[:])}, nil
}

func appendMacAddr(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for i := range len(s) {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[s[i]>>4], digits[s[i]&15])
	}
	return dst
}
