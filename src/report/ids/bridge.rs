//! Findings of a running bridge.

macro_rules! bridge {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            BridgeDrainCut = "bridge.drain.cut", Error,
                "the bridge got a signal to stop, and some calls had not finished when `--drain-timeout` had passed",
                "give them more time with `--drain-timeout`, or find out why the server takes so long";
            BridgeUpstreamPlaintext = "bridge.upstream.plaintext", Warning,
                "`--upstream` is a `tcp://` address of another machine: calls, with their certificates, keys and tokens, can be read and changed on the network",
                "let the server speak TLS and write `--upstream tls://HOST:PORT`; in front of a server without TLS, run `egext bridge --listen tls://HOST:PORT --upstream tcp://127.0.0.1:PORT` on its machine";
        }
    };
}

pub(super) use bridge;
