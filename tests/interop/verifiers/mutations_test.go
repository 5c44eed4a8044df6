package verifiers

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	_ "crypto/md5"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// mutation changes one field of a certificate, which may then be the leaf's, an intermediate's or the root's.
type mutation struct {
	name   string
	change func(*blueprint)
}

func mutations(t *testing.T) []mutation {
	var all []mutation
	add := func(name string, change func(*blueprint)) { all = append(all, mutation{name, change}) }
	for name, serial := range map[string][]byte{
		"padded": {0, 1}, "empty": {}, "negative": {0x81}, "zero": {0}, "padded negative": {0xff, 0x81},
		"of 21 octets": bytes.Repeat([]byte{0x11}, 21), "of 64 octets": bytes.Repeat([]byte{0x11}, 64),
	} {
		add("serial "+name, func(b *blueprint) { b.serial = serial })
	}
	for name, version := range map[string][]byte{
		"1 explicit": tlv(0xa0, tlv(2, []byte{0})), "2": tlv(0xa0, tlv(2, []byte{1})), "4": tlv(0xa0, tlv(2, []byte{3})),
		"negative": tlv(0xa0, tlv(2, []byte{0xff})), "padded": tlv(0xa0, tlv(2, []byte{0, 2})),
		"with a tail": tlv(0xa0, tlv(2, []byte{2}), null), "1": {},
	} {
		add("version "+name, func(b *blueprint) { b.version = version })
		add("version "+name+" without extensions", func(b *blueprint) { b.version, b.extensions = version, nil })
	}
	addNames(add)
	addTimes(add)
	addKeys(t, add)
	addExtensions(add)
	addAlternativeNames(add)
	add("outer algorithm differs", func(b *blueprint) { b.outer = identifier("1.2.840.10045.4.3.3") })
	add("outer algorithm with NULL", func(b *blueprint) { b.outer = identifier("1.2.840.10045.4.3.2", null) })
	add("tail behind the certificate", func(b *blueprint) { b.tail = []byte{0} })
	add("tail of a whole element", func(b *blueprint) { b.tail = null })
	add("no signature", func(b *blueprint) { b.signedWith.options = nil })
	return all
}

func addNames(add func(string, func(*blueprint))) {
	for name, subject := range map[string][]byte{
		"invalid UTF-8": name(12, "a\xff"), "overlong UTF-8": name(12, "a\xc0\x80"), "UTF-8": name(12, "ä"),
		"printable with @": name(19, "a@b"), "printable with *": name(19, "*.a"), "printable with &": name(19, "a&b"),
		"printable with _": name(19, "a_b"), "IA5": name(22, "a@b"), "IA5 beyond ASCII": name(22, "a\xe4"),
		"BMP": name(30, "\x00a\x00b"), "odd BMP": name(30, "\x00a\x00"), "BMP surrogate": name(30, "\xd8\x00\xdc\x00"),
		"BMP noncharacter": name(30, "\xff\xff"), "BMP terminated": name(30, "\x00a\x00\x00"), "T61": name(20, "a\xe4"),
		"Universal": name(28, "\x00\x00\x00a"), "Visible": name(26, "a"), "Numeric": name(18, "1 2"),
		"Numeric with letters": name(18, "1a"), "NULL": name(5, ""), "an INTEGER": name(2, "\x01"), "empty": tlv(0x30),
		"empty text": name(12, ""), "an empty SET": tlv(0x30, tlv(0x31)), "no SET": tlv(0x30, tlv(0x30, tlv(0x30))),
		"a tail in the attribute": tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(12, []byte("a")), null))),
		"no value":                tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3")))),
		"a malformed type":        tlv(0x30, tlv(0x31, tlv(0x30, tlv(6, []byte{0x55, 0x80, 1}), tlv(12, []byte("a"))))),
		"an empty type":           tlv(0x30, tlv(0x31, tlv(0x30, tlv(6), tlv(12, []byte("a"))))),
		"two attributes": tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(12, []byte("a"))),
			tlv(0x30, oid("2.5.4.10"), tlv(12, []byte("b"))))),
	} {
		add("subject "+name, func(b *blueprint) { b.subject = subject })
	}
}

