package auth

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
)

// UnknownAddress stands for a peer without an address, such as a unix socket's.
const UnknownAddress = "unknown"

// TrustedProxies are the networks whose word about their own callers is taken.
// The zero value trusts nobody.
type TrustedProxies struct{ networks []netip.Prefix }

// ParseTrustedProxies reads a comma list of addresses and networks. It skips
// what is neither, with a warning that holds nothing of it.
func ParseTrustedProxies(list string, log *slog.Logger) TrustedProxies {
	var t TrustedProxies
	place := 0
	for entry := range strings.SplitSeq(list, ",") {
		place++
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		network, ok := parseNetwork(entry)
		if !ok {
			log.Warn("TRUSTED_PROXIES: an entry is neither an address nor a network and is skipped", "place", place)
			continue
		}
		if network.Bits() == 0 {
			log.Warn("TRUSTED_PROXIES: an entry trusts every address, so that clients can claim any", "place", place)
		}
		t.networks = append(t.networks, network)
	}
	return t
}

func parseNetwork(s string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.WithZone("").Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	network, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	const mapped = 96 // bits before an IPv4 address written as IPv6
	if network.Addr().Is4In6() && network.Bits() >= mapped {
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mapped)
	}
	return network.Masked(), true
}

func (t TrustedProxies) trusts(ip netip.Addr) bool {
	for _, n := range t.networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// ClientIP is the address that a request came from. peer is the other end of
// the connection, with or without port; the others are the values of the
// headers Forwarded and X-Forwarded-For, a value for each line.
//
// Every trusted proxy has added the address of its own peer on the right, so
// the walk goes left from there until an address that no proxy of ours has.
// What stands further left is the client's invention. Proxies mostly write one
// of the two headers and pass the other on as the client sent it: when both
// are there and disagree, one is forged, and only the peer is certain.
func (t TrustedProxies) ClientIP(peer string, forwarded, xForwardedFor []string) string {
	from, ok := parseHost(peer)
	if !ok {
		return UnknownAddress
	}
	if !t.trusts(from) {
		return from.String()
	}
	byStandard := t.walk(from, forwarded, cutForwarded, parseForwarded)
	byCustom := t.walk(from, xForwardedFor, cutComma, parseHost)
	switch {
	case len(forwarded) == 0:
		return byCustom.String()
	case len(xForwardedFor) == 0 || byStandard == byCustom:
		return byStandard.String()
	}
	return from.String()
}

// mostHops bounds the work that a long header makes.
const mostHops = 32

// walk follows a header from the right, past trusted proxies. Anything that is
// no address ends it at the last one that is.
func (t TrustedProxies) walk(at netip.Addr, lines []string,
	cut func(string) (rest, last string, more bool), parse func(string) (netip.Addr, bool),
) netip.Addr {
	hops := 0
	for _, line := range slices.Backward(lines) {
		for rest, more := line, true; more; {
			var last string
			rest, last, more = cut(rest)
			next, ok := parse(strings.Trim(last, " \t"))
			if hops++; !ok || hops > mostHops {
				return at
			}
			if at = next; !t.trusts(at) {
				return at
			}
		}
	}
	return at
}

// cutComma cuts off the last element of a list.
func cutComma(line string) (rest, last string, more bool) {
	i := strings.LastIndexByte(line, ',')
	if i < 0 {
		return "", line, false
	}
	return line[:i], line[i+1:], true
}

// cutForwarded is cutComma for lists with quoted strings. It reads from the
// right too: a quote that the client leaves open swallows nothing that proxies
// have added behind it.
func cutForwarded(line string) (rest, last string, more bool) {
	quoted := false
	for i := len(line) - 1; i >= 0; i-- {
		switch {
		case line[i] == '"' && (!quoted || !escaped(line, i)):
			quoted = !quoted
		case line[i] == ',' && !quoted:
			return line[:i], line[i+1:], true
		}
	}
	return "", line, false
}

// escaped reports whether an odd number of backslashes stands before i.
func escaped(s string, i int) bool {
	n := 0
	for i--; i >= 0 && s[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// parseForwarded returns the address of the one for= of an element.
func parseForwarded(element string) (netip.Addr, bool) {
	var node string
	found := false
	for _, pair := range splitPairs(element) {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !ok || !strings.EqualFold(name, "for") {
			continue
		}
		if found {
			return netip.Addr{}, false
		}
		node, found = value, true
	}
	if n := len(node); n >= 2 && node[0] == '"' && node[n-1] == '"' {
		node = node[1 : n-1]
	}
	return parseHost(node)
}

// splitPairs splits an element at semicolons outside of quotes.
func splitPairs(element string) []string {
	var pairs []string
	start, quoted := 0, false
	for i := range len(element) {
		switch {
		case element[i] == '"' && (!quoted || !escaped(element, i)):
			quoted = !quoted
		case element[i] == ';' && !quoted:
			pairs = append(pairs, element[start:i])
			start = i + 1
		}
	}
	return append(pairs, element[start:])
}

// parseHost reads an address with or without port. Zones are dropped and IPv4
// is always written as such, so that one host has one name.
func parseHost(s string) (netip.Addr, bool) {
	const longest = 64 // no address with zone and port is longer
	if s == "" || len(s) > longest {
		return netip.Addr{}, false
	}
	if n := len(s); s[0] == '[' && s[n-1] == ']' {
		ip, err := netip.ParseAddr(s[1 : n-1])
		return ip.WithZone("").Unmap(), err == nil && ip.Is6()
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(s)
		ip = withPort.Addr()
	}
	return ip.WithZone("").Unmap(), err == nil
}

// AddressKey is what limits count an address under. Whoever has one IPv6
// address has its /64, so that is one key.
func AddressKey(address string) string {
	const site = 64
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return UnknownAddress
	}
	if ip = ip.WithZone("").Unmap(); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(site)
	if err != nil {
		return UnknownAddress
	}
	return network.String()
}
