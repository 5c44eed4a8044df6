//! Findings that only a look at several parts of a channel shows.

macro_rules! doctor {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            DoctorBridgeHangs = "doctor.bridge-hangs", Error, may_pass,
                "the bridge's admin server accepts a connection and answers nothing within the limit: the bridge is stopped, or hangs, or something else listens there that does not say a word",
                "restart the bridge: `systemctl restart egext-bridge@NAME`, or end it and start it again; a larger `--timeout` gives it more time";
            DoctorBridgeNotReady = "doctor.bridge-not-ready", Error,
                "the bridge says that calls do not reach the server, for a reason that this version of egext does not know by name",
                "read the message, which is the bridge's own; use the same version of egext for both";
            DoctorBridgeUnanswered = "doctor.bridge-unanswered", Error, may_pass,
                "nothing answers where the bridge's admin server was looked for: the bridge does not run, was started without `--admin`, or something else listens there, such as a bridge of another version, or a server whose answer is another one, or does not come to an end",
                "start the bridge with `--admin unix:/run/egext/admin.sock`, or name the address that it was started with: `egext doctor --admin 127.0.0.1:9464`";
            DoctorCertificatesMissing = "doctor.certificates-missing", Error,
                "the directory has no set of certificates: it is not there, cannot be opened, is empty, or lacks `ca.crt`",
                "make one with `egext certs init`, or name the directory that has it: `egext doctor --dir DIR`";
            DoctorCertificatesUnreadable = "doctor.certificates-unreadable", Error,
                "this user may not read the certificates of the channel, so the server cannot be looked at; they may be fine",
                "run `egext doctor` as the user that owns them, which is the user of the bridge, or as root";
            DoctorSecretsMissing = "doctor.secrets-missing", Warning,
                "what Envoy Gateway trusts and presents is not known: it connects to the server by its own TLS, and none of its Secrets is among the files",
                "name the manifests of its Secrets, or the directory with them, next to its file: `egext doctor envoy-gateway.yaml secrets.yaml`";
            DoctorServerDiffers = "doctor.server-differs", Info,
                "the server that was named is not the one that the bridge calls: what is found about it says nothing about Envoy Gateway's calls, unless both addresses mean the same server",
                "leave out `--server`, to look at the server that the bridge calls, or start the bridge with `--upstream` and the address that was named";
            DoctorSocketDiffers = "doctor.socket-differs", Error,
                "the configuration makes Envoy Gateway call another address than the one on which the bridge listens, or than the socket that was named, so its calls do not reach the bridge, or reach another program",
                "write the bridge's address into `extensionManager.service`, or start the bridge with `--listen` and the address that is there";
        }
    };
}

pub(super) use doctor;