func addTimes(add func(string, func(*blueprint))) {
	now := time.Now()
	past := now.Add(-48 * time.Hour)
	for name, notBefore := range map[string][]byte{
		"without seconds": tlv(23, []byte(past.UTC().Format("0601021504Z"))),
		"with an offset":  tlv(23, []byte(past.UTC().Format("060102150405")+"+0100")),
		"with no offset":  tlv(23, []byte(past.UTC().Format("060102150405")+"+0000")),
		"without a zone":  tlv(23, []byte(past.UTC().Format("060102150405"))),
		"with a fraction": tlv(24, []byte(past.UTC().Format("20060102150405")+".5Z")),
		"generalized":     generalizedTime(past), "generalized with an offset": tlv(24, []byte(past.UTC().Format("20060102150405")+"-0100")),
		"generalized without seconds": tlv(24, []byte(past.UTC().Format("200601021504Z"))),
		"in month 13":                 tlv(23, []byte("241301000000Z")), "on 30 February": tlv(23, []byte("240230000000Z")),
		"at 24:00": tlv(23, []byte("240101240000Z")), "in second 60": tlv(23, []byte("240101000060Z")),
		"an INTEGER": tlv(2, []byte{1}), "in 1950": tlv(23, []byte("500101000000Z")), "in 2049": tlv(23, []byte("491231235959Z")),
		"tomorrow": utcTime(now.Add(24 * time.Hour)), "in year 0": tlv(24, []byte("00000101000000Z")), "with blanks": tlv(23, []byte("24 101000000Z")),
	} {
		add("from "+name, func(b *blueprint) { b.notBefore = notBefore })
	}
	for name, notAfter := range map[string][]byte{
		"expired": utcTime(now.Add(-time.Hour)), "without an end": tlv(24, []byte("99991231235959Z")),
		"generalized before 2050": generalizedTime(now.Add(24 * time.Hour)), "in 1950": tlv(23, []byte("500101000000Z")),
		"missing": {}, "with a tail": append(utcTime(now.Add(24*time.Hour)), null...),
	} {
		add("until "+name, func(b *blueprint) { b.notAfter = notAfter })
	}
}

