//! Findings about the configuration of Envoy Gateway.

macro_rules! config {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            ConfigDiffers = "config.differs", Error,
                "the file is not what this version of `egext` writes for these flags: it was edited, or the flags or the version changed",
                "write it again with the same command without `--check`, or change the flags to match the file";
            ConfigHookNotCalled = "config.hook-not-called", Warning,
                "the configuration asks for a hook that this release of Envoy Gateway never calls with these settings: it is called only for resources of certain kinds, and no such kind is named",
                "name the kind (`--resource`, `--policy-resource`, `--backend-resource`), or leave the hook out";
            ConfigNativeTlsUnusable = "config.native-tls-unusable", Warning,
                "the TLS client of Envoy Gateway reads its certificates only from the Kubernetes API, so in standalone mode every hook fails with `TLS enabled but no k8s client was provided`, and with `failOpen` it publishes without the extension",
                "leave out `--native-tls`: plaintext on a unix socket with `egext bridge` behind it works with every release";
            ConfigResourceNotLoadable = "config.resource-not-loadable", Warning,
                "this release of Envoy Gateway cannot load an extension's own kinds of resources from files: `no kind \"X\" is registered`, and then no file is applied at all",
                "use Envoy Gateway 1.7 or later, or keep such objects out of its directories";
            ConfigTranslationBlind = "config.translation-blind", Warning,
                "the configuration asks for the hook `Translation`, but Envoy Gateway does not send it listeners and routes: a server that attaches a filter or changes routes there, as ai-gateway does, changes nothing, and there is no error",
                "leave out `--include-all`, or name `listener` and `route` in it (Envoy Gateway 1.5 and later); if the server changes clusters and secrets only, nothing has to be done";
        }
    };
}

pub(super) use config;
