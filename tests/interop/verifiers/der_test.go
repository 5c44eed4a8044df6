package verifiers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

// blueprint is a certificate in pieces of DER, each of which can be replaced by one that no tool would write.
type blueprint struct {
	version    []byte // With its tag; empty for version 1.
	serial     []byte // Contents of the INTEGER.
	signedWith signing
	outer      []byte // AlgorithmIdentifier behind the part that is signed; none for the same as within.
	issuer     []byte
	notBefore  []byte
	notAfter   []byte
	subject    []byte
	key        []byte // SubjectPublicKeyInfo
	extensions []extension
	tail       []byte // Behind the certificate.
}

type extension struct {
	oid      string
	critical bool
	value    []byte
}

// signing is an algorithm, and how it signs.
type signing struct {
	identifier []byte
	key        crypto.Signer
	options    crypto.SignerOpts // None for no signature at all.
}

func (b *blueprint) der(t *testing.T) []byte {
	t.Helper()
	var list []byte
	for _, e := range b.extensions {
		var critical []byte
		if e.critical {
			critical = tlv(1, []byte{0xff})
		}
		list = append(list, tlv(0x30, oid(e.oid), critical, tlv(4, e.value))...)
	}
	var extensions []byte
	if list != nil {
		extensions = tlv(0xa3, tlv(0x30, list))
	}
	tbs := tlv(0x30, b.version, tlv(2, b.serial), b.signedWith.identifier, b.issuer,
		tlv(0x30, b.notBefore, b.notAfter), b.subject, b.key, extensions)
	signature := []byte{1, 2, 3}
	if options := b.signedWith.options; options != nil {
		message := tbs
		if hash := options.HashFunc(); hash != 0 {
			h := hash.New()
			h.Write(tbs)
			message = h.Sum(nil)
		}
		var err error
		if signature, err = b.signedWith.key.Sign(rand.Reader, message, options); err != nil {
			t.Fatal(err)
		}
	}
	outer := b.outer
	if outer == nil {
		outer = b.signedWith.identifier
	}
	return append(tlv(0x30, tbs, outer, tlv(3, []byte{0}, signature)), b.tail...)
}

// set replaces an extension, or adds it.
func (b *blueprint) set(oid string, critical bool, value []byte) {
	for i := range b.extensions {
		if b.extensions[i].oid == oid {
			b.extensions[i] = extension{oid, critical, value}
			return
		}
	}
	b.extensions = append(b.extensions, extension{oid, critical, value})
}

func (b *blueprint) remove(oid string) {
	var kept []extension
	for _, e := range b.extensions {
		if e.oid != oid {
			kept = append(kept, e)
		}
	}
	b.extensions = kept
}

func tlv(tag byte, parts ...[]byte) []byte {
	var contents []byte
	for _, part := range parts {
		contents = append(contents, part...)
	}
	length := []byte{byte(len(contents))}
	if len(contents) > 0x7f {
		octets := big.NewInt(int64(len(contents))).Bytes()
		length = append([]byte{0x80 | byte(len(octets))}, octets...)
	}
	return append(append([]byte{tag}, length...), contents...)
}

func oid(dotted string) []byte {
	var arcs asn1.ObjectIdentifier
	number := 0
	for _, c := range dotted + "." {
		if c == '.' {
			arcs, number = append(arcs, number), 0
		} else {
			number = number*10 + int(c-'0')
		}
	}
	der, err := asn1.Marshal(arcs)
	if err != nil {
		panic(err)
	}
	return der
}

func identifier(algorithm string, parameters ...[]byte) []byte {
	return tlv(0x30, append([][]byte{oid(algorithm)}, parameters...)...)
}

// name has one common name, of a type of string.
func name(tag byte, text string) []byte {
	return tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(tag, []byte(text)))))
}

func utcTime(moment time.Time) []byte {
	return tlv(23, []byte(moment.UTC().Format("060102150405Z")))
}

func generalizedTime(moment time.Time) []byte {
	return tlv(24, []byte(moment.UTC().Format("20060102150405Z")))
}

// pss is RSASSA-PSS-params with one hash, and a salt of this length.
func pss(hash string, salt byte) []byte {
	algorithm := identifier(hash, null)
	return tlv(0x30, tlv(0xa0, algorithm), tlv(0xa1, identifier("1.2.840.113549.1.1.8", algorithm)),
		tlv(0xa2, tlv(2, []byte{salt})))
}

func point(key *ecdsa.PublicKey) []byte {
	octets, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	return octets
}

func ecKey(curve []byte, point []byte) []byte {
	return tlv(0x30, identifier("1.2.840.10045.2.1", curve), tlv(3, []byte{0}, point))
}

func rsaKey(modulus *big.Int, exponent []byte) []byte {
	numbers := tlv(0x30, tlv(2, append([]byte{0}, modulus.Bytes()...)), tlv(2, exponent))
	return tlv(0x30, identifier("1.2.840.113549.1.1.1", null), tlv(3, []byte{0}, numbers))
}

func keyIdentifier(key []byte) []byte {
	hash := sha256.Sum256(key)
	return hash[:20]
}

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSAKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var (
	null = []byte{5, 0}

	p256 = oid("1.2.840.10045.3.1.7")

	ecdsaSHA256 = identifier("1.2.840.10045.4.3.2")
)

const (
	basicConstraints = "2.5.29.19"
	keyUsage         = "2.5.29.15"
	extendedKeyUsage = "2.5.29.37"
	subjectAltName   = "2.5.29.17"
	subjectKey       = "2.5.29.14"
	authorityKey     = "2.5.29.35"
	nameConstraint   = "2.5.29.30"
)
