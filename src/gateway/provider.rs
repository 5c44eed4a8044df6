//! The key `provider`: where EG gets its resources from, and where it runs Envoy.

use super::yaml::{Item, KeyValue, Node};
use super::{AbsolutePath, Mode, WholeFile, comments};

/// Its value.
pub(super) fn provider(mode: Mode, file: &WholeFile) -> Vec<KeyValue> {
    let resource = match mode {
        Mode::Standalone => files(&file.resources_dirs),
        Mode::CustomKubernetes => api(),
        Mode::Kubernetes => return vec![KeyValue::new("type", "Kubernetes")],
    };
    let infrastructure = vec![KeyValue::new("type", "Host"), host(file.home.as_ref())];
    vec![
        KeyValue::new("type", "Custom"),
        KeyValue::new(
            "custom",
            vec![KeyValue::new("resource", resource), KeyValue::new("infrastructure", infrastructure)],
        ),
    ]
}

/// Where EG keeps its configuration, in the directory of all its files.
pub(super) fn config_home(home: &AbsolutePath) -> AbsolutePath {
    home.join(CONFIG)
}

fn files(directories: &[AbsolutePath]) -> Vec<KeyValue> {
    let paths = directories.iter().map(|path| Item { value: path.as_str().into(), note: "" });
    let paths = KeyValue::new("paths", Node::List(paths.collect())).commented(comments::RESOURCES_DIRS);
    vec![KeyValue::new("type", "File"), KeyValue::new("file", vec![paths])]
}

fn api() -> Vec<KeyValue> {
    let election = KeyValue::new("leaderElection", vec![KeyValue::new("disable", Node::Bool(true))])
        .commented(comments::NO_ELECTION);
    vec![KeyValue::new("type", "Kubernetes"), KeyValue::new("kubernetes", vec![election])]
}

fn host(home: Option<&AbsolutePath>) -> KeyValue {
    let Some(home) = home else { return KeyValue::new("host", vec![]) };
    let directory = |(key, name): &(&'static str, &str)| KeyValue::new(key, home.join(name).as_str());
    KeyValue::new("host", HOST_DIRECTORIES.iter().map(directory).collect::<Vec<_>>())
        .commented(comments::HOST_DIRECTORIES)
}

/// Keys of `infrastructure.host` and the names below `--home`. Different ones: func-e takes four equal
/// directories for its old layout and looks for Envoy in `versions/` instead of `envoy-versions/`.
const HOST_DIRECTORIES: &[(&str, &str)] =
    &[("configHome", CONFIG), ("dataHome", "data"), ("stateHome", "state"), ("runtimeDir", "run")];

const CONFIG: &str = "config";
