//! `config patch`: what changes in a file, and what does not.

mod bad_input;
mod files;
mod forms;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use egext_test_support::Egext;
use serde_json::{Value, json};
use snapbox::str;
use tempfile::TempDir;

/// A directory with one file, which is patched.
struct Place(TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let place = Self(TempDir::new().expect("a temporary directory"));
        place.write(text);
        place
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("file.yaml")
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path(), text).expect("writable");
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("a text")
    }

    fn patch(&self, arguments: &[&str]) -> Egext {
        crate::egext([]).args(["config", "patch", "file.yaml"]).args(arguments).current_dir(self.0.path())
    }

    /// The text after a run that changes it, and after another one that does not.
    fn patched(&self, arguments: &[&str]) -> String {
        let first = super::json(self.patch(arguments).args(["-o", "json"]).assert().success());
        assert_eq!((&first["changed"], &first["dry_run"]), (&json!(true), &json!(false)));
        let text = self.text();
        let again = super::json(self.patch(arguments).args(["-o", "json"]).assert().success());
        assert_eq!(again["changed"], false, "{text}");
        assert_eq!(self.text(), text);
        text
    }
}

#[test]
fn comments_order_and_style_stay() {
    let place = Place::with(TEAM);
    let arguments = ["--hook", "VirtualHost,Translation", "--max-message-size", "16Mi"];
    egext_test_support::assert_text(
        place.patched(&arguments),
        str![[r##"
# The gateway of the team.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
extensionManager:
    # Ask the team before you change this.
    maxMessageSize: "16Mi"  # was 4Mi
    hooks:
        xdsTranslator:
            post:
            - VirtualHost   # headers
            # All that the filter needs:
            - Translation
            # What `Translation` gets: nothing of a kind with `false`. Its answer replaces what EG had of each included
            # kind: the server sends back all of them, changed or not, and what it leaves out is deleted.
            translation:
              listener:
                includeAll: true
              route:
                includeAll: true
              cluster:
                includeAll: true
              secret:
                includeAll: true
    failOpen: true  # for now
    service:
        retry:
            maxAttempts: 4
        unix:
          path: /run/egext/eg.sock

# The rest.
gateway: {controllerName: "example.com/gateway"}  # ours

"##]],
    );
}

#[test]
fn what_no_flag_names_stays() {
    let place = Place::with(TEAM);
    let text = place.patched(&[]);
    for kept in ["failOpen: true  # for now", "maxMessageSize: 8Mi  # was 4Mi", "- Route", "maxAttempts: 4"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(!text.contains("fqdn") && !text.contains("tls"), "one way to reach the extension: {text}");
}

#[test]
fn an_extension_is_added_to_files_of_both_kinds() {
    let file = "# ours\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n# the end";
    let expected = "# ours\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nextensionManager:\n  service:\n";
    let text = Place::with(file).patched(&[]);
    assert!(text.starts_with(expected) && text.ends_with("# the end\n"), "{text}");

    let below = |text: &str| -> Value {
        let values: Value = serde_saphyr::from_str(text).expect("YAML");
        values["config"]["envoyGateway"]["extensionManager"]["service"].clone()
    };
    let service = json!({"unix": {"path": "/run/egext/eg.sock"}});
    for values in [
        "config:\n  envoyGateway:\n    provider: {type: Kubernetes}\ndeployment:\n  replicas: 2\n",
        "config:\n  envoyGateway:\n",
        "config:\n  envoyGateway: {}  # none yet\n",
        "config: {}\n",
        "# nothing yet\n",
    ] {
        let text = Place::with(values).patched(&["--helm-values"]);
        assert_eq!(below(&text), service, "{text}");
        for line in values.lines().filter(|line| !line.contains("{}")) {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}

/// A preset has switches of EG beside the extension.
#[test]
fn switches_of_a_preset_join_those_of_the_file() {
    let file = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nextensionApis:\n  disableLua: true  # ours\n";
    let text = Place::with(file).patched(&["--preset", "ai-gateway", "--mode", "kubernetes"]);
    assert!(text.starts_with(file), "{text}");
    let patched: Value = serde_saphyr::from_str(&text).expect("YAML");
    assert_eq!(
        patched["extensionApis"],
        json!({"disableLua": true, "enableBackend": true, "enableEnvoyPatchPolicy": true})
    );
    assert_eq!(
        patched["extensionManager"]["hooks"]["xdsTranslator"]["translation"]["listener"]["includeAll"],
        true
    );
}

#[test]
fn a_file_keeps_its_line_ends_its_mode_and_its_link() {
    let place = Place::with(&TEAM.replace('\n', "\r\n"));
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o640)).expect("our file");
    let real = place.0.path().join("real.yaml");
    fs::hard_link(place.path(), &real).expect("our file");
    fs::remove_file(place.path()).expect("our file");
    symlink("real.yaml", place.path()).expect("a link");
    let text = place.patched(&[]);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(place.path().is_symlink());
    assert_eq!(fs::metadata(&real).expect("a file").mode() & 0o7777, 0o640);
    assert_eq!(names(place.0.path()), ["file.yaml", "real.yaml"]);
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let place = Place::with(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nextensionManager:\n  failOpen: true\n  service:\n    ip:\n      address: 10.0.0.7\n      port: 5005\n  hooks:\n    xdsTranslator:\n      post: [Route]\n",
    );
    let before = place.text();
    place.patch(&["--dry-run", "--hook", "VirtualHost,Route", "--resource", "a.io/v1/B"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
would change `file.yaml` for EG 1.9

hint: EG needs the bridge: `egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs --admin unix:/run/egext/admin.sock --connect-wait forever`

--- file.yaml
+++ egext config patch
@@ -3,9 +3,12 @@
 extensionManager:
   failOpen: true
   service:
-    ip:
-      address: 10.0.0.7
-      port: 5005
+    unix:
+      path: /run/egext/eg.sock
   hooks:
     xdsTranslator:
-      post: [Route]
+      post: [Route, VirtualHost]
+  resources:
+    - group: a.io
+      version: v1
+      kind: B

"#]]);
    assert_eq!(place.text(), before);
}

#[test]
fn stdin_goes_to_stdout() {
    let run = crate::egext(["config", "patch", "-"]).stdin(TEAM).assert().success();
    let output = run.get_output();
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert_eq!(text, Place::with(TEAM).patched(&[]));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("changed the text of stdin"));
}

#[test]
fn a_file_that_is_no_configuration_is_not_read_to_its_end() {
    let place = Place::with("");
    let file = fs::File::options().write(true).open(place.path()).expect("our file");
    file.set_len(9 << 20).expect("a file with holes");
    place.patch(&[]).assert().code(2).stderr_eq(str![[r#"
error: `file.yaml` is larger than 8 MiB
  hint: name the file that EG is started with, or the values of its chart

"#]]);
}

/// Some 300 files in every style: what `config check` finds fault with is no more than before, and nothing but the extension
/// changes.
#[test]
fn files_in_every_style_are_patched_or_refused() {
    let mut patched = 0;
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/eg")) {
        let Ok(before) = fs::read_to_string(&path) else { continue };
        let place = Place::with(&before);
        let run = place.patch(&["-o", "json"]).output();
        let after = place.text();
        let name = path.display();
        if !run.status.success() {
            assert_eq!((run.status.code(), &after), (Some(2), &before), "{name}");
            continue;
        }
        patched += 1;
        let other = |text: &str| {
            let at = text.find("extensionManager").unwrap_or(text.len());
            // What is put into braces stands before the last of them.
            text[..at].trim_end_matches([' ', '\r', '\n', '}']).to_owned()
        };
        assert!(after.starts_with(&other(&before)), "{name}: {after}");
        let again = place.patch(&["-o", "json"]).output();
        let again: Value = serde_json::from_slice(&again.stdout).expect("one object");
        assert_eq!(again["changed"], false, "{name}: {after}");
    }
    assert!(patched >= 100, "{patched}");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect::<Vec<_>>();
    names.sort();
    names
}

/// As people write them: another width, comments everywhere, a retry that we do not write.
const TEAM: &str = r#"# The gateway of the team.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
extensionManager:
    # Ask the team before you change this.
    maxMessageSize: 8Mi  # was 4Mi
    hooks:
        xdsTranslator:
            post:
            - VirtualHost   # headers
            - Route
            # All that the filter needs:
            - Translation
    failOpen: true  # for now
    service:
        # Where it is.
        fqdn:
            hostname: ext.example.com
            port: 5005
        tls:
            certificateRef:
                name: ca
        retry:
            maxAttempts: 4

# The rest.
gateway: {controllerName: "example.com/gateway"}  # ours
"#;
