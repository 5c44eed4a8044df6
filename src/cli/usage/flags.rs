//! Flags of mkcert, step, cfssl, openssl, certstrap, curl, grpcurl, grpc-health-probe, ghostunnel, Envoy and HAProxy.

use super::elsewhere::Row;

/// What to type in place of `flag`, with the command `path`.
pub(super) fn hint(path: &str, flag: &str) -> Option<String> {
    let flag = if flag.starts_with("--") { flag.to_ascii_lowercase() } else { flag.to_owned() };
    ROWS.iter().find(|row| row.is_about(path, &flag)).map(|row| row.hint.to_owned())
}

/// The first that fits counts: what is said about one command stands before what is said about all.
pub(super) const ROWS: &[Row] = &[
    // How long, and until when.
    Row {
        typed: "--days --validity --valid-for --expiry --expires --expires-in --not-after --duration --ttl \
                -d",
        at: &["certs init", "certs issue"],
        hint: "`--lifetime 90d` sets how long the certificate is valid",
    },
    Row {
        typed: "--ca-days --ca-validity --ca-expiry --ca-expires --ca-duration --ca-ttl",
        at: &["certs init", "certs rotate-ca prepare"],
        hint: "`--ca-lifetime 5y` sets how long the CA is valid",
    },
    Row {
        typed: "--days --validity --expiry --expires --not-after --duration --ttl --lifetime",
        at: &["certs rotate-ca prepare"],
        hint: "`--ca-lifetime 5y` sets how long the new CA is valid",
    },
    Row {
        typed: "--expires-in --before --renew-before --checkend --threshold",
        at: &["certs renew"],
        hint: "`--within 30d` renews what expires within 30 days",
    },
    Row {
        typed: "--days --validity --valid-for --expiry --not-after --duration --ttl",
        at: &["certs renew"],
        hint: "`--name server --lifetime 90d` changes how long one certificate is valid, `--within 30d` renews what expires soon",
    },
    Row {
        typed: "--days --expires-in --expiry --checkend --warn --warning --warn-days --before --threshold",
        at: &["certs check"],
        hint: "`--within 30d` asks what expires within 30 days",
    },
    // Names.
    Row {
        typed: "--name",
        at: &["certs issue"],
        hint: "`--san NAME` is a name that TLS verifies, `--out NAME` the name of the files",
    },
    Row { typed: "--name", at: &["certs init"], hint: "`--san NAME` is a name that TLS verifies" },
    Row {
        typed: "--host --hostname --hostnames --hosts --dns --dns-name --dns-names --domain --domains --ip \
                --ips --ip-address --sans --subject-alt-name --subject-alt-names --addext --alt-names \
                --names --uri --address",
        at: &["certs init", "certs issue"],
        hint: "`--san NAME` gives the certificate a host name or an IP address, and may be repeated",
    },
    Row {
        typed: "--host --hostname --dns --dns-name --domain --ip --san --sans --addext",
        at: &["certs renew"],
        hint: "`--name server --add-san NAME` adds a name to the server's certificate",
    },
    Row {
        typed: "--host --hostname --dns --domain --ip --name --san --verify-hostname --verify-host \
                --verify-ip --verify-name",
        at: &["certs check"],
        hint: "`--for-name NAME` checks the certificate for a host name or an IP address",
    },
    Row {
        typed: "--cn --common-name --subject --subj",
        at: &["certs init"],
        hint: "TLS verifies the names of `--san`; `--server-common-name` and `--client-common-name` set the common names",
    },
    Row {
        typed: "--cn --common-name --subject --subj --server-name --client-name --server-common-name \
                --client-common-name",
        at: &["certs issue"],
        hint: "TLS verifies the names of `--san`; the common name follows from the role",
    },
    Row {
        typed: "--domain --verify-hostname",
        at: &["probe", "bridge", "certs show"],
        hint: "`--server-name NAME` is the name expected in the server's certificate",
    },
    Row {
        typed: "--servername --sni --tls-server-name --authority --override-server-name \
                --server-host-override",
        at: &["probe", "bridge", "certs show", "certs check"],
        hint: "`--server-name NAME` is the name expected in the server's certificate",
    },
    // Keys.
    Row {
        typed: "--key-size --key-bits --keysize --bits --rsa --ecdsa --ed25519 --curve --crv --kty \
                --algorithm --algo --key-algorithm --key-algo --keyalg --newkey --size --keytype --key",
        at: &["certs init", "certs issue", "certs renew", "certs rotate-ca prepare"],
        hint: "`--key-type p384` chooses the kind of key; `--help` lists the kinds",
    },
    Row {
        typed: "--password --passphrase --pass --passin --passout --password-file --passphrase-file \
                --ca-key-password --ca-password --ca-passphrase --ca-key-passphrase",
        at: &[
            "certs init",
            "certs issue",
            "certs renew",
            "certs check",
            "certs show",
            "certs rotate-ca prepare",
            "certs rotate-ca activate",
        ],
        hint: "`--ca-key-passphrase-file FILE` reads the passphrase of the CA's key from a file, or from stdin if FILE is `-`",
    },
    Row {
        typed: "--no-password --nodes --noenc --insecure --no-passphrase",
        at: &["certs init", "certs issue", "certs renew"],
        hint: "leave it out: keys are encrypted only if you ask for it with `--ca-key-passphrase-file`",
    },
    // The CA that signs.
    Row {
        typed: "--ca --cacert --ca-crt --ca-file --cafile --root --issuer --caroot",
        at: &["certs init", "certs issue", "certs renew"],
        hint: "`--ca-cert FILE --ca-key FILE` name the CA that signs",
    },
    Row {
        typed: "--cakey --ca-private-key --issuer-key --signkey",
        at: &["certs init", "certs issue", "certs renew"],
        hint: "`--ca-key FILE` names the key of the CA that signs",
    },
    // Where files are.
    Row {
        typed: "--cert-file --key-file --keyout --out-file --output-file --output --file",
        at: &["certs issue"],
        hint: "`--out NAME` writes `NAME.crt` and `NAME.key` into the set's directory",
    },
    Row {
        typed: "--output --output-file --out-file --file -f --archive",
        at: &["certs pack"],
        hint: "`--out FILE` names the archive",
    },
    Row {
        typed: "--output --out --out-dir --output-dir --outdir --directory --folder --path --certs \
                --certs-dir --cert-dir --cert-path --depot-path --cert-file --key-file --keyout \
                --output-file",
        at: &["certs init", "certs renew", "certs rotate-ca"],
        hint: "`--dir DIR` is the directory of the set",
    },
    Row {
        typed: "--output --out --output-file --file -f --write -w",
        at: &["config", "completions", "man", "generate"],
        hint: "it goes to stdout: redirect it with `> FILE`",
    },
    Row {
        typed: "--output --out --output-file",
        at: &[""],
        hint: "`--format json` (`-o json`) chooses the format, and `> FILE` writes it to a file",
    },
    // Sides.
    Row {
        typed: "--role --side --server --client --type --profile --usage --purpose --eku --ext-key-usage",
        at: &["certs issue"],
        hint: "the side is the first argument: `egext certs issue client`",
    },
    Row {
        typed: "--role --side --server --client",
        at: &["certs pack"],
        hint: "the side is the first argument: `egext certs pack server --out server.tar`",
    },
    Row {
        typed: "--side --server --client --type --profile",
        at: &["certs check", "certs renew"],
        hint: "`--role server` takes one side only",
    },
    Row {
        typed: "--client --server --csr --install --ca-only --initca",
        at: &["certs init"],
        hint: "both sides get a certificate, and the CA is in `ca.crt`; `egext certs issue` makes further certificates, also for a CSR",
    },
    // What is read.
    Row {
        typed: "--req --request --csr-file --in",
        at: &["certs issue"],
        hint: "`--csr FILE` names the certificate request",
    },
    Row {
        typed: "--in -i --input --file -f --cert --key --ca --cert-file --path",
        at: &["certs show"],
        hint: "files are arguments: `egext certs show server.crt server.key`",
    },
    Row {
        typed: "--text --noout --dates --enddate --fingerprint --subject --issuer --serial --modulus \
                --pubkey --showcerts --bundle --chain --all",
        at: &["certs show"],
        hint: "leave it out: all of that is shown; `-o pem` prints the certificates themselves",
    },
    Row {
        typed: "--cacert --ca-cert --ca-crt --ca-file --cafile --root-ca --rootca --root --roots --trust \
                --truststore --trusted-ca-file --tls-ca-cert --tls-ca --tls-ca-file --client-ca-file \
                --capath",
        at: &["probe", "bridge", "certs check"],
        hint: "`--ca FILE` names the CA certificates to verify against",
    },
    Row {
        typed: "--tls-cert --tls-client-cert --client-cert --client-certificate --cert-file --certificate \
                --crt --certfile --tls-cert-file -E --in --file",
        at: &["probe", "bridge", "certs check"],
        hint: "`--cert FILE --key FILE` name the certificate and its key",
    },
    Row {
        typed: "--tls-key --tls-client-key --client-key --key-file --private-key --keyfile \
                --tls-private-key-file --inkey",
        at: &["probe", "bridge", "certs check"],
        hint: "`--key FILE` names the key of `--cert FILE`",
    },
    Row {
        typed: "--directory --certs --certs-dir --cert-dir --cert-path --keystore --folder",
        at: &[
            "probe",
            "bridge",
            "certs check",
            "certs show",
            "certs pack",
            "certs issue",
            "config stanza",
            "config gateway",
        ],
        hint: "`--dir DIR` is the directory that `egext certs init` filled",
    },
    // Verification.
    Row {
        typed: "--insecure -k --no-verify --skip-verify --tls-no-verify --insecure-skip-verify \
                --insecure-skip-tls-verify --no-check-certificate --verify --allow-insecure",
        at: &["probe"],
        hint: "a server is always verified; `egext certs show --connect HOST:PORT` shows what it presents, trusted or not",
    },
    Row {
        typed: "--insecure -k --no-verify --skip-verify --insecure-skip-verify --insecure-skip-tls-verify \
                --unsafe-target",
        at: &["bridge"],
        hint: "both sides are always verified; `--ca FILE` names the CA of a server with other certificates",
    },
    Row {
        typed: "--insecure -k --no-verify --skip-verify --insecure-skip-verify",
        at: &["certs show", "certs check"],
        hint: "leave it out: `--connect HOST:PORT` looks at what a server presents, trusted or not",
    },
    Row {
        typed: "--plaintext --no-tls --notls --disable-tls --http2-prior-knowledge",
        at: &["probe", "bridge"],
        hint: "the address says it: `tcp://HOST:PORT` is plaintext",
    },
    Row {
        typed: "--tls --ssl --secure --mtls --starttls",
        at: &["probe", "bridge", "certs show", "certs check"],
        hint: "the address says it: `HOST:PORT` and `tls://HOST:PORT` speak TLS",
    },
    // Addresses.
    Row {
        typed: "--addr --address --host --hostname --server --target --connect --url --endpoint --upstream \
                --port -p -s",
        at: &["probe"],
        hint: "the address is an argument: `egext probe localhost:5005`",
    },
    Row { typed: "--host --server", at: &["certs show"], hint: "`--connect HOST:PORT` names the server" },
    Row {
        typed: "--addr --address --target --url --endpoint --port -p --remote",
        at: &["certs show", "certs check"],
        hint: "`--connect HOST:PORT` names the server",
    },
    Row {
        typed: "--target --backend --to --connect --server --dest --destination --forward --remote \
                --endpoint --host",
        at: &["bridge"],
        hint: "`--upstream HOST:PORT` names where calls go",
    },
    Row {
        typed: "--bind --from --address --addr --port --listen-address --frontend --local --socket --accept \
                -l -p",
        at: &["bridge"],
        hint: "`--listen unix:/run/egext/eg.sock` names where to listen",
    },
    // Time.
    Row {
        typed: "--connect-timeout --max-time --rpc-timeout --deadline --connect-timeout-ms -m -t",
        at: &["probe", "certs show", "certs check"],
        hint: "`--timeout 5s` limits one attempt",
    },
    Row {
        typed: "--retry --retries --attempts --wait-for-ready --max-attempts",
        at: &["probe"],
        hint: "`--wait 60s` tries again until the server is healthy",
    },
    Row {
        typed: "--timeout --max-time --rpc-timeout --deadline --request-timeout --max-grpc-timeout",
        at: &["bridge"],
        hint: "`--call-timeout 30s` limits each call",
    },
    Row {
        typed: "--connect-timeout --dial-timeout",
        at: &["bridge"],
        hint: "`--connect-wait 6s` limits how long a call waits for a connection",
    },
    Row {
        typed: "--drain-time-s --drain-time --drain --shutdown-timeout --grace --grace-period \
                --hard-stop-after",
        at: &["bridge"],
        hint: "`--drain-timeout 30s` limits how long calls may go on after SIGTERM",
    },
    // The bridge as a service.
    Row {
        typed: "-v -vv --verbose --debug --log --loglevel --trace --level --verbosity --access-log",
        at: &["bridge"],
        hint: "`--log-level debug` logs every call",
    },
    Row {
        typed: "--log-type --json-log --log-json --json",
        at: &["bridge"],
        hint: "`--log-format json` logs one JSON object for each event",
    },
    Row {
        typed: "-c -f --config --config-path --config-file --config-yaml",
        at: &["bridge"],
        hint: "there is no configuration file: each flag has an environment variable, see `egext bridge --help`",
    },
    Row {
        typed: "-d -D --daemon --detach --background",
        at: &["bridge"],
        hint: "it stays in the foreground: start it from a service manager, or with `&`",
    },
    Row {
        typed: "--service-name --health-service",
        at: &["probe"],
        hint: "`--service NAME` names the gRPC service to check",
    },
    // Configuration.
    Row {
        typed: "--gateway-version --envoy-gateway-version --eg --release --target-version",
        at: &["config"],
        hint: "`--eg-version 1.9` names the release of Envoy Gateway",
    },
    Row {
        typed: "--hooks --post-hooks",
        at: &["config stanza", "config gateway"],
        hint: "`--hook Route,Cluster` names the hooks",
    },
    Row {
        typed: "--config --input --diff --compare --verify -c",
        at: &["config stanza", "config gateway"],
        hint: "`--check FILE` compares a file with what these flags give",
    },
    Row {
        typed: "--sock --unix --uds --path --socket-path --listen",
        at: &["config stanza", "config gateway"],
        hint: "`--socket PATH` names the unix socket of the bridge",
    },
    Row {
        typed: "--resources --resource-path --config-dir --watch",
        at: &["config gateway"],
        hint: "`--resources-dir DIR` names the directory that Envoy Gateway reads",
    },
    Row {
        typed: "--wait --stay --no-cleanup --keep-running --serve",
        at: &["demo"],
        hint: "`--keep` leaves everything running",
    },
    // Everywhere.
    Row {
        typed: "--overwrite --force -f",
        at: &["certs issue"],
        hint: "`--replace` replaces `NAME.crt` and `NAME.key`",
    },
    Row {
        typed: "--overwrite --replace --renew -f",
        at: &["certs init"],
        hint: "`egext certs renew` renews certificates below the same CA",
    },
    Row {
        typed: "--dryrun --plan -n --what-if --noop --no-op --test --simulate",
        at: &[
            "certs init",
            "certs issue",
            "certs renew",
            "certs rotate-ca prepare",
            "certs rotate-ca activate",
            "certs rotate-ca finish",
        ],
        hint: "`--dry-run` writes nothing",
    },
    Row {
        typed: "--yes -y --assume-yes --non-interactive --noninteractive --batch --no-input",
        at: &[""],
        hint: "leave it out: no command asks a question",
    },
    Row {
        typed: "--colour --colors --no-color --no-colour --ansi --nocolor",
        at: &[""],
        hint: "`--color never` or `--color always`",
    },
    Row {
        typed: "--strict --exit-code --werror --warnings-as-errors --fail-on-warning --fail-on-warnings \
                --error-exitcode",
        at: &[""],
        hint: "`--fail-on warning` exits with 1 after a warning too",
    },
    Row {
        typed: "-v -vv --verbose --debug --trace",
        at: &[""],
        hint: "`-o json` prints all that is known; `egext --version` prints the version",
    },
];
