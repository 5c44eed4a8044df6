use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustls::{ServerConfig, SupportedProtocolVersion};
use tonic::Code;

use super::drip::PAUSE;
use super::named::Named;
use super::raw::RawAnswer;
use super::record::Watched;
use super::{Listening, TestServer, spawn};
use crate::TestPki;
use crate::pki::{certificates, key};
use crate::tls::ServerTls;

/// How a server behaves. Made by one of the first functions of [`TestServer`].
#[derive(Debug)]
pub struct Manner {
    tls: Option<ServerTls>,
    socket: Socket,
    pub(super) conduct: Conduct,
    /// What the first so many connections get in place of anything else, before TLS.
    pub(super) failures: (usize, Conduct),
    pub(super) hangs_after: Option<usize>,
    /// What becomes of later connections than this many, before TLS.
    pub(super) gone_after: Option<(usize, Conduct)>,
    pub(super) closes_on_plaintext: bool,
    /// What it does with a name that has a port; rustls does not take it.
    pub(super) named: Option<Named>,
    /// Set when a client was refused: nothing is written to it any more.
    pub(super) mute: Option<Arc<AtomicBool>>,
    serving: bool,
    pub(super) watched: Watched,
}

/// What it listens on.
#[derive(Clone, Copy, Debug)]
enum Socket {
    Full,
    Tcp,
    Unix,
}

