//! Faults below and above TLS: the operating system, no answer, other protocols.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::process::geteuid;

use super::{Context, Speaker, client, seconds};
use crate::net::{Fault, FaultKind, Stage};
use crate::report::{Finding, FindingId, MORE_DESCRIPTORS, is_lack_of_descriptors};
use crate::shell::{shell_path, shell_word};

pub(super) fn closed(context: &Context<'_>, stage: Stage) -> Finding {
    match stage {
        Stage::Tls => in_handshake(context, "the server closed the connection during the TLS handshake"),
        Stage::Call => context.finding(FindingId::ProbeGrpcClosed, "the server cut the call"),
        _ => after_handshake(context, "the server closed the connection before its first HTTP/2 frame"),
    }
}

/// In TLS 1.2 the server judges our certificate before the handshake has its end.
fn in_handshake(context: &Context<'_>, message: &str) -> Finding {
    if let Some(finding) = after_our_certificate(context) {
        return finding;
    }
    let finding = context.finding(FindingId::ProbeTlsClosed, message);
    match context.presented() {
        None if !context.spoke_tls => {
            finding.with_hint(format!("{}; otherwise {LOG}", context.plaintext_hint()))
        }
        _ => finding.with_hint(LOG),
    }
}

fn after_handshake(context: &Context<'_>, message: &str) -> Finding {
    after_our_certificate(context)
        .unwrap_or_else(|| context.finding(FindingId::ProbeHttp2Closed, message).with_hint(LOG))
}

/// The server had asked for a certificate and went away, and no alert says why. `None` if it did not ask.
fn after_our_certificate(context: &Context<'_>) -> Option<Finding> {
    if !context.asked_for_certificate() {
        return None;
    }
    let Some(own) = context.own else { return Some(client::required(context)) };
    client::own_defect(context).or_else(|| Some(client::rejected_in_silence(context, own)))
}

const LOG: &str =
    "the server's log may say why; a proxy or a port forward closes, too, if no server is behind it";

pub(super) fn io_error(context: &Context<'_>, stage: Stage, error: &io::Error) -> Finding {
    match stage {
        Stage::Resolve if is_lack_of_descriptors(error) => context
            .finding(
                FindingId::ProbeResolveFailed,
                "the resolver could not be asked: no file descriptor is left",
            )
            .with_evidence("found", error.to_string())
            .with_hint(MORE_DESCRIPTORS),
        Stage::Connect if is_lack_of_descriptors(error) => context
            .finding(
                FindingId::ProbeConnectFailed,
                "the connection could not be opened: no file descriptor is left",
            )
            .with_evidence("found", error.to_string())
            .with_hint(MORE_DESCRIPTORS),
        Stage::Resolve => {
            let authority = context.target.address().authority();
            let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
            context
                .finding(FindingId::ProbeResolveFailed, format!("no address was found for `{host}`"))
                .with_evidence("found", error.to_string())
                .with_hint(unknown_host(context, host))
        }
        Stage::Connect => connect_error(context, error),
        Stage::Tls => in_handshake(context, "the connection was cut during the TLS handshake")
            .with_evidence("found", error.to_string()),
        Stage::Call => context
            .finding(FindingId::ProbeGrpcClosed, "the server cut the connection during the call")
            .with_evidence("found", error.to_string()),
        _ => after_handshake(context, "the connection was cut before the server's first HTTP/2 frame")
            .with_evidence("found", error.to_string()),
    }
}

fn unknown_host(context: &Context<'_>, host: &str) -> String {
    let host = shell_word(host);
    let cures = match context.speaker {
        Speaker::Probe => {
            format!("correct the name, add it to DNS or `/etc/hosts`, or pass `--resolve {host}:IP`")
        }
        _ => "correct the name, or add it to DNS or `/etc/hosts`".to_owned(),
    };
    format!("{cures}; `getent hosts {host}` asks the same resolver")
}

