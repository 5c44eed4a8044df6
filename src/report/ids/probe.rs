//! Findings of a probe, in the order of the layers.
//!
//! The layer of each finding follows its severity. A rejected client certificate is seen on a later layer than its own, and
//! in TLS 1.2 on an earlier one. Three findings have no layer: TLS can fail with them during its handshake, and also later,
//! while the next layer is set up; they belong to the layer that was being set up.

macro_rules! probe {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            ProbeResolveFailed = "probe.resolve.failed", Error @ Resolve, may_pass,
                "the host name has no address here: a typing error, a missing entry in DNS or `/etc/hosts`, or a name that only exists inside another network",
                "try `getent hosts NAME` on this machine, then correct the name, or add it to DNS or `/etc/hosts`; the probe does without the resolver with `--resolve HOST:IP`";
            ProbeConnectFailed = "probe.connect.failed", Error @ Connect, may_pass,
                "the operating system refused to open the connection, for a reason that has no finding of its own",
                "read the reason in the message";
            ProbeConnectPermission = "probe.connect.permission", Error @ Connect,
                "this user may not open the unix socket: its mode is 0600 and it belongs to another user (a bridge creates it so), or a directory above it is not accessible",
                "if the socket refuses, start the bridge with `--socket-group GROUP`, a group of both users, or with `--allow-uid USER --socket-mode 0666`; if a directory refuses, give this user access to it (`chmod o+x DIR`), or use another one; or run as the user that owns the socket";
            ProbeConnectRefused = "probe.connect.refused", Error @ Connect, may_pass,
                "the machine answers, but nothing listens at this address",
                "start the server, or compare its listening address and port (`ss -ltnp`) with what you probe";
            ProbeConnectReset = "probe.connect.reset", Error @ Connect, may_pass,
                "the connection was cut while it was opened, often by a firewall or a full backlog",
                "look for a firewall or a proxy between the two, and at the server's log";
            ProbeConnectSocketMissing = "probe.connect.socket-missing", Error @ Connect, may_pass,
                "there is no socket at this path: the server or the bridge is not running, or it uses another path",
                "start it, or compare the path with its `--listen` flag";
            ProbeConnectTimeout = "probe.connect.timeout", Error @ Connect, may_pass,
                "packets get no answer: a wrong address, a firewall that drops them, or a machine that is down",
                "check the address and the network to it; a longer `--timeout` helps only on a very slow network";
            ProbeConnectUnreachable = "probe.connect.unreachable", Error @ Connect, may_pass,
                "this machine has no route to that address",
                "check the address, the network interface and the routes (`ip route get ADDRESS`)";
            ProbeTlsAlert = "probe.tls.alert", Error,
                "the server ended the handshake with an alert that has no finding of its own; `unrecognized_name` and often `internal_error` mean that it has no certificate for the name that was sent (SNI)",
                "read the alert's name in the message and the server's log for the same second; for another name, `--server-name NAME`";
            ProbeTlsClosed = "probe.tls.closed", Error @ Tls, may_pass,
                "the server closed the connection during the TLS handshake without an alert: it does not speak TLS, or something between you and it closed the connection",
                "if the server is plaintext, probe it as `tcp://HOST:PORT`; otherwise read its log";
            ProbeTlsMalformed = "probe.tls.malformed", Error, may_pass,
                "the server speaks TLS, but its handshake cannot be read or violates the TLS standard: a device in between changes it, or the server's TLS has a bug",
                "look for a proxy or a firewall that inspects TLS; `openssl s_client -connect HOST:PORT` from this and from another machine shows where the fault is";
            ProbeTlsNotTls = "probe.tls.not-tls", Error @ Tls,
                "the server answered our TLS hello with something that is not TLS, so it speaks plaintext on this port",
                "probe it as `tcp://HOST:PORT`, switch on TLS in the server, or put `egext bridge --listen tls://HOST:PORT --upstream tcp://HOST:PORT` in front of it";
            ProbeTlsTimeout = "probe.tls.timeout", Error @ Tls, may_pass,
                "the server accepted the connection and then never answered our TLS hello: it hangs, it waits for plaintext, or a device in between drops the hello",
                "try `tcp://HOST:PORT` if it may be plaintext; otherwise look at the server's load and log";
            ProbeTlsVersion = "probe.tls.version", Error,
                "the server has no TLS version, cipher suite, key exchange or key type in common with us; TLS 1.2 and 1.3 are offered, and certificates with keys on P-256, P-384 and P-521, RSA and Ed25519",
                "let the server speak TLS 1.2 or 1.3 with ECDHE (X25519, P-256 or P-384) and AES-GCM or ChaCha20-Poly1305, and give it a certificate with a common key: `egext certs issue server --out server --san NAME --replace`";
            ProbeServerCertChainOrder = "probe.server-cert.chain-order", Error @ Tls,
                "the server sends an intermediate before its own certificate; but clients use the first one as the server's (RFC 8446 section 4.4.2)",
                "in the server's certificate file, put the leaf certificate first and each issuer after the certificate that it issued";
            ProbeServerCertExpiring = "probe.server-cert.expiring", Warning @ Tls,
                "the certificate that the server presents expires within the time of `--within` (by default the last third of its lifetime, at most 30 days)",
                "renew it where its CA is (`egext certs renew --role server`), and restart the server if it does not reload";
            ProbeServerCertExpired = "probe.server-cert.expired", Error @ Tls,
                "the certificate that the server presents, or another one in its chain, has expired",
                "renew it where its CA is (`egext certs renew --role server`), and restart the server if it does not reload; if a CA above it has expired, replace that (`egext certs rotate-ca prepare`)";
            ProbeServerCertIsCa = "probe.server-cert.is-ca", Error @ Tls,
                "the server presents a CA certificate as its own (plain `openssl req -x509` makes such a certificate); rustls and others reject that",
                "issue a leaf certificate for the server from that CA: `egext certs issue server --out server --san NAME --replace`; without a set of `egext`, `egext certs init --ca-cert FILE --ca-key FILE` makes one with that CA";
            ProbeServerCertNameMismatch = "probe.server-cert.name-mismatch", Error @ Tls,
                "none of the names in the server's certificate is the name that you used; an IP address counts only if the certificate has it as an IP address, not as a DNS name",
                "use a name that the certificate has, in the address or as `--server-name`, or add the missing name (`egext certs renew --name server --add-san NAME`)";
            ProbeServerCertNoSan = "probe.server-cert.no-san", Error @ Tls,
                "the certificate has no subjectAltName; modern TLS stacks ignore the common name (RFC 9525)",
                "issue it again with the name as subjectAltName: `egext certs issue server --out server --san NAME --replace`";
            ProbeServerCertNotYetValid = "probe.server-cert.not-yet-valid", Error @ Tls,
                "the certificate is not valid yet: it was made on a machine whose clock is ahead, this clock is behind, or it was made for later",
                "compare the clocks (`date -u`) of both machines; if they agree, wait until it is valid, or renew it (`egext certs renew --force --role server`)";
            ProbeServerCertRefused = "probe.server-cert.refused", Error @ Tls,
                "the certificate cannot be used for a reason that has no finding of its own",
                "read the reason in the message; `egext certs init` makes certificates that every verifier accepts";
            ProbeServerCertRevocationUnknown = "probe.server-cert.revocation-unknown", Error @ Tls,
                "revocation lists are in use (`--crl`), and none that is still valid covers a certificate in the server's chain, so it may have been revoked",
                "give the bridge the current list of each CA in the chain; see `certs.crl-expired` and `certs.crl-missing`";
            ProbeServerCertRevoked = "probe.server-cert.revoked", Error @ Tls,
                "the CA has revoked the server's certificate, or one above it: it is in a revocation list (`--crl`)",
                "give the server a new certificate with a new key; if it was revoked by mistake, have the CA publish a list without it";
            ProbeServerCertUnknownIssuer = "probe.server-cert.unknown-issuer", Error @ Tls,
                "the server's certificate does not chain to a CA that we trust: another CA issued it, or the server does not send an intermediate certificate",
                "pass the CA that issued it with `--ca`, or issue the server's certificate from the CA in use; if the server's CA was replaced, copy `ca.crt` and the client's files of the new set, since `--ca` alone leads to `probe.client-cert.rejected`";
            ProbeServerCertWrongPurpose = "probe.server-cert.wrong-purpose", Error @ Tls,
                "the certificate may not be used by a server: its extended key usage lacks serverAuth, often because the client's certificate was installed",
                "give the server its own files (`server.crt`, `server.key`)";
            ProbeAlpnMissing = "probe.alpn.missing", Error @ Alpn,
                "the server's TLS has no ALPN; gRPC clients reject that (grpc-go since 1.67, C-core, Java)",
                "let the server offer `h2` by ALPN";
            ProbeAlpnRefused = "probe.alpn.refused", Error @ Alpn,
                "the server's TLS offers protocols by ALPN, but not `h2`, which gRPC needs",
                "let the server offer `h2` by ALPN";
            ProbeCaUnusable = "probe.ca.unusable", Error @ Tls,
                "a target speaks TLS, but the CA file to verify it against is missing or cannot be used; other targets were probed",
                "name the CA file with `--ca`, or the directory of a set with `--dir`; `egext certs show FILE` says what a file holds";
            ProbeClientCertExpiring = "probe.client-cert.expiring", Warning @ Mtls,
                "the client certificate expires within the time of `--within` (by default the last third of its lifetime, at most 30 days)",
                "renew it where its CA is: `egext certs renew --role client`";
            ProbeClientCertExpired = "probe.client-cert.expired", Error @ Mtls,
                "the client certificate has expired, so a server that asks for one and verifies it rejects it; a server that did not ask for it now may do so later",
                "renew it where its CA is: `egext certs renew --role client`";
            ProbeClientCertKeyMismatch = "probe.client-cert.key-mismatch", Error @ Mtls,
                "a target speaks TLS, but the key of the client certificate belongs to another certificate: usually only one file of a renewal was copied",
                "copy certificate and key together; `egext certs show DIR` says which belong to each other";
            ProbeClientCertNotYetValid = "probe.client-cert.not-yet-valid", Error @ Mtls,
                "the client certificate is not valid yet: a clock is wrong, or it was made for later; servers may reject it with the alert `certificate_expired`",
                "compare the clocks (`date -u`) of the machines that made and that use it; if they agree, wait until it is valid, or renew it (`egext certs renew --force --role client`)";
            ProbeClientCertRejected = "probe.client-cert.rejected", Error @ Mtls,
                "the server rejected the client certificate that we sent: it trusts another CA, or it trusts this one but its access list does not have a name of the certificate",
                "give the server the CA of this client certificate, or use a certificate of a CA that it trusts; if it trusts the CA, compare the names of the certificate (`egext certs show client.crt`) with its access list";
            ProbeClientCertRequired = "probe.client-cert.required", Error @ Mtls,
                "the server demands a client certificate and we sent none; it says so with a TLS alert or, as nginx does, with an HTTP status",
                "pass `--dir`, or `--cert` and `--key`";
            ProbeClientCertUnreadable = "probe.client-cert.unreadable", Error @ Mtls,
                "a target speaks TLS, but the client certificate or its key cannot be read or used; other targets were probed",
                "name both files with `--cert` and `--key`, or the directory of a set with `--dir`; `egext certs show FILE` says what a file holds";
            ProbeClientCertWrongPurpose = "probe.client-cert.wrong-purpose", Error @ Mtls,
                "our certificate may not be used by a client: its extended key usage lacks clientAuth, often because the server's certificate was named",
                "use the client's files (`client.crt`, `client.key`)";
            ProbeHttp2Closed = "probe.http2.closed", Error @ Http2, may_pass,
                "the server closed the connection before its first HTTP/2 frame",
                "read the server's log; a limit on connections or a proxy in between may be the cause";
            ProbeHttp2NotHttp2 = "probe.http2.not-http2", Error @ Http2,
                "the server answers with something that is not HTTP/2: HTTP/1, TLS although the address is plaintext, or another protocol",
                "check the port; if the server speaks TLS, write its address as `tls://HOST:PORT`";
            ProbeHttp2Timeout = "probe.http2.timeout", Error @ Http2, may_pass,
                "the connection is open, but the server never sent its first HTTP/2 frame (SETTINGS)",
                "check that a gRPC server listens there, and not a server that waits for something else, such as TLS";
            ProbeGrpcClosed = "probe.grpc.closed", Error @ Grpc, may_pass,
                "the server cut the connection or the stream while it answered a call, or its answer has no `grpc-status` where clients of gRPC read it: in the trailers, or in headers that nothing follows",
                "read the server's log: a crash, a limit or a proxy in between, perhaps one that drops trailers";
            ProbeGrpcInvalidMessage = "probe.grpc.invalid-message", Error @ Grpc,
                "the server answered the health check, but its message is missing, cut short, compressed without being asked for, not a health answer at all, or longer than the client takes; gRPC clients report such an answer as INTERNAL, UNIMPLEMENTED or RESOURCE_EXHAUSTED",
                "the message says what is wrong with it; the cause may be a proxy that changes bodies, or a server with its own gRPC code";
            ProbeGrpcMalformed = "probe.grpc.malformed", Error @ Grpc,
                "the server's response violates HTTP/2 (RFC 9113) in a way that clients of gRPC, Envoy Gateway among them, end the call for, such as a header name in upper case; or its metadata is not base64 where the name ends with `-bin`. Some violations that Envoy Gateway takes are among them, because our HTTP/2 ends the connection for them: DATA before HEADERS, more data than our windows allow, a status that has not three digits, more than 1 MiB of header fields",
                "correct the server, or the proxy in front of it, that sends it";
            ProbeGrpcNoStreams = "probe.grpc.no-streams", Error @ Grpc, may_pass,
                "the server allows no calls: the setting MAX_CONCURRENT_STREAMS in its first HTTP/2 frame is 0, and no call was answered",
                "it may be starting or overloaded, so try again (`--wait 60s`); otherwise correct its limit of calls";
            ProbeGrpcNotGrpc = "probe.grpc.not-grpc", Error @ Grpc,
                "an HTTP/2 server answered, but not in gRPC: its content type is not `application/grpc`, alone or followed by `+` or `;`, or, for Envoy Gateway before 1.7 (`--eg-version`), its HTTP status is not 200; gRPC-Web is another protocol",
                "check the port: this one belongs to a web server, a gRPC-Web proxy or a proxy without a route for gRPC";
            ProbeGrpcPermissionDenied = "probe.grpc.permission-denied", Error @ Grpc,
                "the server answered PERMISSION_DENIED: it authenticated us but does not authorize this call",
                "read the message; perhaps the server has a list of allowed client names";
            ProbeGrpcRefused = "probe.grpc.refused", Error @ Grpc, may_pass,
                "the server refused the call with an error code of HTTP/2: REFUSED_STREAM (it takes no more calls now), ENHANCE_YOUR_CALM (it was asked too much), or INADEQUATE_SECURITY (it does not accept the TLS settings)",
                "read the code and the server's words in the finding, and its log; try again (`--wait 60s`)";
            ProbeGrpcRepeated = "probe.grpc.repeated", Warning @ Grpc, may_pass,
                "the server did not look at the first call: it reset the call with REFUSED_STREAM, or ended the connection by GOAWAY. gRPC for Go, and so EG, makes such a call again at once, also without `retry` in its configuration; clients of other kinds report a failure",
                "nothing if the server was stopping, or replaced its connections just then; otherwise raise its limit of concurrent streams, or ask why it ends connections so soon";
            ProbeGrpcStatus = "probe.grpc.status", Error @ Grpc,
                "the server answered the health check with an error status that has no finding of its own",
                "read the code and the message, and the server's log";
            ProbeGrpcTimeout = "probe.grpc.timeout", Error @ Grpc, may_pass,
                "the HTTP/2 connection is open, but the health check got no answer in time, or the server gave no window for the whole request (flow control of HTTP/2)",
                "look at the server's load; raise `--timeout` if it is only slow";
            ProbeGrpcTolerated = "probe.grpc.tolerated", Warning @ Grpc,
                "the server's answer has what HTTP/2 or gRPC does not allow and Envoy Gateway's gRPC (grpc-go) does not look at: a `connection` or `transfer-encoding` field, a body that is not as long as `content-length` says, a frame on a stream without a call, or an HTTP status other than 200 beside the content type of gRPC. Envoy Gateway accepts it, and other clients do not: nor does egext's bridge, but for the status",
                "correct the server, or the proxy in front of it, that sends it";
            ProbeGrpcUnauthenticated = "probe.grpc.unauthenticated", Error @ Grpc,
                "the server answered UNAUTHENTICATED: it requires credentials in addition to the certificate",
                "the message says which credentials; send them with `--metadata-file FILE`";
            ProbeGrpcUnavailable = "probe.grpc.unavailable", Error @ Grpc, may_pass,
                "the server, or a proxy before it, answered UNAVAILABLE: what is behind it cannot be reached",
                "read the message: a bridge says in it what is wrong on its other side";
            ProbeHealthFromProxy = "probe.health.from-proxy", Warning @ Health,
                "the call was answered UNIMPLEMENTED without a message, with a header field that proxies add: a proxy without a route for the call answers like this itself, without asking a server; a server without a health service behind that proxy looks the same",
                "see whether the proxy has a route for `/grpc.health.v1.Health/` and for `/envoygateway.extension.EnvoyGatewayExtension/`, or probe the server behind it";
            ProbeHealthNotServing = "probe.health.not-serving", Error @ Health, may_pass,
                "the server reports that it does not serve",
                "wait for it (`--wait 60s`), or read its log";
            ProbeHealthUnimplemented = "probe.health.unimplemented", Info @ Health,
                "the server has no `grpc.health.v1.Health` service; it answers gRPC, so the channel works",
                "nothing has to be done; a health service would let `probe` see more";
            ProbeHealthUnknownService = "probe.health.unknown-service", Error @ Health,
                "the server's health service does not know the service that was asked for by name, or has no entry for the server as a whole; or the server has no health service, so the named service was not checked",
                "check the name given with `--service`; without it the server as a whole is asked, for which some servers have no entry";
            ProbeGatewayAcceptsMore = "probe.gateway.accepts-more", Warning @ Gateway,
                "our verifier (webpki) rejects the server's certificate, but Envoy Gateway's (Go's `crypto/x509`) accepts it, or the server agrees on keys by P-521 alone, which Go offers and we do not; the other layers were probed as Envoy Gateway would reach them, but `egext bridge` and other clients refuse to connect",
                "let the server offer X25519 or P-256 if its groups are the matter; otherwise issue a certificate that every verifier accepts (`egext certs issue server --out server --san NAME --replace`), or do without the gateway layer (`--no-gateway`): then our own verdict decides";
            ProbeGatewayChainRefused = "probe.gateway.chain-refused", Error @ Gateway,
                "our verifier accepts the server's certificate, but Go's `crypto/x509` rejects it as Envoy Gateway uses it, so Envoy Gateway's own TLS never connects; Go also judges the root: its dates, its key usage and its extended key usage",
                "read Go's reason in the message, then replace the certificate that it is about: `egext certs check --connect HOST:PORT` says which one that is; if Envoy Gateway connects through `egext bridge`, pass `--no-gateway`";
            ProbeGatewaySniRefused = "probe.gateway.sni-refused", Error @ Gateway,
                "the TLS of Envoy Gateway sends `host:port` as the server's name (SNI), and the server ends the handshake because of it: servers with rustls do (tonic, for example), those with Go or OpenSSL usually do not",
                "let Envoy Gateway connect through `egext bridge`, which sends the host alone, and pass `--no-gateway` to the probe; or terminate TLS with a server that accepts such a name";
            ProbeGatewayTooManyTickets = "probe.gateway.too-many-tickets", Error @ Gateway,
                "the server sends more than 16 TLS 1.3 session tickets in a row, and Go's `crypto/tls` then ends the connection with `tls: too many non-advancing records`, so Envoy Gateway's own TLS never connects; `egext bridge` does",
                "let the server send fewer tickets (OpenSSL: `SSL_CTX_set_num_tickets`, Python: `num_tickets` of its `SSLContext`; 2 are usual), or let Envoy Gateway connect through `egext bridge` and pass `--no-gateway`";
            ProbePolicyClientCertNotRequired = "probe.policy.client-cert-not-required", Error @ Policy,
                "the server answers clients that have no certificate, so the channel is not mutually authenticated: anyone who reaches the port can call the server",
                "let the server require a client certificate of its CA (Go: `tls.RequireAndVerifyClientCert`, OpenSSL: `SSL_VERIFY_PEER` with `SSL_VERIFY_FAIL_IF_NO_PEER_CERT`, gRPC C-core: `require_client_auth`); if clients are meant to have none, pass `--no-policy`";
            ProbePolicyForeignCaAccepted = "probe.policy.foreign-ca-accepted", Error @ Policy,
                "the server answers a client whose certificate was issued by a CA that the probe made for this one connection: it asks for a certificate, but does not verify who issued it",
                "let the server verify client certificates against its client CA (Go: `tls.RequireAndVerifyClientCert` in place of `tls.RequireAnyClientCert`); if that is meant so, pass `--no-policy`";
            ProbePolicyNotPlaintext = "probe.policy.not-plaintext", Error @ Policy,
                "`--expect-plaintext` was given, and the server speaks TLS: another program than the bridge has the socket, or a sidecar encrypts on a port that is meant for this machine alone",
                "find out which program listens there (`ss -xlp` for sockets, `ss -tlp` for ports) and let it speak plaintext; if TLS is right, write the address as `tls://HOST:PORT` and leave the flag out";
        }
    };
}

pub(super) use probe;
