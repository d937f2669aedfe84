package auth_test

import (
	"net/netip"
	"strings"
	"testing"

	"missioncontrol/auth"
)

func TestClientIP(t *testing.T) {
	const ours = "10.0.0.0/8, 192.0.2.7, 2001:db8:a::/48, ::ffff:172.16.0.0/108"
	for name, test := range map[string]struct {
		proxies        string
		peer           string
		forwarded, xff []string
		want           string
	}{
		"no proxies/the peer":                       {peer: "203.0.113.9:4711", want: "203.0.113.9"},
		"no proxies/the peer, whatever it claims":   {peer: "127.0.0.1:4711", forwarded: []string{"for=1.2.3.4"}, xff: []string{"1.2.3.4"}, want: "127.0.0.1"},
		"peer/without port":                         {peer: "203.0.113.9", want: "203.0.113.9"},
		"peer/IPv6":                                 {peer: "[2001:db8::1]:4711", want: "2001:db8::1"},
		"peer/IPv6 without port":                    {peer: "2001:DB8::0:1", want: "2001:db8::1"},
		"peer/with a zone":                          {peer: "[fe80::1%eth0]:4711", want: "fe80::1"},
		"peer/IPv4 written as IPv6":                 {peer: "[::ffff:203.0.113.9]:4711", want: "203.0.113.9"},
		"peer/none":                                 {peer: "", want: "unknown"},
		"peer/of a unix socket":                     {peer: "@", proxies: ours, xff: []string{"1.2.3.4"}, want: "unknown"},
		"peer/a name":                               {peer: "localhost:4711", want: "unknown"},
		"untrusted peer/whatever it claims":         {proxies: ours, peer: "203.0.113.9:1", forwarded: []string{"for=1.2.3.4"}, xff: []string{"1.2.3.4"}, want: "203.0.113.9"},
		"trusted peer/claims nothing":               {proxies: ours, peer: "10.0.0.1:1", want: "10.0.0.1"},
		"trusted peer/IPv4 written as IPv6":         {proxies: ours, peer: "[::ffff:10.0.0.1]:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"trusted peer/network written as IPv6":      {proxies: ours, peer: "172.16.3.4:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"trusted peer/IPv6":                         {proxies: ours, peer: "[2001:db8:a::5]:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"X-Forwarded-For/one":                       {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"X-Forwarded-For/forged on the left":        {proxies: ours, peer: "10.0.0.1:1", xff: []string{"1.2.3.4, 203.0.113.9"}, want: "203.0.113.9"},
		"X-Forwarded-For/forged as one of ours":     {proxies: ours, peer: "10.0.0.1:1", xff: []string{"1.2.3.4, 10.0.0.9, 203.0.113.9"}, want: "203.0.113.9"},
		"X-Forwarded-For/past proxies of ours":      {proxies: ours, peer: "10.0.0.1:1", xff: []string{"1.2.3.4,203.0.113.9 ,192.0.2.7,\t10.0.0.2"}, want: "203.0.113.9"},
		"X-Forwarded-For/in several lines":          {proxies: ours, peer: "10.0.0.1:1", xff: []string{"1.2.3.4", "203.0.113.9", "10.0.0.2"}, want: "203.0.113.9"},
		"X-Forwarded-For/none but ours":             {proxies: ours, peer: "10.0.0.1:1", xff: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		"X-Forwarded-For/garbage ends it":           {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9, <script>, 10.0.0.2"}, want: "10.0.0.2"},
		"X-Forwarded-For/garbage alone":             {proxies: ours, peer: "10.0.0.1:1", xff: []string{"unknown"}, want: "10.0.0.1"},
		"X-Forwarded-For/a comma at the end":        {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9,"}, want: "10.0.0.1"},
		"X-Forwarded-For/an empty line":             {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9", ""}, want: "10.0.0.1"},
		"X-Forwarded-For/with ports":                {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9:99, 10.0.0.2:80"}, want: "203.0.113.9"},
		"X-Forwarded-For/IPv6":                      {proxies: ours, peer: "10.0.0.1:1", xff: []string{"2001:db8::9"}, want: "2001:db8::9"},
		"X-Forwarded-For/IPv6 in brackets":          {proxies: ours, peer: "10.0.0.1:1", xff: []string{"[2001:db8::9]"}, want: "2001:db8::9"},
		"X-Forwarded-For/IPv6 with port":            {proxies: ours, peer: "10.0.0.1:1", xff: []string{"[2001:db8::9]:99"}, want: "2001:db8::9"},
		"X-Forwarded-For/IPv4 in brackets":          {proxies: ours, peer: "10.0.0.1:1", xff: []string{"[203.0.113.9]"}, want: "10.0.0.1"},
		"X-Forwarded-For/a number":                  {proxies: ours, peer: "10.0.0.1:1", xff: []string{"3405803785"}, want: "10.0.0.1"},
		"X-Forwarded-For/octal":                     {proxies: ours, peer: "10.0.0.1:1", xff: []string{"0313.0.0161.011"}, want: "10.0.0.1"},
		"X-Forwarded-For/bytes that are no text":    {proxies: ours, peer: "10.0.0.1:1", xff: []string{"203.0.113.9\x00"}, want: "10.0.0.1"},
		"X-Forwarded-For/of 1 MB":                   {proxies: ours, peer: "10.0.0.1:1", xff: []string{strings.Repeat("10.0.0.9,", 120_000) + "10.0.0.2"}, want: "10.0.0.9"},
		"Forwarded/one":                             {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{"for=203.0.113.9"}, want: "203.0.113.9"},
		"Forwarded/among other pairs":               {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`proto=https;FOR=203.0.113.9; by=10.0.0.1`}, want: "203.0.113.9"},
		"Forwarded/quoted":                          {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for="203.0.113.9:8080"`}, want: "203.0.113.9"},
		"Forwarded/IPv6":                            {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for="[2001:db8::9]"`}, want: "2001:db8::9"},
		"Forwarded/IPv6 with port":                  {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for="[2001:db8::9]:8080"`}, want: "2001:db8::9"},
		"Forwarded/forged on the left":              {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=1.2.3.4, for=203.0.113.9, for=10.0.0.2`}, want: "203.0.113.9"},
		"Forwarded/in several lines":                {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=1.2.3.4`, `for=203.0.113.9, for=10.0.0.2`}, want: "203.0.113.9"},
		"Forwarded/an open quote on the left":       {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for="1.2.3.4, for=203.0.113.9`}, want: "203.0.113.9"},
		"Forwarded/a comma within a quote":          {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9;host="a, for=1.2.3.4"`}, want: "203.0.113.9"},
		"Forwarded/an escaped quote within a quote": {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9;host="a\", for=1.2.3.4;x=\""`}, want: "203.0.113.9"},
		"Forwarded/a semicolon within a quote":      {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`host="a;for=1.2.3.4";for=203.0.113.9`}, want: "203.0.113.9"},
		"Forwarded/two of them":                     {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9;for=1.2.3.4`}, want: "10.0.0.1"},
		"Forwarded/without one":                     {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9, proto=https`}, want: "10.0.0.1"},
		"Forwarded/unknown":                         {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9, for=unknown, for=10.0.0.2`}, want: "10.0.0.2"},
		"Forwarded/obfuscated":                      {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=_hidden`}, want: "10.0.0.1"},
		"Forwarded/empty":                           {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{``}, want: "10.0.0.1"},
		"both/agree":                                {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9`}, xff: []string{"1.2.3.4, 203.0.113.9"}, want: "203.0.113.9"},
		"both/disagree, so one is forged":           {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=1.2.3.4`}, xff: []string{"203.0.113.9"}, want: "10.0.0.1"},
		"both/the other disagrees":                  {proxies: ours, peer: "10.0.0.1:1", forwarded: []string{`for=203.0.113.9`}, xff: []string{"1.2.3.4"}, want: "10.0.0.1"},
		"proxies/a wrong entry is skipped":          {proxies: "nonsense, 10.0.0.0/99,, 10.0.0.1", peer: "10.0.0.1:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"proxies/a network with bits of a host":     {proxies: "10.9.9.9/8", peer: "10.0.0.1:1", xff: []string{"203.0.113.9"}, want: "203.0.113.9"},
		"proxies/outside of a network":              {proxies: "10.0.0.0/24", peer: "10.0.1.1:1", xff: []string{"203.0.113.9"}, want: "10.0.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			proxies := auth.ParseTrustedProxies(test.proxies, quiet)
			if got := proxies.ClientIP(test.peer, test.forwarded, test.xff); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Run("a wrong entry/is worth a warning without it", func(t *testing.T) {
		log := &journal{}
		auth.ParseTrustedProxies("10.0.0.1, s3cret-host/8, 10.0.0.0/8", log.log())
		if out := log.String(); strings.Count(out, "\n") != 1 || !strings.Contains(out, "place=2") || strings.Contains(out, "s3cret") {
			t.Errorf("log: %s", out)
		}
	})
	t.Run("everybody/is worth a warning", func(t *testing.T) {
		log := &journal{}
		auth.ParseTrustedProxies("0.0.0.0/0,::/0", log.log())
		if out := log.String(); strings.Count(out, "trusts every address") != 2 {
			t.Errorf("log: %s", out)
		}
	})
	t.Run("nothing/is worth nothing", func(t *testing.T) {
		log := &journal{}
		auth.ParseTrustedProxies(" , ", log.log())
		if log.String() != "" {
			t.Errorf("log: %s", log)
		}
	})
}

func TestAddressKey(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9", "unknown": "unknown", "": "unknown",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := auth.AddressKey(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// FuzzClientIP: the answer is always an address, and one that an untrusted
// part of a header does not choose.
func FuzzClientIP(f *testing.F) {
	f.Add("for=1.2.3.4", "1.2.3.4", "203.0.113.9")
	f.Add(`for="1.2.3.4`, "[::1]:80", "2001:db8::1")
	f.Add(`host="a,\"",for="[2001:db8::1]:9";by=x`, ", ,", "203.0.113.9")
	proxies := auth.ParseTrustedProxies("10.0.0.0/8", quiet)
	f.Fuzz(func(t *testing.T, forwarded, xff, real string) {
		for _, headers := range [][2][]string{{{forwarded}, nil}, {nil, {xff}}, {{forwarded}, {xff}}, {{forwarded, xff}, {xff, forwarded}}} {
			got := proxies.ClientIP("10.0.0.1:80", headers[0], headers[1])
			if ip, err := netip.ParseAddr(got); err != nil || ip.String() != got || ip.Zone() != "" {
				t.Fatalf("%q is not an address", got)
			}
		}
		ip, err := netip.ParseAddr(real)
		if err != nil || ip.Zone() != "" {
			return
		}
		ip = ip.Unmap()
		if ip.Is4() && ip.As4()[0] == 10 {
			return
		}
		// What a proxy adds behind a client's text decides.
		if got := proxies.ClientIP("10.0.0.1:80", []string{forwarded + `, for="[` + ip.String() + `]"`}, nil); ip.Is6() && got != ip.String() {
			t.Fatalf("Forwarded: got %s, want %s", got, ip)
		}
		if got := proxies.ClientIP("10.0.0.1:80", nil, []string{xff + ", " + ip.String()}); got != ip.String() {
			t.Fatalf("X-Forwarded-For: got %s, want %s", got, ip)
		}
	})
}
