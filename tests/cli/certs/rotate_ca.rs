use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use egext::net::{provider, server_config};
use egext::pki::{Anchors, Identity, Role};
use egext_test_support::{LIMIT, has_openssl};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use snapbox::str;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Place;

#[test]
fn a_server_and_a_client_that_reload_between_the_steps_never_see_a_failed_call() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let channel = Channel::open(&place);
    for order in [[Role::Server, Role::Client], [Role::Client, Role::Server]] {
        for step in ["prepare", "activate", "finish"] {
            place.verb(&["rotate-ca", step]).assert().success();
            channel.more_calls();
            for side in order {
                channel.reload(side, &place);
                channel.more_calls();
            }
        }
    }
    assert_eq!(channel.close(), Vec::<String>::new());
}

#[test]
fn without_a_rotation_a_call_would_have_failed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let channel = Channel::open(&place);
    place.init(&["--force"]).assert().success();
    channel.reload(Role::Server, &place);
    channel.more_calls();
    assert!(!channel.close().is_empty(), "the calls are real ones");
}

#[test]
fn each_step_says_what_goes_where_and_which_is_next() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let first = place.files();
    place.verb(&["rotate-ca", "prepare"]).assert().success().stderr_eq("").stdout_eq(str![[r"
made a new CA, which is trusted too in `certs`

  CA       egext CA [..]
           until [..] (in 5 years), signs
  next     egext CA [..]
           until [..] (in 5 years), trusted, and signs after `activate`

files
  to both sides   certs/ca.crt

hint: give both sides the new `ca.crt` and restart them, in any order; once both trust both CAs: `egext certs rotate-ca activate`

"]]);
    let prepared = place.files();
    for (name, text) in &prepared {
        assert_eq!(*text == first[name], *name != "ca.crt", "{name}");
    }
    place.verb(&["rotate-ca", "activate"]).assert().success().stderr_eq("").stdout_eq(str![[r"
issued all certificates by the new CA in `certs`

  CA       egext CA [..]
           until [..] (in 5 years), signs
  old      egext CA [..]
           until [..] (in 5 years), trusted until `finish`

files
  to the server   certs/ca.crt  certs/server.crt  certs/server.key
  to the client   certs/ca.crt  certs/client.crt  certs/client.key

hint: give both sides their new files and restart them, in any order; once nobody presents a certificate of the old CA: `egext certs rotate-ca finish`

"]]);
    assert!(!place.certs().join(".egext/current/.next-ca.key").exists());
    place.verb(&["rotate-ca", "finish"]).assert().success().stderr_eq("").stdout_eq(str![[r"
the old CA is trusted no more in `certs`
...
files
  to both sides   certs/ca.crt

hint: give both sides the new `ca.crt` and restart them: the old CA's key is good for nothing then

"]]);
    place.assert_whole();
    assert_eq!(Anchors::load(&place.certs().join("ca.crt")).expect("a CA").certificates().len(), 1);
    assert!(place.files().iter().all(|(name, text)| *text != first[name]), "everything is new");
}

#[test]
fn a_step_is_repeated_without_effect_and_never_made_out_of_order() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: no new CA is prepared in `certs`
  hint: `egext certs rotate-ca prepare` makes one

"]]);
    for (step, phase, too_early, next) in [
        ("prepare", "prepared", Some("finish"), Some("activate")),
        ("activate", "activated", Some("prepare"), Some("finish")),
        ("finish", "idle", Some("activate"), None),
    ] {
        let before = place.tree();
        let planned = place.verb_json(&["rotate-ca", step, "--dry-run"], 0);
        assert_eq!(planned["outcome"], "dry-run");
        assert_eq!(place.tree(), before, "{step}");
        assert_eq!(place.verb_json(&["rotate-ca", step], 0)["outcome"], "done");
        let before = place.tree();
        let again = place.verb_json(&["rotate-ca", step], 0);
        assert_eq!((&again["outcome"], &again["phase"]), (&"unchanged".into(), &phase.into()));
        let status = place.verb_json(&["rotate-ca", "status"], 0);
        assert_eq!((&status["phase"], status["next"].as_str()), (&phase.into(), next));
        if let Some(step) = too_early {
            place.verb(&["rotate-ca", step]).assert().code(2);
        }
        assert_eq!(place.tree(), before, "{step}");
        place.assert_whole();
    }
}

#[test]
fn a_renewal_in_the_middle_keeps_the_rotation() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for (step, phase) in [("prepare", "prepared"), ("activate", "activated"), ("finish", "idle")] {
        place.verb(&["rotate-ca", step]).assert().success();
        place.verb(&["renew", "--force"]).assert().success();
        assert_eq!(place.phase(), phase);
        place.assert_whole();
    }
}

#[test]
fn the_new_ca_of_a_constrained_one_is_constrained_too() {
    let place = Place::new();
    place.init(&["--name-constraints", "--san", "extension.internal"]).assert().success();
    place.verb(&["rotate-ca", "prepare", "--permit", "later.internal"]).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().success();
    place.assert_whole();
    let authority = Anchors::load(&place.certs().join("ca.crt")).expect("a CA");
    let (_, new) = X509Certificate::from_der(&authority.certificates()[0]).expect("DER");
    let constraints = new.name_constraints().expect("at most one").expect("there").value;
    let permitted = constraints.permitted_subtrees.as_ref().expect("some");
    let is_permitted = |name: &str| permitted.iter().any(|tree| tree.base == GeneralName::DNSName(name));
    for name in ["extension.internal", "localhost", "later.internal"] {
        assert!(is_permitted(name), "{name} in {permitted:?}");
    }
    if has_openssl() {
        for name in ["DNS:other.internal", "IP:8.8.8.8"] {
            place.sign_by_hand(name);
            place.refuse_strictly("stray.crt");
        }
    }
}

#[test]
fn the_old_ca_stays_trusted_while_a_leaf_of_it_is_there() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let old = place.files();
    for step in ["prepare", "activate"] {
        place.verb(&["rotate-ca", step]).assert().success();
    }
    let new = place.files();
    for name in ["server", "client"] {
        let files = ["crt", "key"].map(|kind| format!("{name}.{kind}"));
        for file in &files {
            place.replace(file, &old[&**file]);
        }
        place.assert_fails(
            &["rotate-ca", "finish"],
            format!("error: `certs/{name}.crt` [..]\n  hint: [..]`egext certs issue {name} --out {name} --replace [..]\n"),
        );
        assert_eq!(place.phase(), "activated");
        for file in &files {
            place.replace(file, &new[&**file]);
        }
    }
    place.verb(&["rotate-ca", "finish"]).assert().success();
    place.assert_whole();
}

#[test]
fn a_ca_whose_key_was_discarded_can_be_replaced_all_the_same() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for name in [".egext/current/ca.key", "ca.key"] {
        fs::remove_file(place.certs().join(name)).expect("removable");
    }
    for step in ["prepare", "activate", "finish"] {
        place.verb(&["rotate-ca", step]).assert().success();
    }
    place.assert_whole();
    place.verb(&["renew", "--force"]).assert().success();
}

#[test]
fn an_encrypted_key_is_followed_by_an_encrypted_key() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::write(place.path("phrase"), "correct horse\n").expect("writable");
    let passphrase = ["--ca-key-passphrase-file", "phrase"];
    let step = |step: &str| place.verb(&["rotate-ca", step]).args(passphrase);
    step("prepare").assert().success();
    step("activate").assert().success();
    step("finish").assert().success();
    let key = fs::read_to_string(place.certs().join("ca.key")).expect("there");
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    place.verb(&["rotate-ca", "prepare"]).assert().code(2).stderr_eq(str![[r"
error: the key in `certs/ca.key` is encrypted, so that of the new CA has to be, too
  hint: name the file with its passphrase: `--ca-key-passphrase-file FILE`

"]]);
    place.verb(&["renew", "--force"]).assert().code(2);
    place.verb(&["renew", "--force"]).args(passphrase).assert().success();
    step("prepare").assert().success();
    step("activate").assert().success();
}

/// A server that wants client certificates, and a client that calls it all the time.
struct Channel {
    server: Arc<Mutex<Arc<ServerConfig>>>,
    client: Arc<Mutex<Arc<ClientConfig>>>,
    calls: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    done: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Channel {
    fn open(place: &Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Arc::new(Mutex::new(server_settings(place)));
        let client = Arc::new(Mutex::new(client_settings(place)));
        let (calls, failures, done) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let hung_up = Arc::new(AtomicBool::new(false));
        let serving = thread::spawn({
            let (server, hung_up) = (Arc::clone(&server), Arc::clone(&hung_up));
            move || {
                loop {
                    let (stream, _) = listener.accept().expect("a connection");
                    if hung_up.load(Ordering::SeqCst) {
                        break;
                    }
                    let config = Arc::clone(&server.lock().expect("a lock"));
                    // A refusal is the client's to report.
                    let _ = answer(stream, config);
                }
            }
        });
        let calling = thread::spawn({
            let (client, calls) = (Arc::clone(&client), Arc::clone(&calls));
            let (failures, done) = (Arc::clone(&failures), Arc::clone(&done));
            move || {
                while !done.load(Ordering::Relaxed) {
                    let config = Arc::clone(&client.lock().expect("a lock"));
                    if let Err(error) = call(address, config) {
                        failures.lock().expect("a lock").push(error.to_string());
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                // Not before the last call has its answer. The connection wakes the server, which sees it.
                hung_up.store(true, Ordering::SeqCst);
                let _ = TcpStream::connect(address);
            }
        });
        Self { server, client, calls, failures, done, threads: vec![calling, serving] }
    }

    fn reload(&self, side: Role, place: &Place) {
        match side {
            Role::Server => *self.server.lock().expect("a lock") = server_settings(place),
            Role::Client => *self.client.lock().expect("a lock") = client_settings(place),
        }
    }

    /// Waits for a few calls that began after now.
    fn more_calls(&self) {
        let (target, deadline) = (self.calls.load(Ordering::Relaxed) + 4, Instant::now() + LIMIT);
        while self.calls.load(Ordering::Relaxed) < target {
            assert!(Instant::now() < deadline, "no call ends");
            thread::yield_now();
        }
    }

    /// Why calls failed.
    fn close(self) -> Vec<String> {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it ends");
        }
        self.failures.lock().expect("a lock").clone()
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut octet = [0];
    stream.read_exact(&mut octet)?;
    stream.write_all(&octet)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn call(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<()> {
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"?")?;
    let mut octet = [0];
    // Only the answer proves that the server took our certificate.
    stream.read_exact(&mut octet)
}

fn server_settings(place: &Place) -> Arc<ServerConfig> {
    let (anchors, identity) = material(place, Role::Server);
    server_config(&anchors, &identity).expect("settings")
}

fn client_settings(place: &Place) -> Arc<ClientConfig> {
    let (anchors, identity) = material(place, Role::Client);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(anchors.root_store())
        .with_client_auth_cert(identity.chain().to_vec(), identity.key())
        .expect("settings");
    Arc::new(config)
}

fn material(place: &Place, role: Role) -> (Anchors, Identity) {
    let path = |name| place.certs().join(name);
    let identity = Identity::load(&path(role.certificate_file()), &path(role.key_file()));
    (Anchors::load(&path("ca.crt")).expect("a CA"), identity.expect("a pair"))
}
