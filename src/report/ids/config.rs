//! Findings about the configuration of Envoy Gateway.

macro_rules! config {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! { [$($rest)*] $($before)*
            ConfigCertificateRefused = "config.certificate-refused", Error,
                "the verifier of Go, with the options of Envoy Gateway, refuses the certificate of the extension server under the name that the configuration has: another name, another CA than the one in the Secret, or a date. Envoy Gateway waits then without a message at the default level",
                "use a name that the certificate has, put its CA into the Secret, or renew it; the message is Go's own";
            ConfigControllerTwice = "config.controller-twice", Warning,
                "two of the files have the same `gateway.controllerName`: two Envoy Gateways with one name serve the same GatewayClasses and fight over their status",
                "give each a name of its own, or check only the files that run at the same time";
            ConfigDiffers = "config.differs", Error,
                "the file is not what this version of `egext` writes for these flags: it was edited, or the flags or the version changed",
                "write it again with the same command without `--check`, or change the flags to match the file";
            ConfigDocumentIgnored = "config.document-ignored", Error,
                "the file has several documents: Envoy Gateway reads the first one only, and ignores what follows `---` without a message",
                "put everything into one document";
            ConfigEnvoyVersion = "config.envoy-version", Warning,
                "where Envoy Gateway runs Envoy on its own host, an EnvoyProxy names no version of Envoy, something that is no version number, or a version that is older than the one that this release of Envoy Gateway was made for. Only a whole number such as `1.39.1` is found without the network; without an Envoy the hooks are called, and nothing is served",
                "write the version as the hint says, in quotes, and install that Envoy where Envoy Gateway looks for it if the host has no network";
            ConfigFailOpenHides = "config.fail-open-hides", Warning,
                "the extension cannot be called, and because of `failOpen` Envoy Gateway publishes without it: nothing but its log shows the other finding",
                "repair what the other finding is about, and set `failOpen` when the extension is called";
            ConfigFailOpenSilent = "config.fail-open-silent", Warning,
                "several extensions are configured, and one of them has `failOpen`: when it fails, Envoy Gateway goes on without it and writes no line about it",
                "take `failOpen` out, or watch the extension itself: `egext probe` in a timer, or the metrics of its bridge";
            ConfigGatewayClassMissing = "config.gateway-class-missing", Warning,
                "resources come from files, and no GatewayClass in them has the `controllerName` of Envoy Gateway, which therefore serves no Gateway and calls no hook",
                "write the same name into `gateway.controllerName` and into `spec.controllerName` of the GatewayClass";
            ConfigHookNotCalled = "config.hook-not-called", Warning,
                "the configuration asks for a hook that this release of Envoy Gateway never calls with these settings: it is called only for resources of certain kinds, and no such kind is named, or only by later releases",
                "name the kind in `resources`, `policyResources` or `backendResources` (`--resource`, `--policy-resource`, `--backend-resource` of `egext config`), or leave the hook out";
            ConfigHookUnknown = "config.hook-unknown", Error,
                "no hook has this name, or its case is another one: Envoy Gateway ignores the name without a message and never calls it",
                "write the name as the hint says";
            ConfigKeyIgnored = "config.key-ignored", Error,
                "a key that Envoy Gateway does not know at this place is ignored without a message, also if only its case is wrong or another release knows it, and so does the Helm chart with values outside `config.envoyGateway`; it is a warning if the key does not concern extensions, the gateway or the provider",
                "rename it, move it or take it out, as the hint says";
            ConfigKeyTwice = "config.key-twice", Warning,
                "a key stands twice in one mapping, which is no error for Envoy Gateway: in YAML it reads the last one only, in JSON it merges both",
                "take one of them out";
            ConfigListIgnored = "config.list-ignored", Warning,
                "a resource file has a `kind: List`: Envoy Gateway loads the List and ignores the objects in it",
                "write each object as a document of its own";
            ConfigLoadBroken = "config.load-broken", Error,
                "a file in a resource directory is none that Envoy Gateway can load: no YAML, no object, nothing but comments, a broken link, a kind, a version or a key that this release does not know, or a key that is missing. One such file keeps it from loading any. With an object in another version than its own it ends with a panic",
                "repair the file or move it out of the directory; hidden files and subdirectories are not read";
            ConfigManagersInStandalone = "config.managers-in-standalone", Error,
                "for its resource files Envoy Gateway registers the kinds of `extensionManager`, but not those of `extensionManagers`: one object of such a kind keeps it from loading any file",
                "write the extension as `extensionManager` if there is only one";
            ConfigMessageSize = "config.message-size", Error,
                "`maxMessageSize` is no size that Envoy Gateway can use, so it fails at every hook; a warning if the size is smaller than what gRPC permits without it",
                "write a whole number of bytes with a unit of Kubernetes, such as `16Mi`, or leave it out";
            ConfigNativeTlsUnusable = "config.native-tls-unusable", Error,
                "the TLS client of Envoy Gateway reads its certificates only from the Kubernetes API, so in standalone mode every hook fails with `TLS enabled but no k8s client was provided`, and with `failOpen` it publishes without the extension",
                "leave out `tls`, or `--native-tls` of `egext config`: plaintext on a unix socket with `egext bridge` behind it works with every release";
            ConfigNoInfrastructure = "config.no-infrastructure", Error,
                "with resources from files, Envoy Gateway has certificates for its connection to Envoy only if it runs Envoy itself; else it ends with `no valid tls certificates`",
                "write `infrastructure: {type: Host, host: {}}`";
            ConfigNotChecked = "config.not-checked", Info,
                "the file is no EnvoyGateway configuration, so nothing in it was checked",
                "name the file that Envoy Gateway is started with";
            ConfigPath = "config.path", Warning,
                "a resource directory is a relative path, is not there, or is a link: which directory a relative path is depends on where Envoy Gateway is started, it ignores those that are not there without a message, and it takes a link to a directory for a file, which keeps it from loading anything",
                "write the absolute path of the directory itself, and make it before Envoy Gateway starts";
            ConfigPreHooks = "config.pre-hooks", Error,
                "no release of Envoy Gateway calls a hook of `pre`, although it accepts the key; a warning if there are hooks in `post`",
                "move the hooks to `post`";
            ConfigReferenceMissing = "config.reference-missing", Warning,
                "an object in the resource files refers to another one that is in none of them: a route without its Gateway is not served, a filter or backend that is missing makes it answer 500, and a policy without its target has no effect",
                "add the object, or correct group, kind, name or namespace of the reference; objects without a namespace are in `envoy-gateway-system`";
            ConfigRefused = "config.refused", Error,
                "a value is missing or has a form that Envoy Gateway refuses: it ends at its start, and names only the first such value",
                "change what the hint says, and check again";
            ConfigRefusedOnReload = "config.refused-on-reload", Warning,
                "this release of Envoy Gateway fills in defaults before it validates the file at its start, but not when the file changes: it then logs the message and keeps its old configuration",
                "write `gateway` and `provider` with their values";
            ConfigResourceNotLoadable = "config.resource-not-loadable", Warning,
                "this release of Envoy Gateway cannot load an extension's own kinds of resources from files: `no kind \"X\" is registered`, and then no file is applied at all",
                "use Envoy Gateway 1.7 or later, or keep such objects out of its directories";
            ConfigResourceWithoutHook = "config.resource-without-hook", Warning,
                "kinds of the extension are configured, and the hook that they lead to is not: Envoy Gateway reads such objects, and the extension never hears of them",
                "add the hook to `post`: `Route` for `resources`, `Cluster` or `Route` for `backendResources`";
            ConfigRetryPolicy = "config.retry-policy", Error,
                "gRPC refuses the policy that Envoy Gateway makes of `service.retry`, so it fails at every hook: `maxAttempts` has to be at least 2, and times and multiplier greater than zero",
                "write a value in this range, or leave the key out";
            ConfigRetryStatus = "config.retry-status", Error,
                "a value of `retry.RetryableStatusCodes` is none of gRPC's status codes in upper case, so Envoy Gateway fails at every hook",
                "write the code in upper case with underscores, such as `UNAVAILABLE`";
            ConfigSecretKey = "config.secret-key", Error,
                "the Secret has no value under the key that Envoy Gateway reads: `tls.crt` for the CA, where other programs use `ca.crt`, and `tls.crt` and `tls.key` for its own certificate",
                "write the Secret with `egext config secrets`, or rename the key";
            ConfigSecretLeaf = "config.secret-leaf", Warning,
                "the Secret of `certificateRef` has the server's own certificate and no CA: Envoy Gateway trusts that certificate and refuses the next one",
                "put the certificate of the CA that issued it into the Secret";
            ConfigSecretMissing = "config.secret-missing", Error,
                "a reference of `service.tls` names a Secret that is not among the Secrets in these files",
                "write it with `egext config secrets`, correct its name or its namespace (`--namespace`), or check without Secrets if another program makes it";
            ConfigSecretTwice = "config.secret-twice", Warning,
                "two manifests of a Secret that Envoy Gateway uses have the same name and namespace, and another certificate or key: the last one that is applied is in the cluster",
                "take out the one that is not in the cluster";
            ConfigSecretType = "config.secret-type", Error,
                "the type of the Secrets for an extension server is nothing that Envoy Gateway looks at, but Kubernetes takes none of the type `kubernetes.io/tls` without `tls.key`, and such a Secret with a CA only is never there. A warning for a Secret in a resource file: Envoy Gateway serves a listener with TLS only if the Secret has this type, which without Kubernetes is never a default",
                "write `type: Opaque` for a CA, and `type: kubernetes.io/tls` for a certificate with its key";
            ConfigSecretUnusable = "config.secret-unusable", Error,
                "a value of the Secret is not Base64 of PEM, has no certificate, or the certificate and the key are not a pair",
                "write the Secret with `egext config secrets`";
            ConfigSecretStringData = "config.secret-string-data", Warning,
                "a Secret in a resource file has `stringData`, which only the API server of Kubernetes turns into `data`: for Envoy Gateway these values are not there",
                "write the values under `data`, in Base64";
            ConfigServerName = "config.server-name", Info,
                "the name of the server (SNI) that Envoy Gateway's own TLS sends is the address with its port, for a host name as for an IP address. Servers with Go or OpenSSL take no notice of it; those with rustls, tonic among them, reject the connection, and Envoy Gateway waits without a limit. For a unix socket it sends `localhost`",
                "if the server uses rustls, put a bridge into Envoy Gateway's pod: `egext config kubernetes --bridge gateway`; otherwise nothing has to be done";
            ConfigTarget = "config.target", Error,
                "the address of the extension is one that cannot be called: no port, a relative or too long path of a socket, or a path with characters that mean something in a URL. A warning for a name in the place of an IP address",
                "write the address as the hint says";
            ConfigTranslationBlind = "config.translation-blind", Warning,
                "the configuration asks for the hook `Translation`, but Envoy Gateway does not send it listeners and routes: a server that attaches a filter or changes routes there, as ai-gateway does, changes nothing, and there is no error",
                "write `includeAll: true` for `listener` and `route` below `translation` (Envoy Gateway 1.5 and later); `egext config stanza --hook Translation` does so; if the server changes clusters and secrets only, nothing has to be done";
            ConfigTranslationUnused = "config.translation-unused", Warning,
                "`translation` says what the hook `Translation` gets, and that hook is not configured",
                "add `Translation` to `post`, or take `translation` out";
            ConfigUnreadable = "config.unreadable", Error,
                "the file is not the YAML or JSON that Envoy Gateway reads, so it ends with `failed to decode config file`; or it is larger than a configuration can be",
                "repair the line that is named; a template has to be rendered first";
        }
    };
}

pub(super) use config;