func addKeys(t *testing.T, add func(string, func(*blueprint))) {
	other := newKey(t, elliptic.P256())
	own := point(&other.PublicKey)
	compressed := append([]byte{2 + own[64]&1}, own[1:33]...)
	hybrid := append([]byte{6 + own[64]&1}, own[1:]...)
	offCurve := append(append([]byte{}, own[:64]...), own[64]^1)
	modulus := func(bits uint) *big.Int {
		odd := new(big.Int).Lsh(big.NewInt(3), bits-2)
		return odd.Add(odd, big.NewInt(1))
	}
	exponent := []byte{1, 0, 1}
	raw := func(algorithm []byte, key ...byte) []byte {
		return tlv(0x30, algorithm, tlv(3, append([]byte{0}, key...)))
	}
	even := new(big.Int).Lsh(big.NewInt(1), 2047)
	prime := tlv(2, []byte{23})
	keys := map[string][]byte{
		"P-256": ecKey(p256, own), "compressed": ecKey(p256, compressed), "hybrid": ecKey(p256, hybrid), "off the curve": ecKey(p256, offCurve),
		"at infinity": ecKey(p256, []byte{0}), "empty point": ecKey(p256, nil), "short point": ecKey(p256, own[:64]),
		"P-224": ecKey(oid("1.3.132.0.33"), point(&newKey(t, elliptic.P224()).PublicKey)),
		"P-384": ecKey(oid("1.3.132.0.34"), point(&newKey(t, elliptic.P384()).PublicKey)),
		"P-521": ecKey(oid("1.3.132.0.35"), point(&newKey(t, elliptic.P521()).PublicKey)), "P-192": ecKey(oid("1.2.840.10045.3.1.1"), own[:49]),
		"secp256k1": ecKey(oid("1.3.132.0.10"), own), "brainpool": ecKey(oid("1.3.36.3.3.2.8.1.1.7"), own), "SM2": ecKey(oid("1.2.156.10197.1.301"), own),
		"explicit parameters": ecKey(tlv(0x30, tlv(2, []byte{1}), tlv(0x30, oid("1.2.840.10045.1.1"), prime)), own),
		"implicit parameters": ecKey(null, own), "no parameters": ecKey(nil, own), "P-256 named twice": ecKey(append(append([]byte{}, p256...), p256...), own),
		"wrong curve": ecKey(oid("1.3.132.0.34"), own),
		"RSA":         rsaKey(modulus(2048), exponent), "RSA 512": rsaKey(modulus(512), exponent), "RSA 1024": rsaKey(modulus(1024), exponent),
		"RSA 1023": rsaKey(modulus(1023), exponent), "RSA 1536": rsaKey(modulus(1536), exponent), "RSA 2047": rsaKey(modulus(2047), exponent),
		"RSA 4096": rsaKey(modulus(4096), exponent), "RSA 8192": rsaKey(modulus(8192), exponent), "RSA 8193": rsaKey(modulus(8193), exponent),
		"RSA 16384": rsaKey(modulus(16384), exponent), "RSA with exponent 1": rsaKey(modulus(2048), []byte{1}),
		"RSA with exponent 2": rsaKey(modulus(2048), []byte{2}), "RSA with exponent 3": rsaKey(modulus(2048), []byte{3}),
		"RSA with exponent 0": rsaKey(modulus(2048), []byte{0}), "RSA with a negative exponent": rsaKey(modulus(2048), []byte{0x81}),
		"RSA with exponent 2^32+1": rsaKey(modulus(2048), []byte{1, 0, 0, 0, 1}), "RSA with exponent 2^64+1": rsaKey(modulus(2048), []byte{1, 0, 0, 0, 0, 0, 0, 0, 1}),
		"RSA with a padded exponent": rsaKey(modulus(2048), []byte{0, 3}), "RSA with an even modulus": rsaKey(even, exponent),
		"RSA without NULL":            tlv(0x30, identifier("1.2.840.113549.1.1.1"), tlv(3, []byte{0}, tlv(0x30, tlv(2, append([]byte{0}, modulus(2048).Bytes()...)), tlv(2, exponent)))),
		"RSA with a negative modulus": raw(identifier("1.2.840.113549.1.1.1", null), tlv(0x30, tlv(2, modulus(2048).Bytes()), tlv(2, exponent))...),
		"RSA that is empty":           raw(identifier("1.2.840.113549.1.1.1", null)),
		"RSA with a tail": raw(identifier("1.2.840.113549.1.1.1", null),
			tlv(0x30, tlv(2, append([]byte{0}, modulus(2048).Bytes()...)), tlv(2, exponent), null)...),
		"RSA-PSS": raw(identifier("1.2.840.113549.1.1.10"), tlv(0x30, tlv(2, append([]byte{0}, modulus(2048).Bytes()...)), tlv(2, exponent))...),
		"DSA":     raw(identifier("1.2.840.10040.4.1", tlv(0x30, prime, prime, prime)), prime...), "DSA without parameters": raw(identifier("1.2.840.10040.4.1"), prime...),
		"Ed25519": raw(identifier("1.3.101.112"), own[1:33]...), "Ed25519 with NULL": raw(identifier("1.3.101.112", null), own[1:33]...),
		"Ed25519 that is short": raw(identifier("1.3.101.112"), own[1:32]...), "Ed448": raw(identifier("1.3.101.113"), own[1:58]...),
		"X25519": raw(identifier("1.3.101.110"), own[1:33]...), "ML-DSA": raw(identifier("2.16.840.1.101.3.4.3.17"), own...),
		"of no known algorithm": raw(identifier("1.3.6.1.4.1.32473.1"), 1), "with padding": tlv(0x30, identifier("1.2.840.10045.2.1", p256), tlv(3, []byte{1}, own)),
		"with a tail": tlv(0x30, identifier("1.2.840.10045.2.1", p256), tlv(3, []byte{0}, own), null), "empty": tlv(0x30),
	}
	for name, key := range keys {
		add("key "+name, func(b *blueprint) { b.key = key })
	}
}

