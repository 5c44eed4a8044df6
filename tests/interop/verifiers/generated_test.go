package verifiers

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// How many chains are made at random, and from which number: the same defects in every run.
const (
	pairsOfDefects = 1500
	randomChains   = 2500
	seed           = 1012
)

// generated are chains with two defects each, and chains in which everything is drawn.
func (w world) generated(t *testing.T) []candidate {
	t.Helper()
	return append(w.pairs(t), w.random(t)...)
}

func (w world) pairs(t *testing.T) []candidate {
	t.Helper()
	draw := rand.New(rand.NewPCG(seed, 1))
	all := append(mutations(t), constraints()...)
	// They come out of maps.
	slices.SortFunc(all, func(a, b mutation) int { return cmp.Compare(a.name, b.name) })
	key := keyPEM(t, w.leaf)
	var made []candidate
	for len(made) < pairsOfDefects {
		role := w.roles[draw.IntN(4)/3]
		three := w.blueprints(role)
		name := fmt.Sprintf("pair %d, %s", len(made), role)
		for range 2 {
			// Most are of the leaf: what is above is looked at only where nothing is wrong with the leaf.
			place, m := []int{0, 1, 1, 2, 2, 2}[draw.IntN(6)], all[draw.IntN(len(all))]
			m.change(three[place])
			name += fmt.Sprintf(", %s: %s", []string{"root", "intermediate", "leaf"}[place], m.name)
		}
		link(three[:])
		made = append(made, candidate{
			name: name, role: role, generated: true, key: key, ca: certificatePEM(three[0].der(t)), chain: certificatePEM(three[2].der(t), three[1].der(t)),
		})
	}
	return made
}

// link lets each certificate name the one above it, the first one itself.
func link(path []*blueprint) {
	path[0].issuer = path[0].subject
	for i := range path[1:] {
		path[i+1].issuer = path[i].subject
	}
}

// dice are what a chain is drawn with.
type dice struct {
	*rand.Rand
	cas   []signing
	named []string
	leaf  *ecdsa.PrivateKey
}

// One time in so many.
func (d dice) one(in int) bool { return d.IntN(in) == 0 }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

func (w world) random(t *testing.T) []candidate {
	t.Helper()
	d := dice{Rand: rand.New(rand.NewPCG(seed, 2)), leaf: w.leaf}
	known := signings(t)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		d.cas = append(d.cas, known[name])
	}
	_, edwards, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.cas = append(d.cas, signing{identifier("1.3.101.112"), edwards, crypto.Hash(0)})
	for range 12 {
		d.cas = append(d.cas, usual(newKey(t, elliptic.P256())))
	}
	key := keyPEM(t, w.leaf)
	var made []candidate
	for len(made) < randomChains {
		c := d.chain(t)
		c.name, c.key = fmt.Sprintf("random %d, %s %s", len(made), c.role, c.host), key
		made = append(made, c)
	}
	return made
}

// chain is a path of two to five certificates, and what stands around it in the two files.
func (d dice) chain(t *testing.T) candidate {
	t.Helper()
	c := candidate{generated: true, role: pick(d, "server", "server", "server", "client"), host: pick(d, "localhost", "localhost", "127.0.0.1", "::1", "a.b", "x.wild.test")}
	above := pick(d, 1, 2, 2, 3, 4)
	var path []*blueprint
	var signers []signing
	for i := range above + 1 {
		own := d.cas[d.IntN(len(d.cas))]
		if d.one(2) {
			own = d.cas[len(d.cas)-1-d.IntN(12)]
		}
		signers = append(signers, own)
		by := own
		if i > 0 {
			by = signers[i-1]
		}
		b := d.certificate(t, i, own, by)
		if i == above {
			d.makeLeaf(b, c.role)
		} else {
			d.makeCA(b, above-1-i)
		}
		d.spoil(b)
		path = append(path, b)
	}
	if !d.one(12) {
		link(path)
	}
	var anchors, sent [][]byte
	for i, b := range path {
		der := b.der(t)
		switch {
		case i == 0:
			anchors = append(anchors, der)
			if d.one(10) {
				sent = append(sent, der)
			}
		case i < above:
			if !d.one(20) {
				sent = append(sent, der)
			}
			if d.one(12) {
				anchors = append(anchors, der)
			}
		default:
			if d.one(60) {
				anchors = append(anchors, der)
			}
			d.crowd(t, path[:i], signers, &sent, &anchors)
			d.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
			d.Shuffle(len(anchors), func(i, j int) { anchors[i], anchors[j] = anchors[j], anchors[i] })
			sent = slices.Insert(sent, 0, der)
		}
	}
	c.ca, c.chain = certificatePEM(anchors...), certificatePEM(sent...)
	return c
}

