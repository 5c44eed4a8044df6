//! Findings about certificates, keys and the files that hold them.

macro_rules! certs {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            CertsAlwaysDue = "certs.always-due", Warning,
                "`--within` asks for at least the whole lifetime of the certificate, so a new one is due as soon as it is issued: every run of `certs renew` makes a new key, and both sides have to load it each time",
                "use a shorter time or a fraction (`egext certs renew --within 33%`), or a longer lifetime: `egext certs renew --name NAME --lifetime SPAN`";
            CertsCaCannotSign = "certs.ca-cannot-sign", Error,
                "the CA's certificate has a key usage without keyCertSign: Go and OpenSSL trust nothing that it signed; webpki ignores it",
                "have the CA's certificate issued again with keyCertSign, or use the one that `egext certs init` makes";
            CertsCaKeyKept = "certs.ca-key-kept", Warning,
                "a CA that `egext` did not make no longer signs here, and its key was in the set. The key cannot be made again, so it was kept in a separate directory in `.egext`; anyone who can read it can issue certificates of that CA",
                "copy it to where it belongs; then `egext certs rotate-ca finish --discard-ca-key` removes it from the directory of the set";
            CertsCaKeyLeft = "certs.ca-key-left", Warning,
                "the directory has no `ca.key`, but the set in its `.egext` still has the CA's key: the link was removed, and the next command that writes makes it again; anyone who can read the key can impersonate either side",
                "if the key was moved away, remove it here too: `rm certs/.egext/set-*/ca.key`; otherwise make the link again: `ln -s .egext/current/ca.key certs/ca.key`";
            CertsCaNamesake = "certs.ca-namesake", Warning,
                "`ca.crt` has two CAs of the same name, and their subjectKeyIdentifiers are missing or the same: OpenSSL, Node.js and Python confuse them and reject what the second one issued (`certificate signature failure`); Go and rustls try both",
                "change to a CA of another name or with a subjectKeyIdentifier; otherwise restart both sides at the same time after `rotate-ca activate`";
            CertsCaNotRoot = "certs.ca-not-root", Warning,
                "the CA file holds an intermediate CA, and no valid self-signed root above it: Go and rustls trust any CA in the file; OpenSSL, Node.js and Python before 3.13 reject what it issued, unless partial chains are switched on (`unable to get issuer certificate`)",
                "append the certificates of the CAs above it, up to the root";
            CertsCaNotStrict = "certs.ca-not-strict", Warning,
                "a CA certificate lacks what RFC 5280 requires of one: version 3, a key usage, key identifiers, a subject or critical basicConstraints; Go, rustls and OpenSSL accept it by default, but OpenSSL's strict mode, which Python 3.13 switches on, rejects what it signs",
                "have the CA's certificate issued again with critical basicConstraints, keyUsage (keyCertSign, cRLSign), subjectKeyIdentifier, authorityKeyIdentifier below a root, and a subject, or make a CA with `egext certs init`";
            CertsChainBroken = "certs.chain-broken", Error,
                "the CA certificate in the set did not sign this certificate, or not for this side: files of two sets were mixed",
                "copy the set again as a whole, or issue the certificate anew: `egext certs issue ROLE --out NAME --san NAME --replace`";
            CertsChainOrder = "certs.chain-order", Error,
                "the certificate file does not begin with the leaf certificate, but TLS stacks use the first one (RFC 8446 section 4.4.2); it is a warning if only the others are wrong, such as a certificate that is there twice, one that issued no other, or issuers in another order: verifiers search for a path themselves, but TLS 1.2 requires the order",
                "put the leaf certificate first and each issuer after the certificate that it issued, once; the root can be left out";
            CertsCrlExpired = "certs.crl-expired", Error,
                "the next update of a certificate revocation list was due and is not there: every certificate of its CA is rejected, since it may have been revoked meanwhile; it is a warning in the last third of the list's time",
                "fetch the new list from the CA and replace the file; the bridge takes it into use by itself";
            CertsCrlMissing = "certs.crl-missing", Warning,
                "revocation lists are given, and none of them is of this CA: peers with its certificates are rejected, because it is not known whether they were revoked",
                "add the CA's list with another `--crl`; a CA that has revoked nothing can issue an empty one: `openssl ca -gencrl`";
            CertsDiffers = "certs.differs", Warning,
                "a set exists already and is not what the flags ask for; it was left as it is",
                "leave the flags out, or change the set: `egext certs renew --name NAME` with `--add-san`, `--remove-san`, `--lifetime` or `--key-type` for one certificate, `egext certs rotate-ca prepare` for the CA; make a set of another CA in another directory (`--dir`)";
            CertsEd25519 = "certs.ed25519", Warning,
                "the keys are Ed25519: Envoy, Python's `cryptography` and older Java reject such certificates",
                "use `--key-type p256` unless both sides are known to accept Ed25519";
            CertsExpired = "certs.expired", Error,
                "the certificate has expired, so every peer rejects it; it is a note if no certificate that was checked needs it, such as an old CA in `ca.crt` next to the new one",
                "`egext certs renew` makes a new server or client certificate from the same CA; if the CA has expired, `egext certs rotate-ca prepare` and `activate` replace it and keep all names; install the new files on both sides, and restart programs that do not reload them (the bridge does); if the date looks wrong, set this machine's clock";
            CertsExpiring = "certs.expiring", Warning,
                "the certificate expires within the time of `--within`; without it, within the last third of its lifetime and within 30 days; it is a note, and nothing is due, if no certificate that was checked needs it",
                "`egext certs renew` makes a new server or client certificate from the same CA, `egext certs rotate-ca prepare` begins to replace the CA without a failed call";
            CertsGatewayRefuses = "certs.gateway-refuses", Error,
                "the verifier of Go, with the options that Envoy Gateway uses, rejects the certificate for the reason in the evidence; Envoy Gateway itself then waits without a limit and logs nothing",
                "read the reason; certificates that `egext certs init` makes pass every verifier";
            CertsHalfRemoved = "certs.half-removed", Warning,
                "the file of a certificate of `certs issue` was deleted from the directory, where it is only a link, but the certificate is still in the set in `.egext`; until you choose one of the two remedies, no command renews it or makes the link again",
                "`egext certs remove NAME` removes the certificate from the set; `ln -s .egext/current/NAME.crt certs/NAME.crt` makes the link again";
            CertsIpAsDns = "certs.ip-as-dns", Error,
                "the certificate has an IP address as a DNS name, where no verifier looks for addresses; it is a warning if the certificate has other names",
                "replace it by an IP address: `egext certs renew --name server --add-san 10.0.0.7 --remove-san 10.0.0.7` adds the address and removes the DNS name";
            CertsIsCa = "certs.is-ca", Error,
                "a CA's certificate is used as the certificate of a server or client, because plain `openssl req -x509` made it or `ca.crt` was copied over it; Go accepts that, rustls and others reject it",
                "issue a leaf certificate from the CA, and keep the two in separate files";
            CertsIssuerMisfit = "certs.issuer-misfit", Warning,
                "the authority key identifier of a certificate does not match the issuer in the file, for example because the issuer was renewed: Go and rustls ignore it; OpenSSL, Node.js and Python reject the certificate (`unable to get local issuer certificate`)",
                "add the certificate of the issuer that it names to the file, next to the new one, or have it issued again by the present issuer";
            CertsKeyEncrypted = "certs.key-encrypted", Error,
                "the key of a server or client certificate is encrypted: no server, gateway or bridge asks for a passphrase, so none of them starts with it; for a CA's key: it is encrypted in the old OpenSSL format, which `renew` and `issue` do not read",
                "decrypt it into a file of mode 0600: `(umask 077; openssl pkey -in KEY -out KEY.plain)`; only the CA's key may stay encrypted, as PKCS#8: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out KEY.new`";
            CertsKeyExposed = "certs.key-exposed", Error,
                "other users than the key's owner may read it: a key must have mode 0600, or at most 0640 if it belongs to root (PostgreSQL's rule); in a Secret that the kubelet has mounted this is information, because there is no other user in the container",
                "`chmod 600` the key, and make a new one if another user may have read it; in a pod set `defaultMode: 0400`; if a group is trusted, `--allow-key-mode 0640`";
            CertsKeyInCertificateFile = "certs.key-in-certificate-file", Error,
                "a certificate file also holds a private key: such files are readable for everyone and are copied to other machines, together with the key",
                "keep the key in a `.key` file of mode 0600 and certificates in the `.crt` file; replace the key if the file has left the machine";
            CertsKeyInUse = "certs.key-in-use", Warning,
                "a certificate was issued for a key that another certificate of the set has: the holder of one can use both, and a renewal of one does not change the key of the other",
                "if both are for the same machine, replace the other one instead (`egext certs issue ROLE --csr FILE --out NAME --replace`); otherwise ask the requester for a CSR with a new key";
            CertsKeyMismatch = "certs.key-mismatch", Error,
                "certificate and key are both valid but do not belong together, or the key's certificate is not the first in its file: usually only one file of a renewal was copied",
                "copy certificate and key together; `egext certs show DIR` says which key belongs to which certificate";
            CertsKeyMissing = "certs.key-missing", Warning,
                "a certificate has no key; it is an error if the missing key is `server.key` or `client.key` and the CA's key is stored next to it",
                "copy certificate and key together, or remove the certificate if this side does not need it";
            CertsKeyUsage = "certs.key-usage", Warning,
                "the key usage of a server or client certificate lacks digitalSignature: Go and rustls ignore it; without any usage for TLS, OpenSSL, Python and Node.js reject the certificate (`unsuitable certificate purpose`), and BoringSSL and GnuTLS require digitalSignature in TLS 1.3",
                "issue the certificate again with digitalSignature, as `egext certs issue ROLE --out NAME --san NAME --replace` does, or without a key usage";
            CertsLeafAsCa = "certs.leaf-as-ca", Error,
                "the CA file has a leaf certificate: `tls.crt` was used as `ca.crt`, which is easy to confuse in a Secret of cert-manager; as a CA, its key could sign for anyone, so probe and bridge refuse the file, and Go accepts only that leaf certificate, until it is renewed; it is a warning for a self-signed leaf certificate, which is trusted as itself",
                "put the certificate of the CA that issued it into the file";
            CertsLifetimeCut = "certs.lifetime-cut", Warning,
                "the CA, or one above it, expires before the requested lifetime ends; a certificate cannot outlive its CA, so it expires with it",
                "replace the CA first (`egext certs rotate-ca prepare`), or ask for a shorter lifetime with `--lifetime`";
            CertsNameInUse = "certs.name-in-use", Warning,
                "a certificate was issued for names that the requester chose in the CSR, and another certificate of the set has them too: its holder can impersonate the holder of the other one",
                "if the requester is not a replica of that server or client, do not hand the certificate out; issue it again with the names that you choose: `egext certs issue ROLE --csr FILE --san NAME`";
            CertsNamesMissing = "certs.names-missing", Error,
                "the server's certificate lacks names that `--for-name` asks for, or one of an existing set lacks names that `--san`, `--client-san` or `--spiffe-id` ask for; it was left as it is",
                "add them (`egext certs renew --name server --add-san NAME,NAME`), give the server or client its new files, and restart it if it does not reload them (the bridge does)";
            CertsNoSan = "certs.no-san", Error,
                "the server's certificate has no subjectAltName that is a host name or an IP address; a name with a port, a scheme or a dot at its end does not count; modern TLS stacks ignore the common name (RFC 9525)",
                "issue it again with the name as subjectAltName: `egext certs issue server --out server --san NAME --replace`";
            CertsNotKept = "certs.not-kept", Warning,
                "another program made the certificate with extensions that `egext` does not write, such as CRL distribution points or certificate policies; the certificate that replaces it does not have them",
                "if a peer relies on it, let the program that issued the certificate renew it; `egext certs renew --dry-run` says in advance what is lost, and the old files are in `.egext/previous`";
            CertsNotRevoked = "certs.not-revoked", Info,
                "a certificate was removed from the set before it expired: peers do not know that, so they accept it until it expires, or until they no longer trust its CA",
                "if its key may be stolen, replace the CA: `egext certs rotate-ca prepare`, then `activate` and `finish`; otherwise delete the key where it is used";
            CertsNotStrict = "certs.not-strict", Warning,
                "a server or client certificate lacks what RFC 5280 requires below a CA: an authority key identifier, or a critical subjectAltName if the subject is empty; Go, rustls and OpenSSL accept it by default, but OpenSSL's strict mode, which Python 3.13 switches on, rejects it",
                "issue it again, as `egext certs renew --force` does, or have it issued with authorityKeyIdentifier";
            CertsNotYetValid = "certs.not-yet-valid", Error,
                "the certificate is not valid yet: this machine's clock is behind, or the clock of the machine that made it was ahead; it is a note if no certificate that was checked needs it",
                "set both clocks (`timedatectl`), then wait, or renew once the clock is right: `egext certs renew --force`";
            CertsOutlivesCa = "certs.outlives-ca", Warning,
                "the certificate is valid for longer than its CA; when the CA expires, every verifier rejects it",
                "treat the CA's expiry as that of the certificate, or replace the CA before it expires";
            CertsPresentedDiffers = "certs.presented-differs", Warning,
                "the server presents another certificate than the one on disk: it was not restarted or does not reload, or it reads other files",
                "restart the server, or compare the paths in its configuration";
            CertsRefused = "certs.refused", Error,
                "webpki, the verifier of rustls, rejects the certificate for a reason that has no finding of its own",
                "read the reason in the message; `egext certs init` makes certificates that every verifier accepts";
            CertsReplaceable = "certs.replaceable", Error,
                "users other than root and the owner of the files can replace them: a file, or a directory or link on its path, belongs to another user or can be written to by one; as in OpenSSH, a directory with the sticky bit on the path, such as `/tmp`, is accepted; it is a warning if root checks files of one other user, and information if these are only the certificate or key of one side",
                "`chmod go-w` the file or directory that is named, or keep the set in a directory that only its user can write to; run the check as that user";
            CertsSerialReused = "certs.serial-reused", Error,
                "two certificates of one issuer have the same serial number, which RFC 5280 forbids: NSS rejects the second one that it sees; it is a warning if no certificate that was checked needs one of them",
                "issue one of them again with a tool that uses random serial numbers";
            CertsSwapped = "certs.swapped", Error,
                "the certificate file holds the key, and the key file holds the certificate",
                "swap the two file names";
            CertsUnsupportedKey = "certs.unsupported-key", Error,
                "the key is of a type that common TLS stacks do not accept, such as secp256k1, brainpool, Ed448, RSA-PSS or DSA, or is encoded in a way that they do not read, such as explicit curve parameters or a compressed point; it is a warning for a certificate that no other one needs",
                "issue the certificate again with a P-256 key: `openssl ecparam -name prime256v1 -genkey -noout` makes one";
            CertsUnsupportedSignature = "certs.unsupported-signature", Error,
                "the certificate was signed with an algorithm that common TLS stacks do not verify, such as SHA-224, SHA-3, or RSA-PSS with an odd salt; it is a note for a root and a warning for another certificate in a CA file, whose signatures are not verified, and a warning for a certificate that no other one needs",
                "let the CA issue it again, signed with ECDSA or RSA and SHA-256";
            CertsUnusable = "certs.unusable", Error,
                "a file that should hold a certificate or a key cannot be read or decoded, or holds something else",
                "convert it to PEM by the command in the hint, or copy the complete file again from where it was made";
            CertsWeakKey = "certs.weak-key", Error,
                "the key is of a size or type that present verifiers reject",
                "issue the certificate again with a new key: P-256, or RSA of at least 2048 bits";
            CertsWeakSignature = "certs.weak-signature", Error,
                "the certificate was signed with a hash that can be forged; Go has rejected SHA-1 since 1.18, and other verifiers follow; it is a note for a root and a warning for another certificate in a CA file, whose signatures are not verified, and a warning for a certificate that no other one needs",
                "let the CA issue it again with SHA-256";
            CertsWrongPurpose = "certs.wrong-purpose", Error,
                "the certificate's extended key usage is not for the side that uses it: server and client certificate were swapped, or a public CA left clientAuth out",
                "give each side its own certificate, with serverAuth or clientAuth: `egext certs issue ROLE --out ROLE --san NAME --replace`";
        }
    };
}

pub(super) use certs;
