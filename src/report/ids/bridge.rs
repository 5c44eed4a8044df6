//! Findings of a running bridge.

macro_rules! bridge {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            BridgeDrainCut = "bridge.drain.cut", Error,
                "the bridge got a signal to stop, and some calls had not finished when `--drain-timeout` had passed",
                "give them more time with `--drain-timeout`, or find out why the server takes so long";
            BridgeHookUnanswered = "bridge.hook.unanswered", Warning,
                "the bridge had to answer a hook call of Envoy Gateway itself, with an error, because the server could not be reached, cut the call or took too long; Envoy Gateway tries a call four times within a second and then not again: it publishes nothing new, or with `failOpen` a configuration without the extension, until one of its own resources changes",
                "start the bridge with `--resync DIR`, the directory of Envoy Gateway's resources: it makes Envoy Gateway ask again when the server is back; `--connect-wait forever` also holds hook calls until then, for a gateway that fails closed; for now change a resource of Envoy Gateway, so that it asks again";
            BridgeReloadFailed = "bridge.reload.failed", Warning,
                "files of certificates changed, and the new ones cannot be used: one is missing or broken, a key is not that of its certificate, or peers would reject a certificate that is new; the certificates that were loaded before stay in use",
                "correct the files, as the message says; the bridge notices the change by itself and tries again";
            BridgeReloadUnaccepted = "bridge.reload.unaccepted", Warning,
                "new certificates were loaded, and the upstream does not accept a connection with them, or its certificate is not of the new CA; the connection that was made with the old ones stays in use, and the bridge keeps trying",
                "give the upstream the files that belong to the new ones; in a rotation of the CA, `ca.crt` with both CAs comes first, on both sides (`egext certs rotate-ca prepare`)";
            BridgeResyncCapped = "bridge.resync.capped", Warning,
                "so many markers were written within an hour that something else must be wrong: the extension server is lost again and again",
                "find out why the extension server is lost so often: the bridge's log names the cause each time";
            BridgeResyncDirectory = "bridge.resync.directory", Warning,
                "the directory of `--resync` is missing, or the bridge cannot read it or write to it: the hint says why",
                "name the directory that Envoy Gateway watches, and run the bridge as a user who may write to it; `--connect-wait forever` needs no directory";
            BridgeResyncForeign = "bridge.resync.foreign", Warning,
                "a file with the name of the marker is in the directory of `--resync`, and this bridge has not made it: it is left as it is",
                "look at the file, and move it out of the directory";
            BridgeResyncNoEffect = "bridge.resync.no-effect", Warning,
                "a marker was written, and Envoy Gateway did not ask its extension server: it is not running, watches another directory, or cannot load this one, because one file in it is broken; an editor's backup, a text file or a YAML file with nothing but comments is enough",
                "read Envoy Gateway's log for `error when reload resources`, and move the file that it names out of the directory";
            BridgeResyncNoGateway = "bridge.resync.no-gateway", Warning,
                "no file in the directory of `--resync` has a Gateway, so there is nothing that a marker could be attached to",
                "name the directory that Envoy Gateway watches: `provider.custom.resource.file.paths` of its configuration";
            BridgeResyncNoListener = "bridge.resync.no-listener", Warning,
                "no listener of a Gateway accepts HTTPRoutes of its own namespace, so no marker can be attached to it, and this Gateway keeps its old configuration",
                "allow HTTPRoutes in `allowedRoutes` of an HTTP or HTTPS listener, or let calls wait: `--connect-wait forever`";
            BridgeUpstreamSilent = "bridge.upstream.silent", Error, may_pass,
                "while calls were in progress, nothing was heard from the server, not even the answer to a PING within `--keepalive-timeout`, or its host did not answer TCP for half a minute: the server stands still, or a load balancer, a tunnel or a sidecar on the way has lost it; the bridge cuts such a connection, answers its calls with UNAVAILABLE, and connects again",
                "restart the server, or what is on the way to it; if the server only computes for so long that it answers no PING, start the bridge with a longer `--keepalive-timeout`";
            BridgeUpstreamUnstable = "bridge.upstream.unstable", Error, may_pass,
                "the bridge reaches the server and begins HTTP/2, but several connections in a row ended within a second, before the server answered a call",
                "read the server's log: it may be restarting again and again, or it ends connections for a reason such as `too_many_pings` or a very short maximum age, which the message names if the server says it";
            BridgeUpstreamPlaintext = "bridge.upstream.plaintext", Warning,
                "`--upstream` is a `tcp://` address of another machine: calls, with their certificates, keys and tokens, can be read and changed on the network",
                "let the server speak TLS and write `--upstream tls://HOST:PORT`; in front of a server without TLS, run `egext bridge --listen tls://HOST:PORT --upstream tcp://127.0.0.1:PORT` on its machine";
        }
    };
}

pub(super) use bridge;
