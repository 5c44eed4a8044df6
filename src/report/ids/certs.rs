//! Findings about certificates, keys and the files that hold them.

macro_rules! certs {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            CertsAlwaysDue = "certs.always-due", Warning,
                "`--within` asks for at least the whole lifetime of the certificate, so a new one is due as soon as it is issued: every run of `certs renew` makes a new key, and both sides have to be restarted each time",
                "use a shorter time or a fraction (`egext certs renew --within 33%`), or a longer lifetime: `egext certs renew --name NAME --lifetime SPAN`";
            CertsCaCannotSign = "certs.ca-cannot-sign", Error,
                "the CA's certificate has key usages, and keyCertSign is not among them: Go and OpenSSL trust nothing that it signed, webpki does not look",
                "make the CA's certificate again with keyCertSign, or use the one that `egext certs init` makes";
            CertsCaKeyKept = "certs.ca-key-kept", Warning,
                "a CA that `egext` did not make signs here no longer, and its key was in the set: nothing can make it again, so it was kept in a directory of its own in `.egext`; anyone who can read it can issue certificates of that CA",
                "copy it to where it belongs; then `egext certs rotate-ca finish --discard-ca-key` removes it from the directory of the set";
            CertsCaKeyLeft = "certs.ca-key-left", Warning,
                "the directory has no `ca.key`, and the set in its `.egext` still has the CA's key: the link was removed, and the next command that writes puts it back; anyone who can read the key can impersonate either side",
                "if the key was moved away, remove it here too: `rm certs/.egext/set-*/ca.key`; otherwise put the link back: `ln -s .egext/current/ca.key certs/ca.key`";
            CertsCaNamesake = "certs.ca-namesake", Warning,
                "`ca.crt` trusts two CAs of one name, and they have no subjectKeyIdentifiers, or the same, to tell them apart: OpenSSL, Node.js and Python take the first one for the other, and reject what that has issued (`certificate signature failure`); Go and rustls try both",
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
                "the certificate file does not begin with the leaf certificate, which TLS stacks take the first one for (RFC 8446 section 4.4.2); it is a warning if only what follows is odd, such as a certificate that is there twice, one that issued no other, or issuers in another order: verifiers search for a path themselves, but TLS 1.2 requires the order",
                "put the leaf certificate first and each issuer behind what it issued, once; the root can be left out";
            CertsDiffers = "certs.differs", Warning,
                "a set exists already and is not what the flags ask for; it was left as it is",
                "leave the flags out, or change what is there: `egext certs renew --name NAME` with `--add-san`, `--remove-san`, `--lifetime` or `--key-type` for one certificate, `egext certs rotate-ca prepare` for the CA; a set of another CA belongs into another directory (`--dir`)";
            CertsEd25519 = "certs.ed25519", Warning,
                "the keys are Ed25519: Envoy, Python's `cryptography` and older Java refuse such certificates",
                "use `--key-type p256` unless both sides are known to accept Ed25519";
            CertsExpired = "certs.expired", Error,
                "the certificate has expired, so every peer rejects it; it is a note if no certificate that was checked needs it, such as an old CA in `ca.crt` next to the new one",
                "`egext certs renew` makes a new server or client certificate from the same CA; if the CA has expired, `egext certs rotate-ca prepare` and `activate` replace it and keep all names; hand the files out and restart both sides; if the date looks wrong, set this machine's clock";
            CertsExpiring = "certs.expiring", Warning,
                "less of the certificate's life is left than `--within` says; without it, less than a third and less than 30 days; it is a note, and nothing is due, if no certificate that was checked needs it",
                "`egext certs renew` makes a new server or client certificate from the same CA, `egext certs rotate-ca prepare` begins to replace the CA without a failed call";
            CertsGatewayRefuses = "certs.gateway-refuses", Error,
                "the verifier of Go, set up as Envoy Gateway sets it up, refuses the certificate, for the reason in the evidence; Envoy Gateway itself then waits without a limit and logs nothing",
                "read the reason; certificates that `egext certs init` makes pass every verifier";
            CertsHalfRemoved = "certs.half-removed", Warning,
                "the file of a certificate of `certs issue` was deleted from the directory, where it is only a link, and the certificate is still in the set in `.egext`; no command renews it or puts the file back until it is clear what was meant",
                "`egext certs remove NAME` takes the certificate out of the set; `ln -s .egext/current/NAME.crt certs/NAME.crt` puts the file back";
            CertsIpAsDns = "certs.ip-as-dns", Error,
                "an IP address is in the certificate as a DNS name, where no verifier looks for addresses; a warning if the certificate has other names",
                "write the address as an IP address: `egext certs renew --name server --add-san 10.0.0.7 --remove-san 10.0.0.7` sees the difference";
            CertsIsCa = "certs.is-ca", Error,
                "a CA's certificate is used as a side's own, as plain `openssl req -x509` makes it or when `ca.crt` was copied over it; Go accepts that, rustls and others refuse it",
                "issue a leaf certificate from the CA, and keep the two in files of their own";
            CertsIssuerMisfit = "certs.issuer-misfit", Warning,
                "the authority key identifier of a certificate names another key or another certificate than its issuer in the file has, for example because the issuer was renewed: Go and rustls do not look at it; OpenSSL, Node.js and Python reject the certificate (`unable to get local issuer certificate`)",
                "put the certificate of the issuer that it names back into the file, next to the new one, or have it issued again by the present issuer";
            CertsKeyEncrypted = "certs.key-encrypted", Error,
                "the key of a server or client certificate is encrypted: no server, gateway or bridge asks for a passphrase, so none of them starts with it; of a CA's key, that it is encrypted in the old OpenSSL form, which `renew` and `issue` do not read",
                "decrypt it into a file of mode 0600: `(umask 077; openssl pkey -in KEY -out KEY.plain)`; only the CA's key may stay encrypted, as PKCS#8: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out KEY.new`";
            CertsKeyExposed = "certs.key-exposed", Error,
                "others than the key's owner may read it: a key has mode 0600, or at most 0640 where it belongs to root (PostgreSQL's rule); where the kubelet mounts a Secret this is information, since no other user is in the container",
                "`chmod 600` the key and make a new one if a stranger may have read it; in a pod set `defaultMode: 0400`; where a group is trusted, `--allow-key-mode 0640`";
            CertsKeyInCertificateFile = "certs.key-in-certificate-file", Error,
                "a file of certificates holds a private key, too: such files are readable for everyone and are copied to other machines, and the key goes with them",
                "keep the key in a `.key` file of mode 0600 and certificates in the `.crt` file; replace the key if the file has left the machine";
            CertsKeyInUse = "certs.key-in-use", Warning,
                "a certificate was issued for a key that another certificate of the set has: the holder of one can use both, and a renewal of one does not change the key of the other",
                "if both are for the same machine, replace the other one instead (`egext certs issue ROLE --csr FILE --out NAME --replace`); otherwise ask the requester for a CSR with a key of its own";
            CertsKeyMismatch = "certs.key-mismatch", Error,
                "certificate and key are both fine, and not a pair, or the key's certificate is not the first of its file: usually half of a renewal was copied",
                "copy certificate and key together; `egext certs show DIR` says which key belongs to which certificate";
            CertsKeyMissing = "certs.key-missing", Warning,
                "there is a certificate without its key; it is an error if the CA's key is stored next to it, and the key is one of the set's own, `server.key` or `client.key`",
                "copy certificate and key together, or take the certificate away where this side does not need it";
            CertsKeyUsage = "certs.key-usage", Warning,
                "the key usage of a server or client certificate leaves out digitalSignature: Go and rustls do not look at it; without any usage for TLS, OpenSSL, Python and Node.js reject the certificate (`unsuitable certificate purpose`), and BoringSSL and GnuTLS demand digitalSignature in TLS 1.3",
                "issue the certificate again with digitalSignature, as `egext certs issue ROLE --out NAME --san NAME --replace` does, or without a key usage";
            CertsLeafAsCa = "certs.leaf-as-ca", Error,
                "a leaf is in the CA file: `tls.crt` was taken for `ca.crt`, as in the Secrets of cert-manager; its key could sign for anyone if it were trusted as a CA, so probe and bridge refuse the file, and Go accepts exactly that leaf until it is renewed; a warning for a self-signed leaf, which is trusted as itself",
                "put the certificate of the CA that issued it into the file";
            CertsLifetimeCut = "certs.lifetime-cut", Warning,
                "the CA, or one above it, expires before the requested lifetime ends; a certificate cannot outlive its CA, so it ends with it",
                "replace the CA first (`egext certs rotate-ca prepare`), or ask for a shorter life with `--lifetime`";
            CertsNameInUse = "certs.name-in-use", Warning,
                "a certificate was issued for names that the requester chose in the CSR, and another certificate of the set has them too: its holder can pass for the holder of the other one",
                "if the requester is not a replica of that server or client, do not hand the certificate out; issue it again with the names that you choose: `egext certs issue ROLE --csr FILE --san NAME`";
            CertsNamesMissing = "certs.names-missing", Error,
                "the server's certificate lacks names that `--for-name` asks for, or one of an existing set lacks names that `--san`, `--client-san` or `--spiffe-id` ask for; it was left as it is",
                "add them (`egext certs renew --name server --add-san NAME,NAME`), give the server or client its new files and restart it";
            CertsNoSan = "certs.no-san", Error,
                "the server's certificate has no subjectAltName, or none that is a host name or an IP address: a port, a scheme or a dot at its end makes it none; a name in the common name counts for no modern TLS stack (RFC 9525)",
                "issue it again with the name as subjectAltName: `egext certs issue server --out server --san NAME --replace`";
            CertsNotKept = "certs.not-kept", Warning,
                "another program made the certificate and put more into it than `egext` writes, such as CRL distribution points or certificate policies; the certificate that replaces it does not have that",
                "if a peer relies on it, let the program that issued the certificate renew it; `egext certs renew --dry-run` says beforehand what is lost, and the files from before are in `.egext/previous`";
            CertsNotRevoked = "certs.not-revoked", Info,
                "a certificate was taken out of the set before it expired: nothing tells peers, so they accept it until it expires, or until they trust another CA only",
                "if its key may be stolen, replace the CA: `egext certs rotate-ca prepare`, then `activate` and `finish`; otherwise delete the key where it is used";
            CertsNotStrict = "certs.not-strict", Warning,
                "a server or client certificate lacks what RFC 5280 requires below a CA: an authority key identifier, or a critical subjectAltName if the subject is empty; Go, rustls and OpenSSL accept it by default, but OpenSSL's strict mode, which Python 3.13 switches on, rejects it",
                "issue it again, as `egext certs renew --force` does, or have it issued with authorityKeyIdentifier";
            CertsNotYetValid = "certs.not-yet-valid", Error,
                "the certificate is not valid yet: this machine's clock is behind, or the clock of the machine that made it was ahead; it is a note if no certificate that was checked needs it",
                "set both clocks (`timedatectl`), then wait, or renew by the right clock: `egext certs renew --force`";
            CertsOutlivesCa = "certs.outlives-ca", Warning,
                "the certificate is valid for longer than its CA, after whose end every verifier refuses it",
                "count on the CA's date, or replace the CA before it";
            CertsPresentedDiffers = "certs.presented-differs", Warning,
                "the server presents another certificate than the one on disk: it was not restarted or does not reload, or it reads other files",
                "restart the server, or compare the paths in its configuration";
            CertsRefused = "certs.refused", Error,
                "webpki, the verifier of rustls, refuses the certificate for a reason that has no finding of its own",
                "read the reason in the message; `egext certs init` makes certificates that every verifier accepts";
            CertsReplaceable = "certs.replaceable", Error,
                "users other than root and the owner of the files can put others in their place: a file, or a directory or link that leads to it, can be written to by them or belongs to them; as in OpenSSH, a directory such as `/tmp` with the sticky bit is fine on the way; it is a warning where root checks what belongs to one other user, and information where that is only the certificate or key of one side",
                "`chmod go-w` the file or directory that is named, or keep the set where only its user can write; run the check as that user";
            CertsSerialReused = "certs.serial-reused", Error,
                "two certificates of one issuer have the same serial number, which RFC 5280 forbids: NSS rejects the second one that it sees; it is a warning if no certificate that was checked needs one of them",
                "issue one of them again with a tool that takes random serial numbers";
            CertsSwapped = "certs.swapped", Error,
                "the file of the certificate holds the key, and the file of the key the certificate",
                "name or copy them the other way round";
            CertsUnsupportedKey = "certs.unsupported-key", Error,
                "the key is of a kind that common TLS stacks do not take, such as secp256k1, brainpool, Ed448, RSA-PSS or DSA, or is encoded in a way that they do not read, such as explicit curve parameters or a compressed point; it is a warning for a certificate that no other one needs",
                "issue the certificate again with a P-256 key: `openssl ecparam -name prime256v1 -genkey -noout` makes one";
            CertsUnsupportedSignature = "certs.unsupported-signature", Error,
                "the certificate was signed with an algorithm that common TLS stacks do not verify, such as SHA-224, SHA-3, or RSA-PSS with an odd salt; it is a note for a root and a warning for another certificate in a CA file, whose signatures are not verified, and a warning for a certificate that no other one needs",
                "let the CA issue it again, signed with ECDSA or RSA and SHA-256";
            CertsUnusable = "certs.unusable", Error,
                "a file that should hold a certificate or a key cannot be read or decoded, or holds something else",
                "convert it to PEM by the command in the hint, or copy it again from where it was made, in one piece";
            CertsWeakKey = "certs.weak-key", Error,
                "the key is of a size or a kind that verifiers of today refuse",
                "issue the certificate again with a key of its own: P-256, or RSA of at least 2048 bits";
            CertsWeakSignature = "certs.weak-signature", Error,
                "the certificate was signed with a hash that can be forged; Go has rejected SHA-1 since 1.18, and all others follow; it is a note for a root and a warning for another certificate in a CA file, whose signatures are not verified, and a warning for a certificate that no other one needs",
                "let the CA issue it again with SHA-256";
            CertsWrongPurpose = "certs.wrong-purpose", Error,
                "the certificate's extended key usage is not for the side that uses it: server and client certificate were confused, or a public CA left clientAuth out",
                "give each side its own certificate, with serverAuth or clientAuth: `egext certs issue ROLE --out ROLE --san NAME --replace`";
        }
    };
}

pub(super) use certs;