// crowd adds namesakes, and CAs with a second certificate.
func (d dice) crowd(t *testing.T, cas []*blueprint, signers []signing, sent, anchors *[][]byte) {
	t.Helper()
	for d.one(5) {
		i := d.IntN(len(cas))
		other := *cas[i]
		other.extensions = slices.Clone(other.extensions)
		switch d.IntN(4) {
		case 0: // Another key under this name.
			other.key = publicKey(newKey(t, elliptic.P256()))
		case 1: // Signed by itself.
			other.issuer, other.signedWith = other.subject, signers[i]
		case 2: // The same with another life.
			d.setDates(&other)
		default:
			d.spoil(&other)
		}
		other.serial = []byte{1, byte(d.IntN(256))}
		if d.one(2) {
			*sent = append(*sent, other.der(t))
		} else {
			*anchors = append(*anchors, other.der(t))
		}
	}
}

func (d dice) certificate(t *testing.T, i int, own, by signing) *blueprint {
	t.Helper()
	now := time.Now()
	return &blueprint{
		version: tlv(0xa0, tlv(2, []byte{2})), serial: []byte{byte(i + 1)}, signedWith: by,
		issuer: name(12, "issuer"), subject: name(12, fmt.Sprintf("ca %d", i)), notBefore: utcTime(now.Add(-time.Hour)), notAfter: utcTime(now.Add(40 * 24 * time.Hour)),
		key: subjectPublicKey(t, own.key),
		extensions: []extension{
			{subjectKey, false, tlv(4, keyIdentifier(subjectPublicKey(t, own.key)))},
			{authorityKey, false, tlv(0x30, tlv(0x80, keyIdentifier(subjectPublicKey(t, by.key))))},
		},
	}
}

func (d dice) makeCA(b *blueprint, below int) {
	constraint := tlv(1, []byte{0xff})
	if d.one(4) {
		constraint = append(constraint, tlv(2, []byte{byte(max(0, below-d.IntN(2)))})...)
	}
	b.set(basicConstraints, true, tlv(0x30, constraint))
	b.set(keyUsage, true, tlv(3, []byte{1, 6}))
	if d.one(6) {
		b.set(extendedKeyUsage, false, d.usages())
	}
	if d.one(4) {
		b.set(nameConstraint, d.one(2), d.nameConstraints())
	}
	if d.one(12) {
		b.set(subjectAltName, false, d.names())
	}
	if d.one(10) {
		b.subject = d.distinguishedName()
	}
	d.policies(b)
}

func (d dice) makeLeaf(b *blueprint, role string) {
	b.subject, b.key = name(12, pick(d, "leaf", "localhost", "a.b")), publicKey(d.leaf)
	b.set(keyUsage, true, tlv(3, []byte{7, 0x80}))
	purpose := map[string]string{"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2"}[role]
	b.set(extendedKeyUsage, false, tlv(0x30, oid(purpose)))
	if d.one(8) {
		b.set(extendedKeyUsage, d.one(2), d.usages())
	}
	good := slices.Concat(tlv(0x82, []byte("localhost")), tlv(0x82, []byte("a.b")), tlv(0x82, []byte("*.wild.test")), tlv(0x82, []byte("a_b")),
		tlv(0x87, []byte{127, 0, 0, 1}), tlv(0x87, append(make([]byte, 15), 1)))
	switch d.IntN(8) {
	case 0:
		b.set(subjectAltName, d.one(3), d.names())
	case 1:
		b.set(subjectAltName, d.one(3), tlv(0x30, good, d.generalName(0), d.generalName(0)))
	case 2:
		if d.one(3) {
			b.remove(subjectAltName)
			break
		}
		fallthrough
	default:
		b.set(subjectAltName, false, tlv(0x30, good))
	}
	d.policies(b)
}