func addExtensions(add func(string, func(*blueprint))) {
	yes, no := tlv(1, []byte{0xff}), tlv(1, []byte{0})
	number := func(octets ...byte) []byte { return tlv(2, octets) }
	usage := func(oids ...string) []byte {
		var list []byte
		for _, text := range oids {
			list = append(list, oid(text)...)
		}
		return tlv(0x30, list)
	}
	policies := func(oids ...string) []byte {
		var list []byte
		for _, text := range oids {
			list = append(list, tlv(0x30, oid(text))...)
		}
		return tlv(0x30, list)
	}
	for _, v := range []struct {
		oid   string
		names string
		value []byte
	}{
		{basicConstraints, "CA", tlv(0x30, yes)}, {basicConstraints, "no CA", tlv(0x30)}, {basicConstraints, "no CA, said", tlv(0x30, no)},
		{basicConstraints, "CA as 1", tlv(0x30, tlv(1, []byte{1}))}, {basicConstraints, "path length 0", tlv(0x30, yes, number(0))},
		{basicConstraints, "path length 1", tlv(0x30, yes, number(1))}, {basicConstraints, "negative path length", tlv(0x30, yes, number(0x81))},
		{basicConstraints, "padded path length", tlv(0x30, yes, number(0, 1))}, {basicConstraints, "huge path length", tlv(0x30, yes, number(1, 0, 0, 0, 0, 0, 0, 0, 0))},
		{basicConstraints, "large path length", tlv(0x30, yes, number(0x7f, 0, 0, 0, 0))}, {basicConstraints, "path length without CA", tlv(0x30, number(0))},
		{basicConstraints, "tail within", tlv(0x30, yes, null)}, {basicConstraints, "tail behind", append(tlv(0x30, yes), 5, 0)}, {basicConstraints, "a SET", tlv(0x31, yes)},
		{basicConstraints, "empty", nil}, {basicConstraints, "long boolean", tlv(0x30, tlv(1, []byte{0xff, 0xff}))},
		{keyUsage, "keyCertSign", tlv(3, []byte{2, 4})}, {keyUsage, "digitalSignature", tlv(3, []byte{7, 0x80})}, {keyUsage, "empty bits", tlv(3, []byte{0})},
		{keyUsage, "no bits", tlv(3)}, {keyUsage, "bits in the padding", tlv(3, []byte{4, 0xff})}, {keyUsage, "padding of 8", tlv(3, []byte{8, 0x80})},
		{keyUsage, "all bits", tlv(3, []byte{7, 0xff, 0x80})}, {keyUsage, "zero bits", tlv(3, []byte{0, 0})}, {keyUsage, "beyond", tlv(3, []byte{0, 4, 0, 0})},
		{keyUsage, "tail", append(tlv(3, []byte{2, 4}), 5, 0)}, {keyUsage, "an OCTET STRING", tlv(4, []byte{4})},
		{extendedKeyUsage, "server", usage("1.3.6.1.5.5.7.3.1")}, {extendedKeyUsage, "client", usage("1.3.6.1.5.5.7.3.2")}, {extendedKeyUsage, "any", usage("2.5.29.37.0")},
		{extendedKeyUsage, "both", usage("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")}, {extendedKeyUsage, "mail", usage("1.3.6.1.5.5.7.3.4")},
		{extendedKeyUsage, "unknown", usage("1.3.6.1.4.1.32473.1")}, {extendedKeyUsage, "empty", usage()}, {extendedKeyUsage, "malformed", tlv(0x30, tlv(6, []byte{0x80, 1}))},
		{extendedKeyUsage, "not a list", oid("1.3.6.1.5.5.7.3.1")}, {extendedKeyUsage, "tail", append(usage("1.3.6.1.5.5.7.3.1"), 5, 0)},
		{extendedKeyUsage, "large arc", tlv(0x30, oid("1.3.6.1.5.5.7.3.1"), tlv(6, []byte{0x2a, 0x8f, 0xff, 0xff, 0xff, 0xff, 0x7f}))},
		{authorityKey, "empty", tlv(0x30)}, {authorityKey, "another", tlv(0x30, tlv(0x80, []byte{1}))}, {authorityKey, "malformed", tlv(0x30, []byte{0x80, 9})},
		{authorityKey, "not a list", tlv(4)}, {subjectKey, "another", tlv(4, []byte{1})}, {subjectKey, "malformed", tlv(5)}, {subjectKey, "empty", tlv(4)},
		{"1.3.6.1.5.5.7.1.1", "info access", tlv(0x30, tlv(0x30, oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, []byte("http://a"))))}, {"1.3.6.1.5.5.7.1.1", "info access malformed", tlv(0x30, tlv(5))},
		{"2.5.29.31", "distribution points", tlv(0x30, tlv(0x30, tlv(0xa0, tlv(0xa0, tlv(0x86, []byte("http://a"))))))}, {"2.5.29.31", "distribution points malformed", tlv(0x30, tlv(5))},
		{"2.5.29.31", "distribution point without name", tlv(0x30, tlv(0x30, tlv(0xa0, tlv(5))))}, {"2.5.29.32", "policy", policies("1.3.6.1.4.1.32473.1")},
		{"2.5.29.32", "policy twice", policies("1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.1")}, {"2.5.29.32", "policy malformed", tlv(0x30, tlv(5))}, {"2.5.29.32", "any policy", policies("2.5.29.32.0")},
		{"2.5.29.36", "explicit policy at once", tlv(0x30, tlv(0x80, []byte{0}))}, {"2.5.29.36", "explicit policy later", tlv(0x30, tlv(0x80, []byte{5}))}, {"2.5.29.36", "explicit policy malformed", tlv(0x30, tlv(0x80))},
		{"2.5.29.33", "policy mapping", tlv(0x30, tlv(0x30, oid("1.3.6.1.4.1.32473.1"), oid("1.3.6.1.4.1.32473.2")))}, {"2.5.29.33", "any policy mapped", tlv(0x30, tlv(0x30, oid("2.5.29.32.0"), oid("1.3.6.1.4.1.32473.2")))},
		{"2.5.29.33", "policy mapping malformed", tlv(0x30, tlv(5))}, {"2.5.29.54", "any policy inhibited", number(0)}, {"2.5.29.54", "any policy inhibited malformed", tlv(5)},
		{"1.3.6.1.4.1.32473.1", "unknown", null}, {"2.5.29.24", "invalidity date", null}, {"1.3.6.1.4.1.11129.2.4.3", "poison", null},
		{"2.5.29.9", "directory attributes", tlv(0x30)}, {"2.5.29.18", "issuer names", tlv(0x30, tlv(0x82, []byte("a")))}, {"2.5.29.16", "key period", tlv(0x30)},
	} {
		for _, critical := range []bool{false, true} {
			add(fmt.Sprintf("extension %s %s, critical %t", v.oid, v.names, critical), func(b *blueprint) { b.set(v.oid, critical, v.value) })
		}
	}
	for _, each := range []string{basicConstraints, keyUsage, extendedKeyUsage, subjectAltName, subjectKey, authorityKey} {
		add("extension "+each+" twice", func(b *blueprint) {
			for _, e := range b.extensions {
				if e.oid == each {
					b.extensions = append(b.extensions, e)
					return
				}
			}
			b.extensions = append(b.extensions, extension{each, false, tlv(0x30)}, extension{each, false, tlv(0x30)})
		})
		add("extension "+each+" missing", func(b *blueprint) { b.remove(each) })
	}
	add("unknown extension twice", func(b *blueprint) {
		twice := extension{"1.3.6.1.4.1.32473.1", false, null}
		b.extensions = append(b.extensions, twice, twice)
	})
}

