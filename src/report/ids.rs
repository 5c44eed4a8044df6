//! The one table of finding ids. `egext explain` and `docs/findings.md` are made from it.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// How grave a finding is. The order counts: `Error` is the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works now, and will not for ever or not for everybody.
    Warning,
    /// Does not work.
    Error,
}

impl Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The stable name, such as `probe.connect.refused`.
    pub name: &'static str,
    /// How grave it usually is.
    pub severity: Severity,
    /// What leads to it: no full stop.
    pub cause: &'static str,
    /// What ends it: no full stop.
    pub cure: &'static str,
}

/// A name that is not in the table.
#[derive(Debug, thiserror::Error)]
#[error("no finding is called `{name}`")]
pub struct UnknownId {
    name: String,
    nearest: Option<&'static str>,
}

impl super::Hint for UnknownId {
    fn hint(&self) -> Option<String> {
        Some(self.nearest.map_or_else(
            || "`egext explain` lists all ids".to_owned(),
            |name| format!("did you mean `{name}`? `egext explain` lists all ids"),
        ))
    }
}

macro_rules! table {
    ($($variant:ident = $name:literal, $severity:ident, $cause:literal, $cure:literal;)*) => {
        /// The stable name of a finding. What each means is in its [`Entry`].
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[expect(missing_docs, reason = "the table says what each means")]
        pub enum Id { $($variant,)* }

        impl Id {
            /// All ids, in the order of the layers and then of the alphabet.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its row in the table.
            pub fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$variant => &Entry {
                        name: $name,
                        severity: Severity::$severity,
                        cause: $cause,
                        cure: $cure,
                    },)*
                }
            }
        }
    };
}