fn connect_error(context: &Context<'_>, error: &io::Error) -> Finding {
    let row = CONNECT_ERRORS.iter().find(|(kind, ..)| *kind == error.kind());
    let (id, message) = row
        .map_or((FindingId::ProbeConnectFailed, "the connection could not be opened"), |row| (row.1, row.2));
    let finding = context.finding(id, message);
    match (id, context.target.address().socket_path()) {
        (FindingId::ProbeConnectFailed, Some(path)) if error.kind() == io::ErrorKind::InvalidInput => {
            finding.with_hint(format!("correct the path; `ls -ld {}` shows what is there", shell_path(path)))
        }
        (FindingId::ProbeConnectFailed, Some(_)) if error.kind() == io::ErrorKind::WouldBlock => finding
            .with_hint(
                "the program that listens there takes no connections: it hangs; restart it, and read its log",
            ),
        // Links lead in a circle, or a part of the path is a file.
        (FindingId::ProbeConnectFailed, Some(path)) => finding
            .with_evidence("found", error.to_string())
            .with_hint(format!("look at the path: `ls -ld {}`", shell_path(path))),
        (FindingId::ProbeConnectFailed, None) => finding.with_evidence("found", error.to_string()),
        (FindingId::ProbeConnectRefused, Some(path)) => finding.with_hint(format!(
            "the socket file is stale: start the program that serves `{}`",
            path.display()
        )),
        (FindingId::ProbeConnectRefused, None) => finding.with_hint("start the server, or correct the port"),
        (FindingId::ProbeConnectSocketMissing, Some(path)) => finding
            .with_hint(format!("start the program that serves `{}`, or correct the path", path.display())),
        (FindingId::ProbeConnectPermission, Some(path)) => not_permitted(finding, path),
        _ => finding,
    }
}

/// A bridge gives its socket the mode 0600, and the directory may be closed as well.
fn not_permitted(finding: Finding, socket: &Path) -> Finding {
    const OPEN: &str = "`--socket-group GROUP`, a group of both users, or with";
    let user = geteuid().as_raw();
    let flags = format!("{OPEN} `--allow-uid {user} --socket-mode 0666`");
    match closed_directory(socket) {
        Some(directory) => finding
            .with_evidence("found", format!("the directory `{}`{}", directory.display(), access(&directory)))
            .with_hint(format!(
                "give this user access to the directory (`chmod o+x {}`), or use one that both users can access; a \
                 bridge opens the socket in it with {flags}",
                shell_path(&directory)
            )),
        None => finding
            .with_evidence("found", format!("the socket{}", access(socket)))
            .with_hint(format!("start the bridge that serves it with {flags}; or run as the socket's owner")),
    }
}

