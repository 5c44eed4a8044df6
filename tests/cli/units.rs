//! The units in `examples/systemd/` start commands that there are, and are as systemd wants them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use egext_test_support::{check_page, skipped};
use tempfile::TempDir;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/systemd")
}

/// Every file, also of the folders for drop-ins.
fn units() -> Vec<PathBuf> {
    let (mut units, mut folders) = (Vec::new(), vec![folder()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { units.push(path) }
        }
    }
    units.sort();
    units
}

fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("ExecStart="))
}

#[test]
fn every_command_of_a_unit_parses() {
    let mut count = 0;
    for unit in units() {
        let text = fs::read_to_string(&unit).expect("readable");
        for command in commands(&text) {
            let command = command.strip_prefix("/usr/local/bin/").expect("where the binary is installed");
            let arguments = command.split_whitespace();
            egext::cli::parse(arguments.map(Into::into)).unwrap_or_else(|_| panic!("{command}"));
            count += 1;
        }
        let comments = text.lines().filter_map(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join("\n");
        check_page(&unit.display().to_string(), &comments);
    }
    assert_eq!(count, 2);
}

/// What must fit together stands in more than one file.
#[test]
fn times_and_paths_fit_together() {
    let read = |name: &str| fs::read_to_string(folder().join(name)).expect("readable");
    let (service, socket) = (read("egext-bridge.service"), read("egext-bridge.socket"));
    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let command = value(&service, "ExecStart");
    let sockets: Vec<_> = socket.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    let [listen, admin] = sockets[..] else { panic!("{sockets:?}") };
    assert!(command.contains(&format!("--listen unix:{listen} ")), "{command}");
    assert!(command.ends_with(&format!("--admin unix:{admin}")), "{command}");
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().expect("seconds");
    // The default of `--drain-timeout`.
    assert!(!command.contains("--drain-timeout"));
    assert!(seconds(&value(&service, "TimeoutStopSec")) > 30 + 1);
    assert_eq!(value(&service, "Type"), "notify-reload");
}

/// A copy that the systemd of this machine can judge: the programs need not be installed, and the type is newer than some
/// systemd that is still in use.
#[expect(clippy::disallowed_methods, reason = "the product does not write units")]
fn judged() -> Option<(TempDir, PathBuf)> {
    let version = Command::new("systemd-analyze").arg("--version").output();
    let Some(version) = version.ok().filter(|version| version.status.success()) else {
        skipped("systemd-analyze not found");
        return None;
    };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<u32>().ok());
    let knows_the_type = number.is_some_and(|number| number >= 253);
    let copy = tempfile::tempdir().expect("a temporary directory");
    for unit in units() {
        let target = copy.path().join(unit.strip_prefix(folder()).expect("below it"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("ours");
        let mut text =
            fs::read_to_string(&unit).expect("readable").replace("/usr/local/bin/egext", "/bin/true");
        if !knows_the_type {
            text = text.replace("Type=notify-reload", "Type=notify");
        }
        fs::write(target, text).expect("ours");
    }
    // Envoy Gateway's own unit, which the drop-in is for.
    fs::write(copy.path().join("envoy-gateway.service"), "[Service]\nExecStart=/bin/true\n").expect("ours");
    let path = copy.path().to_owned();
    Some((copy, path))
}

#[test]
fn systemd_understands_every_line() {
    let Some((_copy, folder)) = judged() else { return };
    for unit in [
        "egext-bridge.service",
        "egext-bridge.socket",
        "egext-certs-renew.service",
        "egext-certs-renew.timer",
        "envoy-gateway.service",
    ] {
        let run = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=yes"])
            .arg(folder.join(unit))
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
            .output()
            .expect("it was there just now");
        let said = String::from_utf8_lossy(&run.stderr);
        let ours = said.lines().filter(|line| line.contains("egext") || line.contains("envoy-gateway"));
        let ours = ours.collect::<Vec<_>>();
        assert!(run.status.success() && ours.is_empty(), "{unit}: {said}");
    }
}

/// The measure of `systemd-analyze security`: 0 is nothing exposed, 10 is everything.
#[test]
fn the_services_are_hardened() {
    let Some((_copy, folder)) = judged() else { return };
    for (unit, most) in [("egext-bridge.service", "18"), ("egext-certs-renew.service", "12")] {
        let run = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", &format!("--threshold={most}")])
            .arg(folder.join(unit))
            .output()
            .expect("it was there just now");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{}", said.lines().last().unwrap_or_default());
    }
}
