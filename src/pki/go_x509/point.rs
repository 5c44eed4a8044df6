//! Points on curves (`ecdsa.ParseUncompressedPublicKey`).

use x509_parser::num_bigint::BigUint;

use super::keys::Curve;

/// Is it a point, uncompressed? In Go's words, if it is not.
pub(super) fn check(curve: Curve, data: &[u8]) -> Result<(), String> {
    let Some((4, coordinates)) = data.split_first() else {
        return Err("ecdsa: invalid uncompressed public key".to_owned());
    };
    let known = Constants::of(curve);
    let name = known.name;
    let length = known.prime.bits().div_ceil(8);
    if u64::try_from(coordinates.len()) != Ok(2 * length) {
        return Err(format!("invalid {name} point encoding"));
    }
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    if x >= known.prime || y >= known.prime {
        return Err(match curve {
            Curve::P256 => "invalid P256 element encoding".to_owned(),
            Curve::P224 | Curve::P384 | Curve::P521 => format!("invalid {name}Element encoding"),
        });
    }
    // y^2 = x^3 - 3x + b
    let right = &x * &x * &x + &known.b + (&known.prime - &x) * 3_u8;
    if (&y * &y) % &known.prime == right % &known.prime {
        Ok(())
    } else {
        Err(format!("{name} point not on curve"))
    }
}

/// What defines a curve (FIPS 186-5).
struct Constants {
    name: &'static str,
    prime: BigUint,
    b: BigUint,
}

impl Constants {
    fn of(curve: Curve) -> Self {
        let two = |power: u32| BigUint::from(1_u8) << power;
        let number = |digits: &[u8]| BigUint::parse_bytes(digits, 16).unwrap_or_default();
        let (name, prime, b) = match curve {
            Curve::P224 => (
                "P224",
                two(224) - two(96) + 1_u8,
                number(b"b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4"),
            ),
            Curve::P256 => (
                "P256",
                two(256) - two(224) + two(192) + two(96) - 1_u8,
                number(b"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
            ),
            Curve::P384 => (
                "P384",
                two(384) - two(128) - two(96) + two(32) - 1_u8,
                number(
                    b"b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
                ),
            ),
            Curve::P521 => (
                "P521",
                two(521) - 1_u8,
                number(
                    b"51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
                ),
            ),
        };
        Self { name, prime, b }
    }
}