/// What the server does with a connection on which it could speak HTTP/2.
#[derive(Clone, Debug)]
pub(super) enum Conduct {
    /// Ends it in good order.
    Close,
    /// Says this one octet at a time, and the last one without end.
    Drip(&'static [u8]),
    /// Opens HTTP/2 and says goodbye.
    GoAway,
    /// Nothing, and keeps it open.
    Hang,
    /// Speaks HTTP/2.
    Http2(Answer),
    /// Speaks HTTP/2 once the client has begun.
    Http2AfterPreface(Answer),
    /// Speaks HTTP/2 when the client kept silent until then, and else cuts the connection.
    Http2IfSilent(Answer),
    /// Says this again and again, when the client has said something.
    Pour(&'static [u8]),
    /// Speaks just enough HTTP/2 to send this to every call.
    Raw(Arc<RawAnswer>),
    /// Cuts it.
    Reset,
    /// Says this when the client has said something, and ends it in good order.
    Say(Words),
}

/// Octets that a server says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    Alert(u8),
    /// The alert that closes a connection, on a socket that stays open.
    CloseNotify,
    Octets(&'static [u8]),
    Text(&'static str),
}

/// How an HTTP/2 server answers requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// gRPC health as it should be, UNIMPLEMENTED to everything else.
    Health,
    /// A page for browsers.
    Html,
    /// Cuts the connection.
    Cut,
    /// gRPC health after a while.
    Late(Duration),
    /// A message of so many bytes.
    Long(usize),
    /// Never.
    Never,
    /// Resets the request's stream.
    ResetStream,
    /// A gRPC status, whatever the request was.
    Status(Code),
    /// The same to so many requests, and gRPC health after them.
    StatusFirst(Code, usize),
    /// A gRPC response that ends without a status.
    WithoutStatus,
}

impl TestServer {
    /// Health over TLS. Demands a client certificate of `pki`.
    pub fn mtls(pki: &TestPki) -> Manner {
        Manner::new(Some(pki.server_tls().demanding_client(pki.roots())))
    }

    /// Health over TLS. Asks for no client certificate.
    pub fn tls(pki: &TestPki) -> Manner {
        Manner::new(Some(pki.server_tls()))
    }

    /// Health over TLS. Asks for a client certificate of `pki`, and goes on without one.
    pub fn tls_asking(pki: &TestPki) -> Manner {
        Manner::new(Some(pki.server_tls().asking_client(pki.roots())))
    }

    /// Health over TLS with `server.crt` and `server.key` of this directory. Asks for no client certificate.
    pub fn with_certificates(directory: &Path) -> Manner {
        let chain = certificates(&directory.join("server.crt"));
        Manner::new(Some(ServerTls::new(chain, key(&directory.join("server.key")))))
    }

    /// Health over HTTP/2 without TLS.
    pub fn plaintext() -> Manner {
        Manner::new(None)
    }

    /// Health over HTTP/2 without TLS on a unix socket.
    pub fn unix() -> Manner {
        Manner { socket: Socket::Unix, ..Manner::new(None) }
    }

    /// A listener whose queue is full: connecting takes until the client gives up. Linux only: other systems
    /// refuse instead.
    #[cfg(target_os = "linux")]
    pub fn without_room() -> Manner {
        Manner { socket: Socket::Full, ..Manner::new(None) }
    }
}

/// The transport.
impl Manner {
    /// Listens on a unix socket.
    #[must_use]
    pub fn on_a_socket(mut self) -> Self {
        self.socket = Socket::Unix;
        self
    }

    /// Speaks TLS 1.2 and nothing newer.
    #[must_use]
    pub fn only_tls12(self) -> Self {
        self.change_tls(|tls| tls.versions = ONLY_TLS12)
    }

    /// Its TLS has no ALPN.
    #[must_use]
    pub fn without_alpn(self) -> Self {
        self.change_tls(|tls| tls.alpn = &[])
    }

    /// Its TLS offers `http/1.1` by ALPN and nothing else.
    #[must_use]
    pub fn only_http1_alpn(self) -> Self {
        self.change_tls(|tls| tls.alpn = &[b"http/1.1"])
    }

    /// Sends its certificate so many times more.
    #[must_use]
    pub fn repeats_its_certificate(self, times: usize) -> Self {
        self.change_tls(|tls| tls.repeat(times))
    }

    /// Presents its certificate as if it were of X.509 version 1.
    #[must_use]
    pub fn presents_version_1(self) -> Self {
        self.change_tls(ServerTls::make_version_1)
    }

    /// Closes, without a word in TLS or plaintext, when a client does not begin with a TLS hello.
    #[must_use]
    pub fn closes_on_plaintext(mut self) -> Self {
        self.closes_on_plaintext = true;
        self
    }

    /// Goes on with the handshake if a client asks for `localhost:PORT`, as Go and OpenSSL do.
    #[must_use]
    pub fn takes_names_with_ports(mut self) -> Self {
        self.named = Some(Named::Accept);
        self
    }

    /// Closes without an alert if a client asks for `localhost:PORT`.
    #[must_use]
    pub fn closes_on_names_with_ports(mut self) -> Self {
        self.named = Some(Named::Close);
        self
    }

    /// Never answers a client that asks for `localhost:PORT`.
    #[must_use]
    pub fn hangs_on_names_with_ports(mut self) -> Self {
        self.named = Some(Named::Hang);
        self
    }

    /// Accepts every client that has a certificate, whoever issued it.
    #[must_use]
    pub fn accepts_every_certificate(self) -> Self {
        self.change_tls(ServerTls::accept_every_certificate)
    }

    /// Signs in the handshake with a key that is not that of its certificate.
    #[must_use]
    pub fn signs_with_another_key(self) -> Self {
        self.change_tls(ServerTls::change_key)
    }

    /// Finds no client good enough, whoever issued its certificate: alert `access_denied`.
    #[must_use]
    pub fn refuses_every_client(self) -> Self {
        self.change_tls(ServerTls::refuse_every_client)
    }
}

impl Manner {
    /// Finds no client good enough, and closes without an alert, as Node.js does.
    #[must_use]
    pub fn refuses_in_silence(mut self) -> Self {
        let refused = Arc::<AtomicBool>::default();
        self.mute = Some(Arc::clone(&refused));
        self.change_tls(|tls| tls.refuse_every_client_and_set(refused))
    }
}

/// What comes before HTTP/2, or instead of it: after TLS where TLS is spoken, else on the bare connection.
impl Manner {
    /// Accepts, and does nothing.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.conducts(Conduct::Hang)
    }

    /// Accepts, and closes in good order.
    #[must_use]
    pub fn closes(self) -> Self {
        self.conducts(Conduct::Close)
    }

    /// Accepts, and cuts the connection when the client speaks (RST on TCP).
    #[must_use]
    pub fn resets(self) -> Self {
        self.conducts(Conduct::Reset)
    }

    /// Answers as a web server of old does.
    #[must_use]
    pub fn speaks_http1(self) -> Self {
        self.conducts(Conduct::Say(Words::Text(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request",
        )))
    }

    /// Answers in no protocol at all.
    #[must_use]
    pub fn garbage(self) -> Self {
        self.conducts(Conduct::Say(Words::Text("\u{1}\u{2}what is this supposed to be?\r\n\u{0}\u{7f}")))
    }

    /// Answers with these octets again and again, until the client goes.
    #[must_use]
    pub fn pours(self, octets: &'static [u8]) -> Self {
        self.conducts(Conduct::Pour(octets))
    }

    /// Answers with these octets one at a time, and then with the last one, until the client goes.
    #[must_use]
    pub fn drips(self, octets: &'static [u8]) -> Self {
        self.conducts(Conduct::Drip(octets))
    }

    /// Answers a ClientHello with a record of TLS whose message is cut off. For plaintext servers.
    #[must_use]
    pub fn garbles_its_hello(self) -> Self {
        self.conducts(Conduct::Say(Words::Octets(&[22, 3, 3, 0, 4, 2, 0, 0, 0])))
    }

    /// Answers a ClientHello with a fatal alert, by its number (RFC 8446 section 6). For plaintext servers.
    #[must_use]
    pub fn sends_alert(self, description: u8) -> Self {
        self.conducts(Conduct::Say(Words::Alert(description)))
    }

    /// Answers a ClientHello with the alert `close_notify`, and keeps the socket open. For plaintext servers.
    #[must_use]
    pub fn closes_by_alert(self) -> Self {
        self.conducts(Conduct::Say(Words::CloseNotify))
    }

    /// Sends its SETTINGS only after it read the client's preface, as some servers do.
    #[must_use]
    pub fn waits_for_preface(self) -> Self {
        self.conducts(Conduct::Http2AfterPreface(Answer::Health))
    }

    /// Takes its time for its first frame, sends no ticket, and cuts the connection of a client that writes before. So does
    /// a server that refuses a certificate and closes: the write fails, and the alert is lost.
    #[must_use]
    pub fn cuts_who_speaks_first(self) -> Self {
        self.sends_tickets(0).conducts(Conduct::Http2IfSilent(Answer::Health))
    }

    /// Sends so many session tickets in a row, as soon as it has judged its client.
    #[must_use]
    pub fn sends_tickets(self, tickets: usize) -> Self {
        self.change_tls(|tls| tls.tickets = tickets)
    }

    /// Opens HTTP/2 and takes no call: SETTINGS, GOAWAY, end.
    #[must_use]
    pub fn goes_away(self) -> Self {
        self.conducts(Conduct::GoAway)
    }

    /// Behaves so on the first connections, this many; of later ones it says nothing.
    #[must_use]
    pub fn hangs_after(mut self, connections: usize) -> Self {
        self.hangs_after = Some(connections);
        self
    }

    /// Behaves so on the first connections, this many; later ones it closes at once, without TLS.
    #[must_use]
    pub fn closes_after(mut self, connections: usize) -> Self {
        self.gone_after = Some((connections, Conduct::Close));
        self
    }

    /// Behaves so on the first connections, this many; later ones it does not read, so not even TLS answers.
    #[must_use]
    pub fn stops_after(mut self, connections: usize) -> Self {
        self.gone_after = Some((connections, Conduct::Hang));
        self
    }

    /// Closes so many connections at once before it serves the next.
    #[must_use]
    pub fn recovers_after(mut self, failures: usize) -> Self {
        self.failures = (failures, Conduct::Close);
        self
    }

    /// Says goodbye on the first so many connections, before any call.
    #[must_use]
    pub fn goes_away_at_first(mut self, connections: usize) -> Self {
        self.failures = (connections, Conduct::GoAway);
        self
    }
}

/// What it answers.
impl Manner {
    /// Knows nothing of gRPC health: UNIMPLEMENTED.
    #[must_use]
    pub fn without_health(self) -> Self {
        self.answers_status(Code::Unimplemented)
    }

