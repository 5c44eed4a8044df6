package proxies

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strconv"
	"strings"
)

// subject is a distinguished name as a certificate can have it, beyond what Go's `pkix.Name` writes.
type subject struct {
	name string
	// parts are in the order of the encoding. A part has several attributes if they belong together (`CN=a+UID=b`).
	parts [][]attribute
	// refused is whether Envoy rejects the certificate, since a value is malformed.
	refused bool
}

type attribute struct {
	id string
	// tag is that of the string type.
	tag   int
	value string
}

var subjects = append([]subject{
	{name: "nothing"},
	{name: "several parts", parts: each(printable("6", "DE"), utf8("10", "Example Ltd"), utf8("11", "Ops"), utf8("3", "gateway"))},
	{name: "the same part twice", parts: each(utf8("11", "a"), utf8("11", "b"), utf8("3", "x"), utf8("3", "y"))},
	{name: "comma", parts: each(utf8("10", "Example, Inc."), utf8("3", "a,b"))},
	{name: "quote", parts: each(utf8("3", `a "b" c`))},
	{name: "backslash", parts: each(utf8("3", `a\b\\c\`))},
	{name: "umlaut", parts: each(utf8("10", "Söhne & Töchter"), utf8("3", "Ü"))},
	{name: "emoji and Chinese", parts: each(utf8("3", "网关 🚪"))},
	{name: "plus, angles, semicolon, equals", parts: each(utf8("3", "a+b<c>d;e=f"))},
	{name: "number signs", parts: each(utf8("10", "#a#b"), utf8("3", "#"))},
	{name: "spaces", parts: each(utf8("10", "  a  b  "), utf8("11", " "), utf8("3", " a"))},
	{name: "a value without text", parts: each(utf8("10", ""), utf8("3", "a"))},
	{name: "control characters", parts: each(utf8("3", "a\x00b\tc\rd\ne\x1bf\x7fg"))},
	{name: "what turns text around", parts: each(utf8("3", "a\u202eb\u200bc\u0085d\u00a0e"))},
	{name: "another key of the header", parts: each(utf8("3", `a";URI=urn:b;DNS="c`))},
	{name: "a part of two attributes", parts: [][]attribute{{utf8("3", "a"), utf8("11", "b")}, {utf8("10", "c")}}},
	{name: "domain components", parts: each(ia5(domainComponent, "test"), ia5(domainComponent, "example"), utf8("3", "a"))},
	{name: "an e-mail address", parts: each(utf8("3", "a"), ia5("1.2.840.113549.1.9.1", "a@example.test"))},
	{name: "a URI as its name", parts: each(utf8("3", "spiffe://example.test/a?b=c&d"))},
	{name: "a long name", parts: each(utf8("3", strings.Repeat("0123456789", 30)))},
	{name: "all types of attributes", parts: allTypes()},
}, typedSubjects()...)

const domainComponent = "0.9.2342.19200300.100.1.25"

// each attribute is a part of its own.
func each(attributes ...attribute) [][]attribute {
	var parts [][]attribute
	for _, a := range attributes {
		parts = append(parts, []attribute{a})
	}
	return parts
}

// typedSubjects have a value of each type that ASN.1 has, once of an attribute with a name and once of another one.
func typedSubjects() []subject {
	var all []subject
	for _, row := range []struct {
		name    string
		tag     int
		value   string
		refused bool
	}{
		{"a boolean", asn1.TagBoolean, "\xff", false},
		{"an integer", asn1.TagInteger, "\x05", false},
		{"bits", asn1.TagBitString, "\x00ab", false},
		{"octets", asn1.TagOctetString, "ab", false},
		{"null", asn1.TagNull, "", false},
		{"an object identifier", asn1.TagOID, "\x2a\x03", false},
		{"an enumeration", asn1.TagEnum, "\x01", false},
		{"a NumericString", asn1.TagNumericString, "12 34", false},
		{"a NumericString with a letter", asn1.TagNumericString, "12-a", false},
		{"a PrintableString with other characters", asn1.TagPrintableString, "a@_\xf6", false},
		{"Latin-1", asn1.TagT61String, "S\xf6hne \x80\xa0\xff", false},
		{"a VideotexString", 21, "ab", false},
		{"an IA5String with a byte above 127", asn1.TagIA5String, "a\xf6", false},
		{"a short time", asn1.TagUTCTime, "260101000000Z", false},
		{"a time", asn1.TagGeneralizedTime, "20260101000000Z", false},
		{"a GraphicString", 25, "ab", false},
		{"a VisibleString", 26, "a,b ~\xf6", false},
		{"a GeneralString", asn1.TagGeneralString, "ab", false},
		{"32 bits for each character", 28, "\x00\x00\x00\xf6\x00\x01\xf6\xaa", false},
		{"32 bits beyond Unicode", 28, "\x00\x11\x00\x00", true},
		{"16 bits for each character", asn1.TagBMPString, "\x00S\x00\xf6\x7f\x51\x51\x73", false},
		{"16 bits, a surrogate pair", asn1.TagBMPString, "\xd8\x3d\xde\xaa", true},
		{"16 bits, half a character", asn1.TagBMPString, "\x00a\x00", true},
		{"malformed UTF-8", asn1.TagUTF8String, "a\xff", true},
		{"a non-character", asn1.TagUTF8String, "\uffff", true},
	} {
		parts := each(attribute{"2.5.4.45", row.tag, row.value}, attribute{"1.2.3.4", row.tag, row.value})
		all = append(all, subject{row.name, parts, row.refused})
	}
	return all
}

// allTypes are the attributes of X.520, of the COSINE schema, of PKCS #9, of RFC 3739 and of the CA/Browser Forum.
func allTypes() [][]attribute {
	var all []attribute
	for _, arc := range []struct {
		id          string
		first, last int
	}{
		{"2.5.4", 0, 130}, {"0.9.2342.19200300.100.1", 1, 60}, {"1.2.840.113549.1.9", 1, 30},
		{"1.3.6.1.5.5.7.9", 1, 10}, {"1.3.6.1.4.1.311.60.2.1", 1, 3},
	} {
		for number := arc.first; number <= arc.last; number++ {
			all = append(all, attribute{arc.id + "." + strconv.Itoa(number), asn1.TagUTF8String, "a"})
		}
	}
	return each(all...)
}

// utf8 is an attribute of the arc 2.5.4.
func utf8(number, value string) attribute {
	return attribute{"2.5.4." + number, asn1.TagUTF8String, value}
}

func printable(number, value string) attribute {
	return attribute{"2.5.4." + number, asn1.TagPrintableString, value}
}

func ia5(id, value string) attribute { return attribute{id, asn1.TagIA5String, value} }

// of makes this the subject of a certificate.
func (s subject) of(template *x509.Certificate) {
	sequence := pkix.RDNSequence{}
	for _, attributes := range s.parts {
		var part pkix.RelativeDistinguishedNameSET
		for _, a := range attributes {
			value := asn1.RawValue{Tag: a.tag, Bytes: []byte(a.value)}
			part = append(part, pkix.AttributeTypeAndValue{Type: objectIdentifier(a.id), Value: value})
		}
		sequence = append(sequence, part)
	}
	template.RawSubject = marshal(sequence)
}

func objectIdentifier(text string) asn1.ObjectIdentifier {
	var id asn1.ObjectIdentifier
	for _, part := range strings.Split(text, ".") {
		number, err := strconv.Atoi(part)
		if err != nil {
			panic(err)
		}
		id = append(id, number)
	}
	return id
}

// withNames writes the names of a certificate in this order and with these bytes, whatever Go thinks of them: `dns:NAME`,
// `uri:URI`, `email:MAILBOX`, `ip:` and the address's octets.
func withNames(names ...string) func(*x509.Certificate) {
	return func(template *x509.Certificate) {
		var list []asn1.RawValue
		for _, name := range names {
			kind, value, _ := strings.Cut(name, ":")
			tag := map[string]int{"email": 1, "dns": 2, "uri": 6, "ip": 7}[kind]
			list = append(list, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(value)})
		}
		template.ExtraExtensions = []pkix.Extension{{Id: objectIdentifier("2.5.29.17"), Value: marshal(list)}}
	}
}

func marshal(value any) []byte {
	octets, err := asn1.Marshal(value)
	if err != nil {
		panic(err)
	}
	return octets
}