func addAlternativeNames(add func(string, func(*blueprint))) {
	good := tlv(0x82, []byte("localhost"))
	for name, more := range map[string][]byte{
		"DNS beyond ASCII": tlv(0x82, []byte("ä")), "empty DNS": tlv(0x82), "DNS with a dot behind": tlv(0x82, []byte("a.b.")), "DNS with a dot before": tlv(0x82, []byte(".a.b")),
		"wildcard": tlv(0x82, []byte("*.a.b")), "DNS with a blank": tlv(0x82, []byte("a b")), "DNS with NUL": tlv(0x82, []byte("a\x00b")), "DNS with _": tlv(0x82, []byte("a_b")),
		"IPv4": tlv(0x87, []byte{127, 0, 0, 1}), "IPv6": tlv(0x87, make([]byte, 16)), "IP of 5 octets": tlv(0x87, make([]byte, 5)), "empty IP": tlv(0x87), "IP with a mask": tlv(0x87, make([]byte, 8)),
		"mail": tlv(0x81, []byte("a@b.c")), "mail beyond ASCII": tlv(0x81, []byte("ä@b.c")), "mail without @": tlv(0x81, []byte("ab")), "directory name": tlv(0xa4, name_("a")),
		"registered number": tlv(0x88, []byte{1}), "other name": tlv(0xa0, oid("1.3.6.1.4.1.32473.1"), tlv(0xa0, tlv(12, []byte("a")))), "unknown kind": tlv(0x8a, []byte("a")), "an INTEGER": tlv(2, []byte{1}),
		"constructed DNS": tlv(0xa2, []byte("a")),
	} {
		add("names with "+name, func(b *blueprint) { b.set(subjectAltName, false, tlv(0x30, good, more)) })
	}
	for _, uri := range []string{
		"spiffe://a.b/c", "spiffe://a..b/c", "spiffe://.a/c", "spiffe://a./c", "urn:a:b", "mailto:a@b", "//a/b", ":a", "a:b:c", "a/b:c", "http://a:1", "http://a:b", "http://a:1:2", "x://a:1:2", "x://a:b:2", "http://[::1]",
		"http://[::1", "http://[::1]:1", "http://[::1]:b", "http://[1.2.3.4]", "http://[fe80::1%25en0]", "http://a[::1]", "http://u:p@a", "http://u p@a", "http://u@v@a", "http://a b/", "http://a/b c", "http://a/%41", "http://a/%4", "http://a/%zz",
		"http://%41/", "http://%e4/", "http://%25/", "http://a?b", "http://a?%zz", "http://a#%zz", "http://a#b#c", "http://a\x01", "http://a\x7f", "http://a\"b", "http://a\\b", "http://a^b", "http:///a", "///a", "*", "", "http://", "1a:b", "a+b://c", "http:a", "?a", "#a",
		"http://a;b", "http://a,b", "http://a<b", "http://a|b", "HTTP://A", "http://a%2", "x://%zz", "x:%zz", "http://a/{}", "http://ä",
	} {
		add(fmt.Sprintf("URI %q", uri), func(b *blueprint) { b.set(subjectAltName, false, tlv(0x30, good, tlv(0x86, []byte(uri)))) })
	}
	for name, value := range map[string][]byte{
		"empty": tlv(0x30), "a SET": tlv(0x31, good), "with a tail": append(tlv(0x30, good), 5, 0), "cut short": {0x30, 5, 0x82, 9, 'a'}, "no address as DNS only": tlv(0x30, tlv(0x82, []byte("127.0.0.1"))),
		"other only": tlv(0x30, tlv(0x88, []byte{1})), "mail only": tlv(0x30, tlv(0x81, []byte("a@b.c"))), "URI only": tlv(0x30, tlv(0x86, []byte("spiffe://a/b"))),
		"upper case": tlv(0x30, tlv(0x82, []byte("LOCALHOST"))), "dot behind": tlv(0x30, tlv(0x82, []byte("localhost."))), "wildcard of one label": tlv(0x30, tlv(0x82, []byte("*"))),
		"many": tlv(0x30, bytes.Repeat(tlv(0x82, []byte("a.b")), 120), good), "long": tlv(0x30, good, tlv(0x82, []byte(strings.Repeat("a", 300)))),
	} {
		for _, critical := range []bool{false, true} {
			add(fmt.Sprintf("alternative names %s, critical %t", name, critical), func(b *blueprint) { b.set(subjectAltName, critical, value) })
		}
	}
}