    /// Also answers `Health/Watch`, and says there when its health changes.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watched = Watched::Always;
        self
    }

    /// Answers `Health/Watch` with a message that cannot be decoded.
    #[must_use]
    pub fn watched_badly(mut self) -> Self {
        self.watched = Watched::Badly;
        self
    }

    /// Answers `Health/Watch` with the opposite of its health.
    #[must_use]
    pub fn watched_falsely(mut self) -> Self {
        self.watched = Watched::Falsely;
        self
    }

    /// Answers `Health/Watch` with its health, and ends the call.
    #[must_use]
    pub fn watched_once(mut self) -> Self {
        self.watched = Watched::Once;
        self
    }

    /// Says of itself as a whole that it does not serve, until [`TestServer::set_serving`]. The extension
    /// service serves all the same.
    #[must_use]
    pub fn not_serving(mut self) -> Self {
        self.serving = false;
        self
    }

    /// Answers every call with this status.
    #[must_use]
    pub fn answers_status(self, code: Code) -> Self {
        self.conducts(Conduct::Http2(Answer::Status(code)))
    }

    /// Answers the first requests with this gRPC status, and serves after them.
    #[must_use]
    pub fn answers_status_first(self, code: Code, requests: usize) -> Self {
        self.conducts(Conduct::Http2(Answer::StatusFirst(code, requests)))
    }