table! {
    BridgeDrainCut = "bridge.drain.cut", Warning,
        "the bridge was told to stop, and calls were still under way when the time for them was over",
        "give them more time with `--drain-timeout`, or see why the server takes so long";
    CertsCaCannotSign = "certs.ca-cannot-sign", Error,
        "the CA's certificate has key usages, and keyCertSign is not among them: Go and OpenSSL trust nothing that it signed, webpki does not look",
        "make the CA's certificate again with keyCertSign, or use the one that `egext certs init` makes";
    CertsCaNotRoot = "certs.ca-not-root", Warning,
        "the CA file holds an intermediate CA, and no valid self-signed root above it: Go and rustls trust any CA in the file; OpenSSL, Node.js and Python before 3.13 reject what it issued, unless partial chains are switched on (`unable to get issuer certificate`)",
        "append the certificates of the CAs above it, up to the root";
    CertsCaNotStrict = "certs.ca-not-strict", Warning,
        "a CA certificate lacks what RFC 5280 requires of one: version 3, a key usage, a key identifier or a subject; Go, rustls and OpenSSL accept it by default, but OpenSSL's strict mode, which Python 3.13 switches on, rejects what it signs",
        "have the CA's certificate issued again with keyUsage (keyCertSign, cRLSign), subjectKeyIdentifier and a subject, or make a CA with `egext certs init`";
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
        "the verifier of Go, set up as Envoy Gateway sets it up, refuses the certificate, in the words that the evidence has; Envoy Gateway itself then waits for ever and says nothing",
        "read the reason; certificates that `egext certs init` makes pass every verifier";
    CertsIpAsDns = "certs.ip-as-dns", Error,
        "an IP address is in the certificate as a DNS name, where no verifier looks for addresses; a warning if the certificate has other names",
        "write the address as an IP address: `egext certs renew --name server --add-san 10.0.0.7 --remove-san 10.0.0.7` sees the difference";
    CertsIsCa = "certs.is-ca", Error,
        "a CA's certificate is used as a side's own, as plain `openssl req -x509` makes it or when `ca.crt` was copied over it; Go accepts that, rustls and others refuse it",
        "issue a leaf certificate from the CA, and keep the two in files of their own";
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
        "if both are for the same machine, replace the other one instead (`egext certs issue --csr FILE --out NAME --replace`); otherwise ask the requester for a CSR with a key of its own";
    CertsKeyMismatch = "certs.key-mismatch", Error,
        "certificate and key are both fine, and not a pair, or the key's certificate is not the first of its file: usually half of a renewal was copied",
        "copy certificate and key together; `egext certs show DIR` says which key belongs to which certificate";
    CertsKeyMissing = "certs.key-missing", Warning,
        "there is a certificate, and no key beside it",
        "copy certificate and key together, or take the certificate away where this side does not need it";
    CertsLeafAsCa = "certs.leaf-as-ca", Error,
        "a leaf is in the CA file: `tls.crt` was taken for `ca.crt`, as in the Secrets of cert-manager; its key could sign for anyone if it were trusted as a CA, so probe and bridge refuse the file, and Go accepts exactly that leaf until it is renewed; a warning for a self-signed leaf, which is trusted as itself",
        "put the certificate of the CA that issued it into the file";
    CertsLifetimeCut = "certs.lifetime-cut", Warning,
        "the CA, or one above it, expires before the lifetime that was asked for is over; nothing outlives its CA, so the certificate ends with it",
        "replace the CA first (`egext certs rotate-ca prepare`), or ask for a shorter life with `--lifetime`";
    CertsNameInUse = "certs.name-in-use", Warning,
        "a certificate was issued for names that the requester chose in the CSR, and another certificate of the set has them too: its holder can pass for the holder of the other one",
        "if the requester is not a replica of that server or client, do not hand the certificate out; issue it again with the names that you choose: `egext certs issue --csr FILE --san NAME`";
    CertsNamesMissing = "certs.names-missing", Error,
        "the server's certificate lacks names that `--for-name` asks for, or `--san` where a set exists already; it was left as it is",
        "add them (`egext certs renew --name server --add-san NAME,NAME`), give the server its new files and restart it";
    CertsNoSan = "certs.no-san", Error,
        "the server's certificate has no subjectAltName, or none that is a host name or an IP address: a port, a scheme or a dot at its end makes it none; a name in the common name counts for no modern TLS stack (RFC 9525)",
        "issue it again with the name as subjectAltName: `egext certs issue server --out server --san NAME --replace`";
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
        "users other than root and the owner of the files can put others in their place: a file, or a directory or link that leads to it, can be written to by them or belongs to them; as in OpenSSH, a directory such as `/tmp` with the sticky bit is fine on the way; it is a warning where root checks what belongs to one other user",
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
    ConfigDiffers = "config.differs", Error,
        "the file is not what this version of `egext` writes for these flags: somebody edited it, or the flags or the version changed",
        "write it again with the same command without `--check`, or change the flags to match the file";
    ConfigHookNotCalled = "config.hook-not-called", Warning,
        "the configuration asks for a hook that this release of Envoy Gateway never calls with the rest of the configuration: it is called only for resources of certain kinds, and none is named",
        "name the kind (`--resource`, `--policy-resource`, `--backend-resource`), or leave the hook out";
    ConfigNativeTlsUnusable = "config.native-tls-unusable", Warning,
        "the TLS client of Envoy Gateway reads its certificates from the Kubernetes API and nowhere else, so in standalone mode every hook fails with `TLS enabled but no k8s client was provided`, and with `failOpen` it publishes without the extension",
        "leave out `--native-tls`: plaintext on a unix socket with `egext bridge` behind it works with every release";
    ConfigResourceNotLoadable = "config.resource-not-loadable", Warning,
        "this release of Envoy Gateway cannot load an extension's own kinds of resources from files: `no kind \"X\" is registered`, and then nothing of any file is applied",
        "use Envoy Gateway 1.7 or later, or keep such objects out of its directories";
    ConfigTranslationBlind = "config.translation-blind", Warning,
        "the hook `Translation` is asked for, and Envoy Gateway does not send it listeners and routes: a server that attaches a filter or changes routes there, as ai-gateway does, changes nothing, and nothing says so",
        "leave out `--include-all`, or name `listener` and `route` in it (Envoy Gateway 1.5 and later); where the server changes clusters and secrets only, nothing has to be done";
    ProbeResolveFailed = "probe.resolve.failed", Error,
        "the host name has no address here: a typing error, a missing entry in DNS or `/etc/hosts`, or a name that only exists inside another network",
        "try `getent hosts NAME` on this machine, then correct the name or the resolver";
    ProbeConnectFailed = "probe.connect.failed", Error,
        "the operating system refused to open the connection, for a reason that has no finding of its own",
        "read the reason in the message";
    ProbeConnectPermission = "probe.connect.permission", Error,
        "this user may not open the unix socket: it is 0600 and belongs to somebody else, or a directory above it is closed",
        "run as the user that owns the socket, or let its owner create it where both may reach it";
    ProbeConnectRefused = "probe.connect.refused", Error,
        "the machine answers, but nothing listens at this address",
        "start the server, or compare its listening address and port (`ss -ltnp`) with what you probe";
    ProbeConnectReset = "probe.connect.reset", Error,
        "the connection was cut while it was opened, often by a firewall or a full backlog",
        "look for a firewall or a proxy between the two, and at the server's log";
    ProbeConnectSocketMissing = "probe.connect.socket-missing", Error,
        "there is no socket at this path: the server or the bridge is not running, or it uses another path",
        "start it, or compare the path with its `--listen` flag";
    ProbeConnectTimeout = "probe.connect.timeout", Error,
        "packets vanish: a wrong address, a firewall that drops, or a machine that is down",
        "check the address and the way to it; a longer `--timeout` helps only on a very slow network";
    ProbeConnectUnreachable = "probe.connect.unreachable", Error,
        "this machine has no way to that address",
        "check the address, the network interface and the routes (`ip route get ADDRESS`)";
    ProbeTlsAlert = "probe.tls.alert", Error,
        "the server ended the handshake with an alert that has no finding of its own",
        "read the alert's name in the message and the server's log for the same second";
    ProbeTlsClosed = "probe.tls.closed", Error,
        "the server closed the connection during the TLS handshake without an alert: it does not speak TLS, or something between you and it closed the connection",
        "if the server is plaintext, probe it as `tcp://HOST:PORT`; otherwise read its log";
    ProbeTlsNotTls = "probe.tls.not-tls", Error,
        "the server answered our TLS hello with something that is not TLS, so it speaks plaintext on this port",
        "probe it as `tcp://HOST:PORT`, switch on TLS in the server, or put `egext bridge --listen tls://HOST:PORT --upstream tcp://HOST:PORT` in front of it";
    ProbeTlsTimeout = "probe.tls.timeout", Error,
        "the server accepted the connection and then never answered our TLS hello: it hangs, waits for plaintext, or something on the way eats the hello",
        "try `tcp://HOST:PORT` if it may be plaintext; otherwise look at the server's load and log";
    ProbeTlsVersion = "probe.tls.version", Error,
        "the server speaks no TLS version, cipher suite or key exchange that we accept; TLS 1.2 and 1.3 are offered",
        "let the server speak TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20-Poly1305";
    ProbeServerCertChainOrder = "probe.server-cert.chain-order", Error,
        "the server sends an intermediate before its own certificate; the first one is taken for the server's (RFC 8446 section 4.4.2)",
        "in the server's certificate file, put the leaf first and each issuer behind what it issued";
    ProbeServerCertExpired = "probe.server-cert.expired", Error,
        "the server presents a certificate whose time is over, or one in its chain is",
        "renew it where its CA is (`egext certs renew --role server`), and restart the server if it does not reload; if a CA above it has expired, replace that (`egext certs rotate-ca prepare`)";
    ProbeServerCertIsCa = "probe.server-cert.is-ca", Error,
        "the server presents a CA certificate as its own (plain `openssl req -x509` makes such); rustls and others refuse that",
        "issue a leaf certificate for the server from that CA: `egext certs issue server --out server --san NAME --replace`; without a set of `egext`, `egext certs init --ca-cert FILE --ca-key FILE` makes one with that CA";
    ProbeServerCertNameMismatch = "probe.server-cert.name-mismatch", Error,
        "none of the names in the server's certificate is the one that you called it by; an IP address counts only where it stands as an IP address, not as a DNS name",
        "call it by a name that it has, name that one with `--server-name`, or add the missing name (`egext certs renew --name server --add-san NAME`)";
    ProbeServerCertNoSan = "probe.server-cert.no-san", Error,
        "the certificate has no subjectAltName; a name in the common name counts for no modern TLS stack (RFC 9525)",
        "issue it again with the name as subjectAltName: `egext certs issue server --out server --san NAME --replace`";
    ProbeServerCertNotYetValid = "probe.server-cert.not-yet-valid", Error,
        "the certificate's time has not begun: it was made on a machine whose clock is ahead, or this clock is behind",
        "compare the clocks (`date -u`) of both machines";
    ProbeServerCertRefused = "probe.server-cert.refused", Error,
        "the certificate cannot be used for a reason that has no finding of its own",
        "read the reason in the message; `egext certs init` makes certificates that every verifier accepts";
    ProbeServerCertUnknownIssuer = "probe.server-cert.unknown-issuer", Error,
        "the server's certificate does not lead to the CA that we trust: it is of another CA, or an intermediate is missing from what the server sends",
        "pass the CA that issued it with `--ca`, or issue the server's certificate from the CA in use";
    ProbeServerCertWrongPurpose = "probe.server-cert.wrong-purpose", Error,
        "the certificate may not be used by a server: its extended key usage lacks serverAuth, often because the client's certificate was installed",
        "give the server its own files (`server.crt`, `server.key`)";
    ProbeAlpnMissing = "probe.alpn.missing", Error,
        "the server's TLS has no ALPN; gRPC clients refuse that (grpc-go since 1.67, C-core, Java)",
        "let the server offer `h2` by ALPN";
    ProbeAlpnRefused = "probe.alpn.refused", Error,
        "the server's TLS offers protocols by ALPN, and `h2`, which gRPC needs, is not among them",
        "let the server offer `h2` by ALPN";
    ProbeCaUnusable = "probe.ca.unusable", Error,
        "a target speaks TLS, and the CA's file, against which its certificate is verified, is missing or cannot be used; other targets were probed",
        "name the CA's file with `--ca`, or the directory of a set with `--dir`; `egext certs show FILE` says what a file holds";
    ProbeClientCertExpired = "probe.client-cert.expired", Error,
        "the client certificate's time is over, so a server that asks for one refuses us",
        "renew it where its CA is: `egext certs renew --role client`";
    ProbeClientCertKeyMismatch = "probe.client-cert.key-mismatch", Error,
        "a target speaks TLS, and the key of the client certificate belongs to another certificate: usually half of a renewal was copied",
        "copy certificate and key together; `egext certs show DIR` says which belong to each other";
    ProbeClientCertNotYetValid = "probe.client-cert.not-yet-valid", Error,
        "the client certificate's time has not begun: a clock is wrong",
        "compare the clocks (`date -u`) of the machines that made and that use it";
    ProbeClientCertRejected = "probe.client-cert.rejected", Error,
        "the server refused the client certificate that we sent, usually because it trusts another CA",
        "give the server the CA of this client certificate, or use a certificate of a CA that it trusts";
    ProbeClientCertRequired = "probe.client-cert.required", Error,
        "the server demands a client certificate and we sent none; it says so with a TLS alert or, as nginx does, with an HTTP status",
        "pass `--dir`, or `--cert` and `--key`";
    ProbeClientCertUnreadable = "probe.client-cert.unreadable", Error,
        "a target speaks TLS, and the client certificate or its key cannot be read or used; other targets were probed",
        "name both files with `--cert` and `--key`, or the directory of a set with `--dir`; `egext certs show FILE` says what a file holds";
    ProbeClientCertWrongPurpose = "probe.client-cert.wrong-purpose", Error,
        "our certificate may not be used by a client: its extended key usage lacks clientAuth, often because the server's certificate was named",
        "use the client's files (`client.crt`, `client.key`)";
    ProbeHttp2Closed = "probe.http2.closed", Error,
        "the server closed the connection before its first HTTP/2 frame",
        "read the server's log; a limit on connections or a proxy in between may do that";
    ProbeHttp2NotHttp2 = "probe.http2.not-http2", Error,
        "the server answers with something that is not HTTP/2: HTTP/1, TLS where plaintext was asked for, or another protocol",
        "check the port; if the server speaks TLS, write its address as `tls://HOST:PORT`";
    ProbeHttp2Timeout = "probe.http2.timeout", Error,
        "the connection stands, but the server never sent its first HTTP/2 frame (SETTINGS)",
        "check that a gRPC server listens there, and not one that waits for something else, such as TLS";
    ProbeGrpcClosed = "probe.grpc.closed", Error,
        "the server cut the connection or the stream while it answered a call",
        "read the server's log: a crash, a limit or a proxy in between";
    ProbeGrpcInvalidMessage = "probe.grpc.invalid-message", Error,
        "the server answered the health check, but its message is missing, cut short, compressed without being asked for, or not a health answer at all; gRPC clients report such an answer as INTERNAL or UNIMPLEMENTED",
        "read the message for what is wrong with it; a proxy that changes bodies, or a server with code of its own for gRPC, does that";
    ProbeGrpcMalformed = "probe.grpc.malformed", Error,
        "the server's response breaks the rules of HTTP/2 (RFC 9113 section 8), so our side reset it: a `connection` header, a header name in upper case, a body that is not as long as `content-length` says",
        "correct the server, or the proxy in front of it that adds such headers; other clients refuse them too";
    ProbeGrpcNotGrpc = "probe.grpc.not-grpc", Error,
        "an HTTP/2 server answered, but not in gRPC: its status is not 200, or its content type is not `application/grpc`, alone or followed by `+` or `;`; gRPC-Web is another protocol",
        "check the port: this one belongs to a web server, a gRPC-Web proxy or a proxy without a route for gRPC";
    ProbeGrpcPermissionDenied = "probe.grpc.permission-denied", Error,
        "the server answered PERMISSION_DENIED: it knows us and does not want us",
        "read the message: an allow list of client names, perhaps";
    ProbeGrpcStatus = "probe.grpc.status", Error,
        "the server answered the health check with an error status that has no finding of its own",
        "read the code and the message, and the server's log";
    ProbeGrpcTimeout = "probe.grpc.timeout", Error,
        "the HTTP/2 connection stands, and the health check got no answer in time",
        "look at the server's load; raise `--timeout` if it is only slow";
    ProbeGrpcUnauthenticated = "probe.grpc.unauthenticated", Error,
        "the server answered UNAUTHENTICATED: it wants credentials beside the certificate",
        "read the message for what it wants";
    ProbeGrpcUnavailable = "probe.grpc.unavailable", Error,
        "the server, or a proxy before it, answered UNAVAILABLE: what is behind it cannot be reached",
        "read the message: a bridge says there what is wrong on its other side";
    ProbeHealthNotServing = "probe.health.not-serving", Error,
        "the server says of itself that it does not serve",
        "wait for it (`--wait 60s`), or read its log";
    ProbeHealthUnimplemented = "probe.health.unimplemented", Info,
        "the server has no `grpc.health.v1.Health` service; it answers gRPC, so the channel works",
        "nothing has to be done; a health service would let `probe` see more";
    ProbeHealthUnknownService = "probe.health.unknown-service", Error,
        "the server's health service does not know the service that was asked for, or has no entry for the server as a whole",
        "check the name given with `--service`; without it the server as a whole is asked, for which some servers have no entry";
}