func name_(text string) []byte { return name(12, text) }

// constraints of names, as a CA has them.
func constraints() []mutation {
	var all []mutation
	subtree := func(tag byte, octets string) []byte { return tlv(0x30, tlv(tag, []byte(octets))) }
	for name, value := range map[string][]byte{
		"permitted name": tlv(0x30, tlv(0xa0, subtree(0x82, "localhost"))), "permitted all names": tlv(0x30, tlv(0xa0, subtree(0x82, ""))), "permitted other name": tlv(0x30, tlv(0xa0, subtree(0x82, "a.b"))),
		"permitted names below": tlv(0x30, tlv(0xa0, subtree(0x82, ".localhost"))), "excluded name": tlv(0x30, tlv(0xa1, subtree(0x82, "LOCALHOST"))), "excluded other name": tlv(0x30, tlv(0xa1, subtree(0x82, "a.b"))),
		"excluded below a wildcard": tlv(0x30, tlv(0xa1, subtree(0x82, "x.wild.test"))), "excluded beside a wildcard": tlv(0x30, tlv(0xa1, subtree(0x82, "x.y.wild.test"))),
		"permitted address": tlv(0x30, tlv(0xa0, subtree(0x87, "\x7f\x00\x00\x00\xff\x00\x00\x00"))), "permitted other address": tlv(0x30, tlv(0xa0, subtree(0x87, "\x0a\x00\x00\x00\xff\x00\x00\x00"))),
		"excluded address": tlv(0x30, tlv(0xa1, subtree(0x87, "\x7f\x00\x00\x01\xff\xff\xff\xff"))), "odd mask": tlv(0x30, tlv(0xa0, subtree(0x87, "\x7f\x00\x00\x00\xff\x00\xff\x00"))), "short mask": tlv(0x30, tlv(0xa0, subtree(0x87, "\x7f\x00\x00\x00"))),
		"permitted mail host": tlv(0x30, tlv(0xa0, subtree(0x81, "mail.test"))), "permitted mailbox": tlv(0x30, tlv(0xa0, subtree(0x81, "a@mail.test"))), "permitted other mailbox": tlv(0x30, tlv(0xa0, subtree(0x81, "b@mail.test"))),
		"excluded mailbox": tlv(0x30, tlv(0xa1, subtree(0x81, "a@MAIL.test"))), "malformed mailbox": tlv(0x30, tlv(0xa0, subtree(0x81, "@"))), "permitted URI host": tlv(0x30, tlv(0xa0, subtree(0x86, "uri.test"))), "permitted other URI host": tlv(0x30, tlv(0xa0, subtree(0x86, "b.test"))),
		"excluded URI host": tlv(0x30, tlv(0xa1, subtree(0x86, ".test"))), "URI address": tlv(0x30, tlv(0xa0, subtree(0x86, "1.2.3.4"))), "directory": tlv(0x30, tlv(0xa0, tlv(0x30, tlv(0xa4, name_("a"))))),
		"empty": tlv(0x30), "empty list": tlv(0x30, tlv(0xa0)), "tail": append(tlv(0x30, tlv(0xa0, subtree(0x82, "localhost"))), 5, 0), "tail within": tlv(0x30, tlv(0xa0, subtree(0x82, "localhost")), null),
		"dot behind": tlv(0x30, tlv(0xa1, subtree(0x82, "a."))), "beyond ASCII": tlv(0x30, tlv(0xa1, subtree(0x82, "ä"))), "two dots": tlv(0x30, tlv(0xa1, subtree(0x82, "a..b"))), "base with minimum": tlv(0x30, tlv(0xa0, tlv(0x30, tlv(0x82, []byte("localhost")), tlv(0x80, []byte{0})))),
	} {
		for _, critical := range []bool{false, true} {
			all = append(all, mutation{fmt.Sprintf("constraint %s, critical %t", name, critical), func(b *blueprint) { b.set(nameConstraint, critical, value) }})
		}
	}
	return all
}