    /// Answers every request with a message of so many bytes.
    #[must_use]
    pub fn answers_message_of(self, length: usize) -> Self {
        self.conducts(Conduct::Http2(Answer::Long(length)))
    }

    /// Answers every request with a page for browsers.
    #[must_use]
    pub fn answers_html(self) -> Self {
        self.conducts(Conduct::Http2(Answer::Html))
    }

    /// Answers calls as gRPC, and forgets the status at their end.
    #[must_use]
    pub fn answers_without_status(self) -> Self {
        self.conducts(Conduct::Http2(Answer::WithoutStatus))
    }

    /// Speaks HTTP/2 and answers no call.
    #[must_use]
    pub fn never_answers(self) -> Self {
        self.conducts(Conduct::Http2(Answer::Never))
    }

    /// Answers every call after a while.
    #[must_use]
    pub fn answers_after(self, delay: Duration) -> Self {
        self.conducts(Conduct::Http2(Answer::Late(delay)))
    }

    /// Cuts the connection when it gets a call.
    #[must_use]
    pub fn cuts_during_call(self) -> Self {
        self.conducts(Conduct::Http2(Answer::Cut))
    }

    /// Resets the stream of every call (RST_STREAM).
    #[must_use]
    pub fn resets_calls(self) -> Self {
        self.conducts(Conduct::Http2(Answer::ResetStream))
    }

    /// Resets the stream of every call with this code (RFC 9113 section 7).
    #[must_use]
    pub fn resets_with(self, code: u32) -> Self {
        self.answers_raw(RawAnswer::reset(code))
    }

    /// Does so with so many calls, and serves after them.
    #[must_use]
    pub fn resets_first_with(self, code: u32, calls: usize) -> Self {
        self.answers_raw(RawAnswer::reset(code).then_serving(calls))
    }

    /// Answers so many calls with GOAWAY, as if it had not looked at them, and serves after them on other connections.
    #[must_use]
    pub fn goes_away_first(self, calls: usize) -> Self {
        self.answers_raw(RawAnswer::go_away(0, "").then_serving(calls))
    }

    /// Answers the first call with GOAWAY, this code and these words.
    #[must_use]
    pub fn goes_away_with(self, code: u32, words: &str) -> Self {
        self.answers_raw(RawAnswer::go_away(code, words))
    }

    /// Opens HTTP/2 with SETTINGS_MAX_CONCURRENT_STREAMS 0.
    #[must_use]
    pub fn allows_no_calls(self) -> Self {
        self.answers_raw(RawAnswer { settings: vec![(3, 0)], ..RawAnswer::serving() })
    }

    /// Opens HTTP/2 with SETTINGS_INITIAL_WINDOW_SIZE 0, and never sends WINDOW_UPDATE.
    #[must_use]
    pub fn gives_no_window(self) -> Self {
        self.answers_raw(RawAnswer { settings: vec![(4, 0)], ..RawAnswer::serving() })
    }

    /// Answers every call with a message that has no end.
    #[must_use]
    pub fn answers_without_end(self) -> Self {
        self.answers_raw(RawAnswer::endless_body(16_384))
    }

    /// The same, one octet at a time.
    #[must_use]
    pub fn answers_drop_by_drop(self) -> Self {
        self.answers_raw(RawAnswer { pause: Some(PAUSE), ..RawAnswer::endless_body(1) })
    }

    /// Answers every call with header fields that have no end.
    #[must_use]
    pub fn answers_headers_without_end(self) -> Self {
        self.answers_raw(RawAnswer::endless_head())
    }

    /// Answers every call with frames of this kind, with this in them, that belong to no call.
    #[must_use]
    pub fn pours_frames(self, kind: u8, payload: &[u8]) -> Self {
        self.answers_raw(RawAnswer::endless_frames(kind, payload))
    }

