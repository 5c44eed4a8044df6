//! Findings of a running bridge.

macro_rules! bridge {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            BridgeDrainCut = "bridge.drain.cut", Warning,
                "the bridge was told to stop, and calls were still under way when the time for them was over",
                "give them more time with `--drain-timeout`, or see why the server takes so long";
            BridgeUpstreamPlaintext = "bridge.upstream.plaintext", Warning,
                "`--upstream` is a `tcp://` address of another machine: calls with their certificates, keys and tokens can be read and changed on the way",
                "let the server speak TLS and write `--upstream tls://HOST:PORT`; in front of a server without TLS, run `egext bridge --listen tls://HOST:PORT --upstream tcp://127.0.0.1:PORT` on its machine";
        }
    };
}

pub(super) use bridge;