// spoil changes few certificates, and each in one or two places.
func (d dice) spoil(b *blueprint) {
	for d.one(6) {
		switch d.IntN(10) {
		case 0:
			d.setDates(b)
		case 1:
			b.serial = d.bytes(d.IntN(24))
		case 2:
			b.set(keyUsage, d.one(2), tlv(3, append([]byte{byte(d.IntN(8))}, d.bytes(d.IntN(3))...)))
		case 3:
			b.set(basicConstraints, d.one(2), pick(d, tlv(0x30), tlv(0x30, tlv(2, d.bytes(1))), tlv(0x30, tlv(1, []byte{0xff}), tlv(2, d.bytes(1+d.IntN(2))))))
		case 4:
			b.set(pick(d, "1.3.6.1.4.1.32473.1", "2.5.29.9", "2.5.29.31", "1.3.6.1.5.5.7.1.1"), d.one(2), pick(d, null, tlv(0x30), d.bytes(4)))
		case 5:
			b.remove(b.extensions[d.IntN(len(b.extensions))].oid)
		case 6:
			b.set(subjectKey, false, tlv(4, d.bytes(d.IntN(3))))
		case 7:
			b.subject = d.distinguishedName()
		default:
			d.tear(b)
		}
		if len(b.extensions) == 0 {
			return
		}
	}
}

// tear changes octets of one part, before it is signed.
func (d dice) tear(b *blueprint) {
	parts := []*[]byte{&b.subject, &b.key, &b.notAfter, &b.version}
	for i := range b.extensions {
		parts = append(parts, &b.extensions[i].value, &b.extensions[i].value)
	}
	part := parts[d.IntN(len(parts))]
	torn := slices.Clone(*part)
	if len(torn) == 0 {
		return
	}
	switch at := d.IntN(len(torn)); d.IntN(5) {
	case 0:
		torn = slices.Delete(torn, at, at+1)
	case 1:
		torn = slices.Insert(torn, at, byte(d.IntN(256)))
	case 2:
		torn = torn[:at]
	case 3:
		torn[at] ^= 1 << d.IntN(8)
	default:
		torn[at] = byte(d.IntN(256))
	}
	*part = torn
}

func (d dice) setDates(b *blueprint) {
	now := time.Now()
	form := pick(d, utcTime, utcTime, generalizedTime)
	b.notBefore = form(now.Add(time.Duration(d.IntN(200)-150) * time.Hour))
	b.notAfter = form(now.Add(time.Duration(d.IntN(400)-80) * time.Hour).Add(30 * time.Minute))
}

func (d dice) bytes(count int) []byte {
	made := make([]byte, count)
	for i := range made {
		made[i] = pick(d, 0, 1, 0x7f, 0x80, 0xff, byte(d.IntN(256)))
	}
	return made
}

