//! Findings that only a look at several parts of a channel shows.

macro_rules! doctor {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            DoctorBridgeNotReady = "doctor.bridge-not-ready", Error,
                "the bridge says that calls do not reach the server, for a reason that this version of egext does not know by name",
                "read the message, which is the bridge's own; use the same version of egext for both";
            DoctorBridgeUnanswered = "doctor.bridge-unanswered", Error, may_pass,
                "nothing answers where the bridge's admin server was looked for: the bridge does not run, was started without `--admin`, or something else listens there",
                "start the bridge with `--admin unix:/run/egext/admin.sock`, or name the address that it was started with: `egext doctor --admin 127.0.0.1:9464`";
            DoctorCertificatesMissing = "doctor.certificates-missing", Error,
                "the directory has no set of certificates: it is not there, is empty, or lacks `ca.crt`",
                "make one with `egext certs init`, or name the directory that has it: `egext doctor --dir DIR`";
            DoctorSocketDiffers = "doctor.socket-differs", Error,
                "the configuration makes Envoy Gateway call another address than the one on which the bridge listens, so its calls do not reach the bridge, or reach another program",
                "write the bridge's address into `extensionManager.service`, or start the bridge with `--listen` and the address that is there";
        }
    };
}

pub(super) use doctor;