    /// Answers SERVING, under this content type.
    #[must_use]
    pub fn answers_content_type(self, content_type: &str) -> Self {
        self.answers_raw(RawAnswer::serving().header("content-type", content_type))
    }

    /// Answers with this status and a page, in HTTP alone.
    #[must_use]
    pub fn answers_page(self, status: u16, page: &str) -> Self {
        let answer = RawAnswer { trailers: Vec::new(), ..RawAnswer::serving() };
        let answer = answer.header(":status", &status.to_string()).header("content-type", "text/html");
        self.answers_raw(answer.body(page))
    }

    /// Answers SERVING, compressed in this way, though nobody said that it may.
    #[must_use]
    pub fn answers_compressed(self, encoding: &str) -> Self {
        self.answers_raw(RawAnswer::serving().header("grpc-encoding", encoding).body([1, 0, 0, 0, 2, 8, 1]))
    }

    /// Answers OK with these octets where a message belongs, its length in front of it.
    #[must_use]
    pub fn answers_octets(self, octets: &[u8]) -> Self {
        self.answers_raw(RawAnswer::serving().body(octets))
    }

    /// Answers OK, and with no message.
    #[must_use]
    pub fn answers_without_message(self) -> Self {
        self.answers_octets(&[])
    }

    /// Answers an error with this text, as `grpc-message` has it, and with details that cannot be read.
    #[must_use]
    pub fn answers_text(self, code: &str, text: &str) -> Self {
        let answer = RawAnswer::serving().header("grpc-status", code).header("grpc-message", text);
        let answer = answer.header("grpc-status-details-bin", "no base64");
        self.answers_raw(RawAnswer { body: Vec::new(), trailers: Vec::new(), ..answer })
    }

    /// Answers with this status behind the head of the answer, not in it.
    #[must_use]
    pub fn answers_status_late(self, code: &str) -> Self {
        let trailers = vec![("grpc-status", code.to_owned())];
        self.answers_raw(RawAnswer { body: Vec::new(), trailers, ..RawAnswer::serving() })
    }

    /// Answers with this status, and asks the client not to try again (gRPC proposal A6).
    #[must_use]
    pub fn forbids_retries(self, code: &str) -> Self {
        let answer = RawAnswer::serving().header("grpc-status", code).header("grpc-retry-pushback-ms", "-1");
        self.answers_raw(RawAnswer { body: Vec::new(), trailers: Vec::new(), ..answer })
    }

    /// Answers UNIMPLEMENTED with no text and these headers, as Envoy does where it has no route.
    #[must_use]
    pub fn answers_unimplemented(self, headers: &[(&'static str, &str)]) -> Self {
        let answer = RawAnswer::serving().header("grpc-status", "12");
        let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        self.answers_raw(RawAnswer { body: Vec::new(), trailers: Vec::new(), ..answer })
    }

    /// Answers SERVING, with one more header. Some are forbidden in HTTP/2, or are not true.
    #[must_use]
    pub fn answers_header(self, name: &'static str, value: &str) -> Self {
        self.answers_raw(RawAnswer::serving().header(name, value))
    }

    /// Starts it.
    pub fn spawn(self) -> TestServer {
        let socket = self.socket;
        spawn(self, |runtime| match socket {
            Socket::Full => Listening::without_room(runtime),
            Socket::Tcp => Listening::on_free_port(runtime),
            Socket::Unix => Listening::on_socket(runtime),
        })
    }
}

impl Manner {
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::new(tls.config()))
    }

    pub(super) fn serving(&self) -> bool {
        self.serving
    }

    fn new(tls: Option<ServerTls>) -> Self {
        Self {
            tls,
            socket: Socket::Tcp,
            conduct: Conduct::Http2(Answer::Health),
            failures: (0, Conduct::Close),
            hangs_after: None,
            gone_after: None,
            closes_on_plaintext: false,
            named: None,
            mute: None,
            serving: true,
            watched: Watched::Never,
        }
    }

    fn answers_raw(self, answer: RawAnswer) -> Self {
        self.conducts(Conduct::Raw(Arc::new(answer)))
    }

    fn conducts(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    fn change_tls(mut self, change: impl FnOnce(&mut ServerTls)) -> Self {
        change(self.tls.as_mut().expect("a server that speaks TLS"));
        self
    }
}

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
