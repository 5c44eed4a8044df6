//! Findings of a running bridge.

macro_rules! bridge {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            BridgeDrainCut = "bridge.drain.cut", Warning,
                "the bridge was told to stop, and calls were still under way when the time for them was over",
                "give them more time with `--drain-timeout`, or see why the server takes so long";
        }
    };
}

pub(super) use bridge;
