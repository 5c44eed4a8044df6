//! Ephemeral ECDH on P-521, which aws-lc has and rustls does not offer.

use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

use super::agreement::{ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral};
use super::rand::SystemRandom;

/// For clients that stand for one in Go.
pub(super) const SECP521R1: &dyn SupportedKxGroup = &P521;

#[derive(Debug)]
struct P521;

impl SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let own =
            EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new()).map_err(|_| GetRandomFailed)?;
        let shown = own.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Box::new(Exchange { own, shown }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct Exchange {
    own: EphemeralPrivateKey,
    shown: PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let refused = || Error::from(PeerMisbehaved::InvalidKeyShare);
        // aws-lc reads other forms of points, and TLS allows this one only (RFC 8446 section 4.2.8.2).
        if peer.first() != Some(&UNCOMPRESSED) {
            return Err(refused());
        }
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer);
        agree_ephemeral(self.own, peer, refused(), |secret| Ok(SharedSecret::from(secret)))
    }

    fn pub_key(&self) -> &[u8] {
        self.shown.as_ref()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_the_same_secret() {
        let [one, other] = [P521.start(), P521.start()].map(|side| side.expect("randomness"));
        let shown = other.pub_key().to_vec();
        let theirs = other.complete(one.pub_key()).expect("a point");
        assert_eq!(one.complete(&shown).expect("a point").secret_bytes(), theirs.secret_bytes());
        assert_eq!((theirs.secret_bytes().len(), shown.len()), (66, 133));
        for refused in [&[][..], &shown[..132], &[&[2], &shown[1..67]].concat()] {
            P521.start()
                .expect("randomness")
                .complete(refused)
                .map(|_| ())
                .expect_err("no point as TLS has it");
        }
    }
}
