//! Commands of mkcert, step, cfssl, openssl, certstrap, grpcurl and others.

use super::elsewhere::Row;
use crate::net::Address;

/// What to type in place of `verb`, behind the words `path`.
pub(super) fn hint(path: &str, verb: &str) -> Option<String> {
    let lower = verb.to_ascii_lowercase();
    if let Some(row) = ROWS.iter().find(|row| row.at.contains(&path) && row.has(&lower)) {
        return Some(row.hint.to_owned());
    }
    let is_file = [".crt", ".pem", ".cer", ".key", ".csr", ".der"].iter().any(|end| lower.ends_with(end));
    let word = crate::shell::shell_word(verb);
    match path {
        "" | "certs" if is_file => Some(format!("`egext certs show {word}` says what is in it")),
        "" if verb.contains(':') => Some(match Address::of_server(verb) {
            Ok(_) => format!("`egext probe {word}` connects to it"),
            Err(_) => "`egext probe ADDRESS` connects to a server".to_owned(),
        }),
        "certs" if verb.contains('.') => Some(format!("`egext certs init {word}` makes certificates for it")),
        _ => None,
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        typed: "init new create make gencert genkey gen mkcert selfsign self-signed bootstrap setup install",
        at: &[""],
        hint: "`egext certs init` makes a CA and a certificate for each side",
    },
    Row {
        typed: "cert certificate certificates ca pki tls keys",
        at: &[""],
        hint: "`certs` has the commands for certificates",
    },
    Row {
        typed: "sign csr req request request-cert",
        at: &[""],
        hint: "`certs issue` makes one more certificate, also for a CSR",
    },
    Row {
        typed: "inspect x509 info view decode certinfo dump print list ls crypto",
        at: &[""],
        hint: "`egext certs show` says what certificates and keys are",
    },
    Row {
        typed: "s_client s-client showcerts",
        at: &[""],
        hint: "`egext certs show --connect localhost:5005` shows what a server presents",
    },
    Row {
        typed: "verify lint validate audit needs-renewal",
        at: &[""],
        hint: "`egext certs check` finds what is wrong with certificates, `egext probe localhost:5005` what is wrong with a connection",
    },
    Row {
        typed: "diagnose diagnosis troubleshoot debug analyze support",
        at: &[""],
        hint: "`egext doctor` looks at everything and names the first thing that is wrong",
    },
    Row {
        typed: "ping health healthcheck health-check status connect call test grpcurl curl",
        at: &[""],
        hint: "`egext probe localhost:5005` finds what is wrong with a connection",
    },
    Row {
        typed: "proxy tunnel relay serve server client run start forward sidecar listen",
        at: &[""],
        hint: "`bridge` connects a plaintext caller with a server that speaks mutual TLS",
    },
    Row {
        typed: "conf configure configuration yaml",
        at: &[""],
        hint: "`config` writes configuration for Envoy Gateway",
    },
    Row {
        typed: "stanza extension",
        at: &[""],
        hint: "`egext config stanza` writes the part about the extension",
    },
    Row {
        typed: "compatibility compat matrix releases",
        at: &["", "config"],
        hint: "`egext config versions` prints what each release of Envoy Gateway does",
    },
    Row {
        typed: "completion complete autocomplete bash zsh fish",
        at: &[""],
        hint: "`egext completions bash` prints a completion script",
    },
    Row { typed: "manual manpage docs manpages", at: &[""], hint: "`egext man` prints a manual page" },
    Row {
        typed: "why error errors finding findings describe ids",
        at: &[""],
        hint: "`explain` says what a finding means",
    },
    Row { typed: "example try sample quickstart", at: &[""], hint: "`egext demo` shows all of it at once" },
    Row {
        typed: "rotate rollover roll",
        at: &["", "certs"],
        hint: "`egext certs renew` renews certificates, `rotate-ca` replaces the CA",
    },
    Row {
        typed: "export bundle tar archive package",
        at: &["", "certs"],
        hint: "`egext certs pack` puts what one side needs into one file",
    },
    Row {
        typed: "update refresh reissue",
        at: &["", "certs"],
        hint: "`egext certs renew` renews certificates, or changes one",
    },
    Row { typed: "uninstall revoke crl ocsp delete rm remove del drop forget", at: &[""], hint: REMOVED },
    Row { typed: "uninstall revoke crl ocsp delete rm del drop forget", at: &["certs"], hint: REMOVED },
    Row {
        typed: "new create make gencert genkey gen generate ca selfsign self-signed install setup",
        at: &["certs"],
        hint: "`egext certs init` makes a CA and a certificate for each side",
    },
    Row {
        typed: "sign csr req request request-cert add certificate",
        at: &["certs"],
        hint: "`certs issue` makes one more certificate, also for a CSR",
    },
    Row {
        typed: "inspect view info list ls print describe get dump",
        at: &["certs"],
        hint: "`egext certs show` says what certificates and keys are",
    },
    Row {
        typed: "verify lint validate audit test needs-renewal status",
        at: &["certs"],
        hint: "`egext certs check` finds what is wrong with certificates",
    },
    Row {
        typed: "init generate print show write emit new create extension extensionmanager",
        at: &["config"],
        hint: "`egext config stanza` writes the part about the extension, `egext config gateway` a whole file",
    },
    Row {
        typed: "validate verify lint test audit",
        at: &["config"],
        hint: "`egext config check FILE` says what EG makes of a file",
    },
    Row {
        typed: "diff compare",
        at: &["config"],
        hint: "`egext config stanza --check FILE` compares a file with what these flags give",
    },
    Row {
        typed: "start begin init new",
        at: &["certs rotate-ca"],
        hint: "`egext certs rotate-ca prepare` is the first step",
    },
    Row {
        typed: "next continue show step",
        at: &["certs rotate-ca"],
        hint: "`egext certs rotate-ca status` says which step is next",
    },
    Row {
        typed: "apply switch commit",
        at: &["certs rotate-ca"],
        hint: "`egext certs rotate-ca activate` issues all certificates from the new CA",
    },
    Row {
        typed: "end complete done cleanup retire",
        at: &["certs rotate-ca"],
        hint: "`egext certs rotate-ca finish` takes the old CA out of `ca.crt`",
    },
];

const REMOVED: &str = "`egext certs remove NAME` takes a certificate out of the set; none is revoked: `rotate-ca` replaces the CA that issued it";
