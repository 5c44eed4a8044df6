//! Command lines of other programs, with ours in place of the program's name.

use super::refused;
use crate::egext;

#[test]
fn flags_of_other_programs_are_answered_with_ours() {
    for (typed, ours) in [
        // mkcert
        ("certs init -cert-file a.crt -key-file a.key", "`--dir DIR`"),
        ("certs init -ecdsa", "`--key-type p384`"),
        ("certs issue client -csr a.csr", "two dashes: `--csr`"),
        // openssl
        ("certs init -days 365", "`--lifetime 90d`"),
        ("certs init -newkey rsa:2048 -nodes", "`--key-type p384`"),
        ("certs init -subj /CN=x", "`--san`"),
        ("certs issue server -out x.crt", "two dashes: `--out`"),
        ("certs init -out x.crt", "`--dir DIR`"),
        ("certs show -in x.crt -noout -text", "files are arguments"),
        ("certs show x.crt -noout -text", "leave it out"),
        ("certs show -connect localhost:443", "two dashes: `--connect`"),
        ("certs check -checkend 86400", "`--within 30d`"),
        ("probe -connect localhost:443 -servername x", "the address is an argument"),
        ("probe localhost:443 -servername x", "`--server-name NAME`"),
        ("probe localhost:443 -CAfile ca.crt", "`--ca FILE`"),
        // step, cfssl, certstrap
        ("certs init --not-after 24h", "`--lifetime 90d`"),
        ("certs issue client --kty RSA --size 2048", "`--key-type p384`"),
        ("certs init --cn example.internal", "`--san`"),
        ("certs init --domain example.internal", "`--san NAME`"),
        ("certs init --passphrase secret", "`--ca-key-passphrase-file FILE`"),
        ("certs issue client --no-password --insecure", "leave it out"),
        ("certs renew --expires-in 75%", "`--within 30d`"),
        ("certs init --hostname=a.internal", "`--san NAME`"),
        ("certs init --host a.internal", "`--san NAME`"),
        // curl, grpcurl, grpc-health-probe
        ("probe -k localhost:443", "always verified"),
        ("probe --insecure localhost:443", "always verified"),
        ("probe -plaintext localhost:443", "`tcp://HOST:PORT`"),
        ("probe --cacert ca.crt localhost:443", "`--ca FILE`"),
        ("probe -addr=localhost:443", "the address is an argument"),
        ("probe localhost:443 -tls-ca-cert ca.crt", "`--ca FILE`"),
        ("probe localhost:443 --tls-cert a.crt", "`--cert FILE --key FILE`"),
        ("probe localhost:443 -tls-client-key a.key", "`--key FILE`"),
        ("probe localhost:443 -connect-timeout 1s", "`--timeout 5s`"),
        ("probe localhost:443 --retry 3", "`--wait 60s`"),
        // ghostunnel, envoy, haproxy
        ("bridge --target localhost:443", "`--upstream HOST:PORT`"),
        ("bridge -c envoy.yaml", "no configuration file"),
        ("bridge -l debug", "`--listen"),
        ("bridge --drain-time-s 5", "`--drain-timeout 30s`"),
        ("bridge -v", "`--log-level debug`"),
        // taken for `-h` and `-V`
        ("probe -host localhost", "the address is an argument"),
        ("certs init -hostname a.internal", "`--san NAME`"),
        ("-homepage", "`egext --help`"),
        ("bridge -Verbose", "`--log-level debug`"),
        // taken for our version
        ("config stanza --version 1.9", "`--eg-version 1.9`"),
        ("certs init --version --dir x", "`egext --version`"),
        // habits
        ("certs check --output json", "`-o json` chooses the format"),
        ("certs check --json", "`-o json` chooses the format"),
        ("probe localhost --output=junit", "`-o junit` chooses the format"),
        ("certs pack server --output x.tar", "`--out FILE`"),
        ("config stanza --output x.yaml", "redirect it with `> FILE`"),
        ("config stanza -output x.yaml", "redirect it with `> FILE`"),
        ("explain --verbose", "`-o json`"),
        ("certs renew server", "`egext certs renew --role server`"),
        ("certs renew certs/", "`egext certs renew --dir certs/`"),
        ("--dir x certs renew", "write it behind `certs renew`"),
        ("certs --dir x renew", "write it behind `certs renew`"),
        ("probe localhost --san x", "`certs init`"),
        ("config stanza --controller-name x", "`config gateway` has it"),
        ("config stanza --control-plane x", "`egext config stanza --help`"),
        ("bridge unix:/run/egext/eg.sock localhost:5005", "as in `egext bridge --listen "),
    ] {
        let (_, error, hint) = refused(egext([]).args(typed.split(' ')));
        assert!(hint.contains(ours), "{typed}: {error}: {hint}");
    }
}

#[test]
fn commands_of_other_programs_are_answered_with_ours() {
    for (typed, ours) in [
        ("init", "`egext certs init`"),
        ("gencert", "`egext certs init`"),
        ("renew", "it is `certs renew`"),
        ("x509 -in a.crt", "`egext certs show`"),
        ("verify a.crt", "`egext certs check`"),
        ("ping localhost", "`egext probe localhost:5005`"),
        ("localhost:5005", "`egext probe localhost:5005`"),
        ("server.crt", "`egext certs show server.crt`"),
        ("completion bash", "`egext completions bash`"),
        ("cert show", "`certs` has"),
        ("prbe localhost", "did you mean `probe`?"),
        ("certs create", "`egext certs init`"),
        ("certs a.internal", "`egext certs init a.internal`"),
        ("certs isue", "did you mean `certs issue`?"),
        ("certs probe", "it is `probe`"),
        ("config validate", "`egext config check FILE`"),
        ("config diff", "`egext config stanza --check FILE`"),
        ("certs rotate-ca start", "`egext certs rotate-ca prepare`"),
        ("help nonsense", "one of `certs`"),
    ] {
        let (_, error, hint) = refused(egext([]).args(typed.split(' ')));
        assert!(hint.contains(ours), "{typed}: {error}: {hint}");
    }
}