func (d dice) usages() []byte {
	var list []byte
	for range d.IntN(3) {
		list = append(list, oid(pick(d, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0", "1.3.6.1.5.5.7.3.4", "1.3.6.1.4.1.32473.1"))...)
	}
	return tlv(0x30, list)
}

func (d dice) distinguishedName() []byte {
	var sets []byte
	for range d.IntN(4) {
		kind := oid(pick(d, "2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.5", "0.9.2342.19200300.100.1.25"))
		text := pick(d, "a", "b c", "", "A\"B", "a\\b", "t\tn\n", "\x00\x01", "a@b", "ü", "\u202eb", "\u00a0", "\xff", "1", "*.a")
		attribute := tlv(0x30, kind, tlv(pick[byte](d, 12, 12, 12, 19, 22, 20, 30, 18, 26), []byte(text)))
		if d.one(5) {
			attribute = append(attribute, attribute...)
		}
		sets = append(sets, tlv(0x31, attribute)...)
	}
	return tlv(0x30, sets)
}

// domain is one that people write, and sometimes one that nobody should.
func (d dice) domain() string {
	whole := pick(d, "localhost", "a.b", "x.a.b", "wild.test", "x.wild.test", "LocalHost", "A.B", "a_b", "x-a.b", "b")
	switch d.IntN(12) {
	case 0:
		return "." + whole
	case 1:
		return "*." + whole
	case 2:
		return pick(d, "", ".", "..", "*", "a..b", "a b", "-a", "127.0.0.1", "::1", "[::1]", "a.b.", "x.*.b", "a:1", "a\"b", "a\\b", "a\tb", "\x7f", "a\x00", "ä", "%41", "xn--a")
	default:
		return whole
	}
}

func (d dice) mailbox() string {
	return pick(d, "me", "ME", "a.b", "\"a b\"", "\"a\\\"b\"", "a\\b", "", "a..b", ".a", "\"\"", "a+b", "\"a\tb\"", "ü") + pick(d, "@", "@", "@", "") + d.domain()
}

func (d dice) uri() string {
	return pick(d, "spiffe", "https", "http", "urn", "", "1a", "a-b", "HTTPS") + pick(d, "://", "://", "://", ":", "", "//") + pick(d, "", "", "", "me@", "me:secret@", "a%40@", "[") +
		d.domain() + pick(d, "", "", ":", ":80", ":x", ":80:90", "%41", "]") + pick(d, "", "/", "/a", "/%zz", "/a b", "?q=%", "#f%", "/\x7f", "/\"", "/a?b#c")
}

// generalName is of any kind: with 0x80 and above as in a certificate.
func (d dice) generalName(constraint int) []byte {
	switch pick(d, 2, 2, 2, 1, 6, 7, 7, 4, 8, 0) {
	case 1:
		if constraint > 0 && d.one(2) {
			return tlv(0x81, []byte(d.domain()))
		}
		return tlv(0x81, []byte(d.mailbox()))
	case 2:
		return tlv(0x82, []byte(d.domain()))
	case 4:
		return pick(d, tlv(0xa4, name(12, "a")), tlv(0x82, []byte("localhost")))
	case 6:
		if constraint > 0 {
			return tlv(0x86, []byte(d.domain()))
		}
		return tlv(0x86, []byte(d.uri()))
	case 7:
		return tlv(0x87, d.address(constraint))
	case 8:
		return pick(d, tlv(0x88, []byte{42, 3}), tlv(0x82, []byte("a.b")), tlv(0x02, []byte("a.b")), tlv(0xa2, []byte("a.b")))
	default:
		return tlv(0x82, []byte(pick(d, "localhost", "a.b", "x.a.b")))
	}
}

func (d dice) address(constraint int) []byte {
	four := pick(d, []byte{127, 0, 0, 1}, []byte{127, 0, 0, 0}, []byte{10, 1, 2, 3}, []byte{0, 0, 0, 0})
	sixteen := pick(d, append(make([]byte, 15), 1), slices.Concat(make([]byte, 10), []byte{0xff, 0xff}, four), slices.Concat([]byte{0xfe, 0x80}, make([]byte, 14)), make([]byte, 16))
	address := pick(d, four, four, sixteen)
	if d.one(20) {
		address = address[1:]
	}
	if constraint == 0 {
		return address
	}
	mask := make([]byte, len(address))
	for i := range d.IntN(8*len(mask) + 1) {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	if d.one(12) {
		mask = d.bytes(len(mask))
	}
	return slices.Concat(address, mask)
}

func (d dice) names() []byte {
	var list []byte
	for range 1 + d.IntN(5) {
		list = append(list, d.generalName(0)...)
	}
	return tlv(0x30, list)
}

func (d dice) nameConstraints() []byte {
	list := func(tag byte) []byte {
		var trees []byte
		for range d.IntN(4) {
			trees = append(trees, tlv(0x30, d.generalName(1))...)
		}
		if len(trees) == 0 && !d.one(8) {
			return nil
		}
		return tlv(tag, trees)
	}
	permitted := list(0xa0)
	// Few names pass a list that is drawn. This one lets most pass.
	if d.one(2) {
		all := slices.Concat(tlv(0x30, tlv(0x82)), tlv(0x30, tlv(0x87, make([]byte, 8))), tlv(0x30, tlv(0x87, make([]byte, 32))))
		permitted = tlv(0xa0, all)
	}
	return tlv(0x30, permitted, list(0xa1))
}

func (d dice) policies(b *blueprint) {
	if !d.one(4) {
		return
	}
	policy := func() []byte { return oid(pick(d, "2.5.29.32.0", "1.2.3.1", "1.2.3.1", "1.2.3.2", "1.2.3.3")) }
	if !d.one(4) {
		var list []byte
		for range 1 + d.IntN(3) {
			list = append(list, tlv(0x30, policy())...)
		}
		b.set("2.5.29.32", d.one(3), tlv(0x30, list))
	}
	if d.one(3) {
		b.set("2.5.29.36", d.one(2), tlv(0x30, pick(d, tlv(0x80, []byte{byte(d.IntN(4))}), tlv(0x81, []byte{byte(d.IntN(3))}), tlv(0x80, []byte{0}))))
	}
	if d.one(4) {
		b.set("2.5.29.33", d.one(2), tlv(0x30, tlv(0x30, policy(), policy())))
	}
	if d.one(6) {
		b.set("2.5.29.54", d.one(2), tlv(2, []byte{byte(d.IntN(3))}))
	}
}