// signings are what a CA can sign with, beside its usual algorithm.
func signings(t *testing.T) map[string]signing {
	const (
		md5RSA, sha1RSA, sha224RSA, sha256RSA = "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.14", "1.2.840.113549.1.1.11"
		sha256, sha384, sha512                = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"
	)
	long, short := newRSAKey(t, 2048), newRSAKey(t, 1024)
	all := map[string]signing{
		"Ed25519 identifier": {identifier("1.3.101.112"), newKey(t, elliptic.P256()), crypto.SHA256}, "unknown": {identifier("1.3.6.1.4.1.32473.1"), newKey(t, elliptic.P256()), crypto.SHA256},
		"ECDSA with NULL": {identifier("1.2.840.10045.4.3.2", null), newKey(t, elliptic.P256()), crypto.SHA256}, "ECDSA with SHA-3": {identifier("2.16.840.1.101.3.4.3.10"), newKey(t, elliptic.P256()), crypto.SHA3_256},
		"RSA with the identifier of ECDSA": {ecdsaSHA256, long, crypto.SHA256}, "ECDSA with the identifier of RSA": {identifier(sha256RSA, null), newKey(t, elliptic.P256()), crypto.SHA256},
		"PSS with a salt of 20":  {identifier("1.2.840.113549.1.1.10", pss(sha256, 20)), long, &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256}},
		"PSS without parameters": {identifier("1.2.840.113549.1.1.10"), long, &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA1}}, "PSS with empty parameters": {identifier("1.2.840.113549.1.1.10", tlv(0x30)), long, &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA1}},
		"RSA with SHA-256 without NULL": {identifier(sha256RSA), long, crypto.SHA256}, "RSA with SHA-224": {identifier(sha224RSA, null), long, crypto.SHA224}, "RSA with SHA-1": {identifier(sha1RSA, null), long, crypto.SHA1},
		"RSA with MD5": {identifier(md5RSA, null), long, crypto.MD5}, "RSA with SHA-1 by ISO": {identifier("1.3.14.3.2.29", null), long, crypto.SHA1}, "RSA with SHA3-256": {identifier("2.16.840.1.101.3.4.3.14", null), long, crypto.SHA3_256},
		"RSA 1024": {identifier(sha256RSA, null), short, crypto.SHA256}, "RSA 1024 with SHA-384": {identifier("1.2.840.113549.1.1.12", null), short, crypto.SHA384},
	}
	for size, hash := range map[byte]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512} {
		index := size/16 - 2
		all[fmt.Sprint("RSA with ", hash)] = signing{identifier([]string{sha256RSA, "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"}[index], null), long, hash}
		all[fmt.Sprint("PSS with ", hash)] = signing{identifier("1.2.840.113549.1.1.10", pss([]string{sha256, sha384, sha512}[index], size)), long, &rsa.PSSOptions{SaltLength: int(size), Hash: hash}}
		for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			all[fmt.Sprint(curve.Params().Name, " with ", hash)] = signing{identifier([]string{"1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"}[index]), newKey(t, curve), hash}
		}
	}
	for name, hash := range map[string]crypto.Hash{"1.2.840.10045.4.3.1": crypto.SHA224, "1.2.840.10045.4.1": crypto.SHA1} {
		all[fmt.Sprint("ECDSA with ", hash)] = signing{identifier(name), newKey(t, elliptic.P256()), hash}
	}
	return all
}
