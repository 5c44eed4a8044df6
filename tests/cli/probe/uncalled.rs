//! Configurations of which Envoy Gateway cannot call a server: file, line and the words of `egext config check`.

use super::managers::{Configured, KUBERNETES};

/// What is written after the other keys, from line 5, and the error with its hint.
#[track_caller]
fn refused(managers: &str, error: &str, hint: &str) {
    let configured = Configured::new(KUBERNETES, managers);
    let run = configured.probe().run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{run:?}");
    let file = configured.directory.path().join("eg.yaml");
    let begin = format!("error: {}{error}", file.display());
    assert!(run.stderr.starts_with(&begin), "{begin}: {}", run.stderr);
    assert!(run.stderr.contains(&format!("\n  hint: {hint}")), "{hint}: {}", run.stderr);
}

/// The other servers alone would be a report without this one.
#[test]
fn one_of_several_servers_is_told_with_its_place() {
    for (port, error) in [
        ("0", ":9:31: `extensionManagers[1].service`: no server has port 0"),
        ("65536", ":9:31: `extensionManagers[1].service`: no server has port 65536"),
    ] {
        let managers = format!(
            "extensionManagers:\n- {{name: a, service: {{unix: {{path: /a}}}}}}\n\
             - name: b\n  service:\n    fqdn: {{hostname: h, port: {port}}}\n"
        );
        refused(&managers, error, "write the port of the extension: ");
    }
    let hooks = "hooks: {xdsTranslator: {post: [Route]}}";
    let managers = format!(
        "extensionManagers:\n- {{name: a, {hooks}, service: {{unix: {{path: /a}}}}}}\n\
         - {{name: b, {hooks}, service: {{fqdn: {{hostname: h, port: x}}}}}}\n"
    );
    refused(&managers, ":7:90: EG 1.9 ends at its start: json: cannot unmarshal string", "");
}

#[test]
fn an_address_that_cannot_be_called_is_told_with_its_place() {
    refused(
        "extensionManager: {service: {unix: {path: \"@abc\"}}}\n",
        ":5:43: `extensionManager.service`: `@abc` is not an absolute path",
        "write the whole path, such as `/run/egext/@abc`",
    );
    refused(
        "extensionManager:\n  service: {fqdn: {hostname: a b, port: 1}}\n",
        ":6:30: `extensionManager.service`: `a b` is neither a host name nor an IP address",
        "a host name has letters, ",
    );
}

#[test]
fn a_file_without_a_server_is_told_with_the_cause() {
    refused(
        "extensionManager: {service: {unix: {\n",
        ":5:36: not YAML: ",
        "look at this line and the one above it: ",
    );
    refused("extensionManagr: {}\n", ":5:1: `extensionManagr`: EG 1.9 ignores `extensionManagr`", "");
}
