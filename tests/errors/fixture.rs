//! What the commands of the table are about.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use tempfile::TempDir;

use crate::authorities::{self, ECDSA_SHA224, ECDSA_SHA256, P192, P256};
use crate::egext;
use crate::octets::{der, exchanged, pem};

/// A directory with files that commands trip over.
pub(crate) struct Fixture {
    directory: TempDir,
    _listener: Option<UnixListener>,
    /// Held, as by other processes.
    _locks: Vec<File>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut fixture = Self { directory, _listener: None, _locks: Vec::new() };
        fixture.files();
        fixture.sets();
        fixture.pem();
        fixture.keys();
        fixture.requests();
        fixture.containers();
        fixture.copies();
        fixture.sockets();
        authorities::write(&fixture);
        authorities::write_sets(&fixture);
        fixture.rotations();
        fixture
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Files of Envoy Gateway that a person has to decide about.
    fn write_gateways(&self) {
        for (name, rest) in [
            ("alone.yaml", "apiVersion: gateway.envoyproxy.io/v1alpha1\nprovider: {type: Kubernetes}\n"),
            ("anchor.yaml", "extensionManager: &a\n  failOpen: true\nother: *a\n"),
            ("both.yaml", "extensionManager: {}\nextensionManagers: [{}]\n"),
            ("list.yaml", "extensionManager: [1]\n"),
            ("map.yaml", "extensionManagers: {}\n"),
            ("namesake.yaml", "extensionManagers:\n- name: tuner\n- name: tuner\n"),
            ("odd-host.yaml", "extensionManager: {service: {fqdn: {hostname: a b, port: 1}}}\n"),
            ("plural.yaml", "extensionManagers:\n- name: tuner\n"),
            ("single.yaml", "extensionManager: {}\n"),
            (
                "config-maps.yaml",
                "kind: ConfigMap\ndata:\n  a: |\n    kind: EnvoyGateway\n---\nkind: Service\n---\nkind: ConfigMap\ndata:\n  a: |\n    kind: EnvoyGateway\n",
            ),
            ("version.yaml", "apiVersion: gateway.envoyproxy.io/v1\nkind: EnvoyGateway\n"),
            ("several.yaml", "---\nkind: EnvoyGateway\n"),
            ("tab.yaml", "\textensionManager: {}\n"),
            ("twice.yaml", "extensionManager: {}\nextensionManager: {}\n"),
            ("unsure.yaml", "? extensionManager\n: {}\n"),
        ] {
            self.write(name, format!("kind: EnvoyGateway\n{rest}"));
        }
        self.write("gateway.json", r#"{"kind": "EnvoyGateway"}"#);
        self.write("quoted.yaml", "kind: ConfigMap\ndata:\n  eg.yaml: 'kind: EnvoyGateway'\n");
        self.write("inside.yaml", "kind: ConfigMap\ndata:\n  eg.yaml: |\n    kind: EnvoyGateway\n    a: [\n");
        self.write("a,b.sock", "");
        self.write("values.yaml", "config: 5\n");
        self.write("shared/gateway.yaml", "kind: EnvoyGateway\n");
    }

    #[expect(clippy::disallowed_methods, reason = "the tests make files that commands trip over")]
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, contents).expect("writable");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("readable")
    }

    fn run(&self, command: &str) {
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        let run = egext(&words).current_dir(self.path()).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
    }

    fn files(&self) {
        self.write("blank", "\n");
        self.write("empty", "");
        self.write("pass", "secret\n");
        self.write("text", "hello\n");
        self.write("utf16", b"\xff\xfes\0");
        self.write("wrong", "other\n");
        self.write("big", [b'a'; 2_000_000]);
        self.write("half/ca.crt", "hello\n");
        self.write("half/server.crt", "hello\n");
        self.write("eg/envoy/tls.crt", "");
        self.write("eg/envoy-gateway/tls.crt", "");
        for name in ["bare", "d", "shared", "space#"] {
            fs::create_dir(self.path().join(name)).expect("new");
        }
        fs::set_permissions(self.path().join("shared"), Permissions::from_mode(0o777)).expect("ours");
        self.write_gateways();
        fs::create_dir_all(self.path().join("long").join("a".repeat(100))).expect("new");
        symlink("nowhere", self.path().join("dangling")).expect("new");
        symlink(".", self.path().join("way")).expect("new");
    }

    fn sets(&self) {
        for flags in [
            "",
            " --dir other",
            " --dir keyless --discard-ca-key",
            " --dir locked --ca-key-passphrase-file pass",
            " --dir tight --name-constraints",
        ] {
            self.run(&format!("certs init{flags}"));
        }
        self.run("certs issue client --san second.example --out second --dir other");
    }

    /// Files whose blocks are damaged.
    fn pem(&self) {
        let ca = self.read("certs/ca.crt");
        let key = self.read("certs/server.key");
        self.write("base64.crt", ca.replacen("-----\nM", "-----\n!", 1));
        self.write("cut.crt", &ca[..100]);
        self.write("indented.crt", format!(" {ca}"));
        self.write("headless.crt", &ca[28..]);
        self.write("label.crt", ca.replace("END CERTIFICATE", "END X509 CRL"));
        self.write("marker.crt", ca.replace("CERTIFICATE-----", "CERTIFICATE---"));
        self.write("glued.crt", format!("{}{ca}", ca.trim_end()));
        self.write("trusted.crt", format!("{ca}{}", ca.replace("CERTIFICATE", "TRUSTED CERTIFICATE")));
        self.write("openssh.key", format!("{}{key}", key.replace("PRIVATE", "OPENSSH PRIVATE")));
        self.write("malformed.crt", pem("CERTIFICATE", &[0x30, 3, 2, 1, 5]));
        self.write("longer.crt", pem("CERTIFICATE", &[&der(&ca)[..], &[5, 0]].concat()));
        self.write("two.crt", self.read("other/client.crt") + &self.read("certs/client.crt"));
        self.write("mixed.crt", self.read("certs/client.crt") + &self.read("certs/client.key"));
    }

    /// Keys that no TLS stack takes.
    fn keys(&self) {
        let key = KeyPair::generate().expect("a P-256 key");
        let p192 = exchanged(key.serialized_der(), P256, P192);
        self.write("p192.pem", pem("PRIVATE KEY", &p192));
        self.write("broken.pem", pem("PRIVATE KEY", &[0x30, 3, 2, 1, 0]));
        let locked = self.read("locked/ca.key");
        let old = locked.replace("ENCRYPTED PRIVATE KEY-----\n", "EC PRIVATE KEY-----\n");
        let old = old.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1);
        self.write("locked/old.key", old);
        self.write("locked/malformed.key", pem("ENCRYPTED PRIVATE KEY", &[0x30, 0]));
        let octets = block(&locked);
        self.write(
            "locked/scrypt.key",
            pem("ENCRYPTED PRIVATE KEY", &exchanged(&octets, PBKDF2, OTHER_FUNCTION)),
        );
    }

    fn requests(&self) {
        let request = |key: &KeyPair, names: &[SanType]| {
            let mut parameters = CertificateParams::default();
            parameters.distinguished_name.push(DnType::CommonName, "requester");
            parameters.subject_alt_names = names.to_vec();
            parameters.serialize_request(key).expect("signed").pem().expect("PEM")
        };
        let key = KeyPair::generate().expect("a P-256 key");
        let name = |name: &str| SanType::DnsName(name.to_owned().try_into().expect("ASCII"));
        let sound = request(&key, &[name("a.example")]);
        self.write("sound.csr", &sound);
        self.write("several.csr", sound.repeat(2));
        self.write("nameless.csr", request(&key, &[]));
        self.write("odd-name.csr", request(&key, &[name("a_b")]));
        let of_file = |name: &str| KeyPair::from_pem(&self.read(name)).expect("a key");
        self.write("ca.csr", request(&of_file("certs/ca.key"), &[]));
        self.write("server.csr", request(&of_file("certs/server.key"), &[]));
        let exchange = |old: &[u8], new| pem("CERTIFICATE REQUEST", &exchanged(&der(&sound), old, new));
        self.write("changed.csr", exchange(b"a.example", b"b.example"));
        self.write("sha224.csr", exchange(ECDSA_SHA256, ECDSA_SHA224));
        self.write("p192.csr", exchange(P256, P192));
        self.write("malformed.csr", pem("CERTIFICATE REQUEST", &[0x30, 0]));
        self.run("certs issue server --csr sound.csr --out theirs --dir other");
    }

    /// What is not PEM.
    fn containers(&self) {
        let (certificate, key) = (der(&self.read("certs/server.crt")), der(&self.read("certs/server.key")));
        self.write("certificate.der", &certificate);
        self.write("key.der", &key);
        self.write("locked.der", block(&self.read("locked/ca.key")));
        self.write("request.der", der(&self.read("sound.csr")));
        self.write("other.der", [0x30, 3, 4, 1, 0xff]);
        self.write("public.der", [&[0x30, 0x0c, 0x30, 4, 6, 2, 0x2a, 3, 3, 4, 0][..], &[0xff; 3]].concat());
        self.write("base64.txt", lines_of(&pem("CERTIFICATE", &certificate)));
        self.write("twice.txt", lines_of(&pem("", self.read("certs/server.crt").as_bytes())));
        self.write("file.gz", b"\x1f\x8b\x08\0\xff");
        self.write("page.html", "<!DOCTYPE html><html></html>\n");
        self.write("store.jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
        self.write("store.jceks", b"\xce\xce\xce\xce\0\0\0\x02");
        self.write("secret.yaml", "kind: Secret\ndata:\n  tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n");
        self.write("file.gpg", [0x84, 0x5e, 3, 0xff]);
        self.write("file.p12", [0x30, 5, 2, 1, 3, 0x30, 0]);
        self.write(
            "file.p7b",
            [&[0x30, 11, 6, 9][..], &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]].concat(),
        );
        self.write("file.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n");
        self.write("id.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a@b\n");
        self.write("file.tar", [&[0; 257][..], b"ustar"].concat());
        self.write("file.zip", b"PK\x03\x04\xff");
        let wide = |order: fn(u16) -> [u8; 2]| {
            self.read("certs/ca.crt").encode_utf16().flat_map(order).collect::<Vec<_>>()
        };
        self.write("little.crt", wide(u16::to_le_bytes));
        self.write("big.crt", wide(u16::to_be_bytes));
        self.write("marked.crt", [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat());
        self.write("crl.pem", pem("X509 CRL", &[0x30, 0]));
        self.write(
            "only-trusted.crt",
            self.read("certs/ca.crt").replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        );
        let openssh = [b"openssh-key-v1\0".as_slice(), b"ssh-ed25519", &[0; 60]].concat();
        self.write("id_ed25519", pem("OPENSSH PRIVATE KEY", &openssh));
    }

    /// Directories that are no sets, or no longer.
    fn copies(&self) {
        self.write("foreign/.egext", "");
        for name in ["mixture", "unusable", "side"] {
            for file in ["ca.crt", "server.crt", "server.key"] {
                self.write(&format!("{name}/{file}"), self.read(&format!("certs/{file}")));
            }
        }
        for (name, from) in [("mixture", "other"), ("unusable", "certs")] {
            for file in ["client.crt", "client.key"] {
                self.write(&format!("{name}/{file}"), self.read(&format!("{from}/{file}")));
            }
        }
        self.write("unusable/server.crt", "hello\n");
        for name in
            ["busy", "stray", "unlinked", "strange", "leaky", "spoilt", "worn", "from-csr", "hollow", "gap"]
        {
            self.run(&format!("certs init --dir {name}"));
        }
        let hidden = self.path().join("stray/.egext");
        fs::remove_file(hidden.join("current")).expect("there");
        symlink("../elsewhere", hidden.join("current")).expect("new");
        let hidden = self.path().join("unlinked/.egext");
        let set = fs::read_link(hidden.join("current")).expect("a link");
        rename(&hidden.join(set), &hidden.join("set-0123456789abcdef"));
        fs::remove_file(hidden.join("current")).expect("there");
        for name in ["ca.crt", "ca.key", "server.crt", "server.key", "client.crt", "client.key"] {
            fs::remove_file(self.path().join("unlinked").join(name)).expect("a link");
        }
        fs::remove_dir_all(self.path().join("hollow/.egext")).expect("there");
        fs::remove_file(self.path().join("gap/server.crt")).expect("a link");
        for file in ["server.crt", "server.key"] {
            self.write(&format!("strange/.egext/current/{file}"), self.read(&format!("other/{file}")));
        }
        let certificate = self.read("leaky/server.crt") + &self.read("leaky/server.key");
        self.write("leaky/.egext/current/server.crt", certificate);
        self.write("spoilt/.egext/current/ca.crt", "hello\n");
        self.write("worn/.egext/current/server.crt", "hello\n");
        self.run("certs issue server --csr sound.csr --out server --replace --dir from-csr");
        self.run("certs pack server --out packed.tar");
    }

    fn sockets(&mut self) {
        self._listener = Some(UnixListener::bind(self.path().join("used.sock")).expect("a new path"));
        self.write(".held.sock.lock", "");
        fs::set_permissions(self.path().join(".held.sock.lock"), Permissions::from_mode(0o600))
            .expect("ours");
        fs::create_dir(self.path().join(".odd.sock.lock")).expect("new");
        for name in ["busy/.egext/lock", ".held.sock.lock"] {
            let file = File::options().read(true).write(true).open(self.path().join(name)).expect("there");
            file.try_lock().expect("nobody else's");
            self._locks.push(file);
        }
    }

    fn rotations(&self) {
        for name in ["prepared", "activated", "relapsed"] {
            self.run(&format!("certs init --dir {name}"));
        }
        let files = ["server.crt", "server.key"].map(|file| (file, self.read(&format!("relapsed/{file}"))));
        for name in ["prepared", "activated", "relapsed"] {
            self.run(&format!("certs rotate-ca prepare --dir {name}"));
        }
        for name in ["activated", "relapsed"] {
            self.run(&format!("certs rotate-ca activate --dir {name}"));
        }
        for (file, text) in files {
            self.write(&format!("relapsed/.egext/current/{file}"), text);
        }
        self.run("certs init --dir entrusted");
        self.run("certs rotate-ca prepare --dir entrusted --ca-cert corp.crt --ca-key corp.key");
        self.run("certs init --dir theirs --ca-cert corp.crt --ca-key corp.key");
        self.run("certs init --dir short --ca-lifetime 1d");
        self.run("certs init --dir lasting --ca-lifetime 2d --lifetime 1d");
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests make files that commands trip over")]
fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).expect("a set");
}

/// The octets of an encrypted key.
fn block(text: &str) -> Vec<u8> {
    der(&text.replace("ENCRYPTED PRIVATE KEY", "PRIVATE KEY"))
}

/// A PEM block without its markers.
fn lines_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).map(|line| format!("{line}\n")).collect()
}

/// 1.2.840.113549.1.5.12, and a function that nobody knows.
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c];
const OTHER_FUNCTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x7f];