/// The directory above the socket that this user cannot pass, if it is not the socket itself that refuses.
fn closed_directory(socket: &Path) -> Option<PathBuf> {
    let is_denied = |path: &Path| {
        fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    let highest = socket.ancestors().filter(|path| is_denied(path)).last()?;
    highest.parent().map(Path::to_owned)
}

/// In words; nothing if it cannot be seen.
fn access(path: &Path) -> String {
    fs::metadata(path).map_or_else(
        |_| String::new(),
        |found| {
            let mode = found.mode() & 0o7777;
            format!(" has the mode {mode:04o}, user {}, group {}", found.uid(), found.gid())
        },
    )
}

pub(super) fn timed_out(context: &Context<'_>, stage: Stage) -> Finding {
    let limit = seconds(context.limit);
    match stage {
        Stage::Resolve => context
            .finding(FindingId::ProbeResolveFailed, format!("the resolver did not answer within {limit}")),
        Stage::Connect => context
            .finding(FindingId::ProbeConnectTimeout, format!("no connection within {limit}"))
            .with_hint("packets are dropped on the way: check the address and the firewall"),
        Stage::Tls => context
            .finding(
                FindingId::ProbeTlsTimeout,
                format!("the server did not answer our TLS hello within {limit}"),
            )
            .with_hint(if context.spoke_tls {
                "it has spoken TLS before: restart the server, or what is on the way to it".to_owned()
            } else {
                let plaintext = context.plaintext_hint();
                format!("{plaintext}; otherwise restart what hangs, the server or what is on the way to it")
            }),
        Stage::Call => context
            .finding(FindingId::ProbeGrpcTimeout, format!("no answer to the health check within {limit}")),
        _ => {
            let message = format!("the server sent no HTTP/2 frame within {limit}");
            let finding = context.finding(FindingId::ProbeHttp2Timeout, message);
            match context.trace.handshake {
                Some(_) => finding.with_hint("TLS works, and nothing behind it answers: restart the server, or what is on the way to it"),
                None => finding,
            }
        }
    }
}

/// The server has the head of a request, and did not let us send the rest.
pub(super) fn no_window(context: &Context<'_>, initial: u32) -> Finding {
    let limit = seconds(context.limit);
    context
        .finding(
            FindingId::ProbeGrpcTimeout,
            format!("the server gave no window for the whole request within {limit}"),
        )
        .with_evidence("found", format!("SETTINGS_INITIAL_WINDOW_SIZE {initial}, and no WINDOW_UPDATE that suffices"))
        .with_hint("let the server say that it reads requests, by a larger SETTINGS_INITIAL_WINDOW_SIZE or by WINDOW_UPDATE; one that hangs sends neither")
}

/// What shows that a server speaks TLS that got plaintext.
pub(super) fn tls_seen(context: &Context<'_>, fault: &Fault) -> Option<String> {
    match &fault.kind {
        FaultKind::SpeaksTls => Some(ONLY_TLS.to_owned()),
        FaultKind::Unexpected(first) if is_tls(context, first) => Some(shown(first)),
        _ => None,
    }
}

/// An alert or a handshake record (RFC 8446 section 5.1) in answer to plaintext.
fn is_tls(context: &Context<'_>, first: &[u8]) -> bool {
    context.target.tls().is_none() && matches!(first, [0x15 | 0x16, 0x03, ..])
}

pub(super) const ONLY_TLS: &str = "no answer to plaintext, and one to a TLS hello";

pub(super) fn unexpected(context: &Context<'_>, first: &[u8]) -> Finding {
    let message = match first {
        _ if is_tls(context, first) => return speaks_tls(context, &shown(first)),
        first if is_of_web_server(first) => "the server answers in HTTP/1",
        _ => "the server's first bytes are not HTTP/2",
    };
    context
        .finding(FindingId::ProbeHttp2NotHttp2, message)
        .with_evidence("expected", "an HTTP/2 SETTINGS frame")
        .with_evidence("found", shown(first))
        .with_hint(CHECK_PORT)
}

/// A status line, or, without one, a page (HTTP/0.9): so do servers answer that are no gRPC servers.
pub(super) fn is_of_web_server(first: &[u8]) -> bool {
    [&b"HTTP/"[..], b"<!", b"<h"].iter().any(|begin| first.starts_with(begin))
}

pub(super) const CHECK_PORT: &str = "check the port: another server has this one, such as a web server";

pub(super) fn speaks_tls(context: &Context<'_>, found: &str) -> Finding {
    let address = context.target.address();
    let hint = match address.socket_path() {
        None => context.with_address(&format!("tls://{}", address.authority())),
        Some(_) => "let the server speak plaintext on this socket, or TLS on a TCP port".to_owned(),
    };
    context
        .finding(FindingId::ProbeHttp2NotHttp2, "the server speaks TLS, and plaintext was asked for")
        .with_evidence("expected", "an HTTP/2 SETTINGS frame")
        .with_evidence("found", found)
        .with_hint(hint)
}

/// The first bytes of another protocol: their first line where it is text, bytes where it is not.
pub(super) fn shown(first: &[u8]) -> String {
    // On stream 0, without ACK (RFC 9113 section 6.5).
    if let [0, 0, _, 4, 0, 0, 0, 0, 0, ..] = first {
        return "an HTTP/2 SETTINGS frame".to_owned();
    }
    if first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        let text = String::from_utf8_lossy(first);
        return text.trim().lines().next().unwrap_or_default().trim_end().to_owned();
    }
    first.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// What the operating system says when a connection is opened.
const CONNECT_ERRORS: &[(io::ErrorKind, FindingId, &str)] = &[
    (
        io::ErrorKind::ConnectionRefused,
        FindingId::ProbeConnectRefused,
        "connection refused: nothing listens there",
    ),
    (
        io::ErrorKind::ConnectionReset,
        FindingId::ProbeConnectReset,
        "the connection was reset while it was opened",
    ),
    (io::ErrorKind::InvalidInput, FindingId::ProbeConnectFailed, "the file at this path is not a socket"),
    (io::ErrorKind::WouldBlock, FindingId::ProbeConnectFailed, "the socket's queue of connections is full"),
    (io::ErrorKind::HostUnreachable, FindingId::ProbeConnectUnreachable, "no route to that host"),
    (io::ErrorKind::NetworkUnreachable, FindingId::ProbeConnectUnreachable, "no route to that network"),
    (io::ErrorKind::NotFound, FindingId::ProbeConnectSocketMissing, "there is no socket at this path"),
    (io::ErrorKind::PermissionDenied, FindingId::ProbeConnectPermission, "this user may not open the socket"),
    (io::ErrorKind::TimedOut, FindingId::ProbeConnectTimeout, "no connection: packets get no answer"),
];