impl Id {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Id {
    type Err = UnknownId;

    fn from_str(name: &str) -> Result<Self, UnknownId> {
        Self::ALL
            .iter()
            .find(|id| id.name() == name)
            .copied()
            .ok_or_else(|| UnknownId { name: name.to_owned(), nearest: nearest(name) })
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// An id that ends as `name` does, or that shares its longest beginning.
fn nearest(name: &str) -> Option<&'static str> {
    let names = || Id::ALL.iter().map(|id| id.name());
    let common = |other: &str| other.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    names()
        .find(|other| !name.is_empty() && other.ends_with(name))
        .or_else(|| names().max_by_key(|other| common(other)).filter(|other| common(other) > "probe.".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        let mut seen = std::collections::HashSet::new();
        for id in Id::ALL {
            assert!(seen.insert(id.name()), "`{id}` stands twice");
            assert_eq!(id.name().parse::<Id>().expect("in the table"), *id);
        }
    }

    #[test]
    fn texts_are_fragments() {
        for id in Id::ALL {
            let Entry { cause, cure, .. } = id.entry();
            for text in [cause, cure] {
                assert!(!text.ends_with('.'), "`{id}`: {text}");
                assert!(text.starts_with(|c: char| c.is_lowercase() || c == '`'), "`{id}`: {text}");
            }
        }
    }
}
