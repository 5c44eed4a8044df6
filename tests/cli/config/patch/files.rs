//! What becomes of the file on the disk, whatever happens meanwhile.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::thread;
use std::time::Instant;

use egext_test_support::Egext;
use snapbox::str;

use super::{Place, TEAM, names};

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let place = Place::with(TEAM);
    // Every write to a file fails, as on a full disk; it holds for root as well.
    let run =
        crate::script("sh", r#"ulimit -f 0; exec "$0" config patch file.yaml"#).current_dir(place.0.path());
    run.assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: cannot write `file.yaml`: File too large (os error 27)
  hint: raise the limit on the size of files: `ulimit -f`

"]]);
    assert_eq!((place.text().as_str(), names(place.0.path())), (TEAM, vec!["file.yaml".to_owned()]));
}

#[test]
fn a_directory_that_is_read_only_is_named() {
    let place = Place::with(TEAM);
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o555)).expect("ours");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).expect("ours");
    let run = crate::egext(["config", "patch"]).arg(place.path()).without_privileges();
    run.assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: cannot write `[..]/file.yaml`: Permission denied (os error 13)
  hint: its directory must be writable, since a new file takes its place: `ls -ld [..]`

"]]);
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    assert_eq!((place.text().as_str(), names(place.0.path())), (TEAM, vec!["file.yaml".to_owned()]));
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_text_or_the_new_one() {
    let place = Place::with(TEAM);
    let started = Instant::now();
    let new = place.patched(&[]);
    // Two runs.
    let one_run = started.elapsed() / 2;
    let mut seen = [0, 0];
    for number in 0..KILLS {
        place.write(TEAM);
        let run = place.patch(&[]).start();
        let random = RandomState::new().hash_one(number) % 1000;
        thread::sleep(one_run * u32::try_from(random).expect("below a thousand") / 900);
        run.kill();
        let text = place.text();
        assert!(text == TEAM || text == new, "{text}");
        seen[usize::from(text == new)] += 1;
    }
    place.write(TEAM);
    assert_eq!(place.patched(&[]), new, "{seen:?}");
    // A run that was killed can leave its new file, which is hidden; the next one removes it.
    assert_eq!(names(place.0.path()), ["file.yaml"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the product does not write these files")]
fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
    let place = Place::with(TEAM);
    let left = ".file.yaml.0123456789abcdef";
    let others = [
        ".file.yaml.0123456789abcde",
        ".file.yaml.0123456789abcdefa",
        ".file.yaml.0123456789ABCDEF",
        ".file.yaml.swp",
        ".other.yaml.0123456789abcdef",
        "file.yaml.0123456789abcdef",
    ];
    for name in others.iter().chain([&left]) {
        fs::write(place.0.path().join(name), "").expect("a file");
    }
    fs::create_dir(place.0.path().join(".file.yaml.ffffffffffffffff")).expect("a directory");
    // Another run is writing.
    let other_run = fs::File::open(place.path()).expect("the file");
    other_run.lock().expect("a lock");
    let run = place.patch(&[]).run();
    assert!(run.exit_code == 2 && run.stderr.contains("another `egext` is writing"), "{run:?}");
    assert!(names(place.0.path()).iter().any(|name| name == left));
    drop(other_run);
    // The file that it writes is locked.
    let other_run = fs::File::open(place.0.path().join(left)).expect("the file");
    other_run.lock().expect("a lock");
    place.patched(&[]);
    assert!(names(place.0.path()).iter().any(|name| name == left));
    drop(other_run);

    place.write(TEAM);
    place.patched(&[]);
    let mut expected = Vec::from(others.map(str::to_owned));
    expected.extend([".file.yaml.ffffffffffffffff".to_owned(), "file.yaml".to_owned()]);
    expected.sort();
    let mut found = names(place.0.path());
    found.sort();
    assert_eq!(found, expected);
}

/// A run that succeeds has not undone what another one has written meanwhile.
#[test]
fn of_several_runs_at_once_none_is_lost() {
    let place = Place::with("kind: EnvoyGateway\napiVersion: gateway.envoyproxy.io/v1alpha1\n");
    let mut written = Vec::new();
    for round in 0..10 {
        let run = |name: String| {
            let output = place.patch(&["--mode", "kubernetes", "--name", &name]).output();
            let said = String::from_utf8(output.stderr).expect("UTF-8");
            let is_refused =
                said.contains("has changed meanwhile") || said.contains("another `egext` is writing");
            assert!(output.status.success() != is_refused, "{said}");
            (name, output.status.success())
        };
        let done = thread::scope(|scope| {
            let runs =
                [0, 1, 2, 3, 4, 5, 6, 7].map(|number| scope.spawn(move || run(format!("m{round}{number}"))));
            runs.map(|run| run.join().expect("no panic"))
        });
        assert!(done.iter().any(|(_, is_written)| *is_written), "one of them is the first");
        written.extend(done.into_iter().filter(|(_, is_written)| *is_written).map(|(name, _)| name));
        let text = place.text();
        for name in &written {
            assert!(text.contains(&format!("- name: {name}\n")), "{name}: {text}");
        }
    }
    assert_eq!(names(place.0.path()), ["file.yaml"]);
}

#[test]
fn a_link_that_leads_nowhere_and_one_to_a_directory_are_refused() {
    let place = Place::with(TEAM);
    for (target, expected) in [
        ("nowhere", "error: cannot read `link.yaml`: No such file"),
        (".", "error: `link.yaml` is a directory, not a file"),
        ("/dev/zero", "error: `link.yaml` is a device, not a file"),
    ] {
        let link = place.0.path().join("link.yaml");
        symlink(target, &link).expect("a link");
        let run: Egext = crate::egext(["config", "patch", "link.yaml"]).current_dir(place.0.path());
        let run = run.run();
        assert!(run.exit_code == 2 && run.stderr.starts_with(expected), "{run:?}");
        fs::remove_file(link).expect("a link");
    }
}

/// A tab is as good as a blank where it does not indent.
#[test]
fn tabs_stay_where_yaml_takes_them() {
    let file = "kind:\tEnvoyGateway\nextensionManager:\t# ours\n  failOpen:\tfalse\t# why\n  service: {\tunix:\t{path:\t'/a'\t}\t}\nextensionApis:\t{}\n";
    let text = Place::with(file).patched(&["--fail-open"]);
    let expected = file.replace("false\t", "true\t").replace("'/a'", "'/run/egext/eg.sock'");
    let kept: Vec<_> = expected.lines().collect();
    assert!(kept.iter().all(|line| text.lines().any(|found| found == *line)), "{text}");
}

#[test]
fn stdin_has_other_line_ends_and_no_last_one() {
    let text = TEAM.trim_end().replace('\n', "\r\n");
    let run = crate::egext(["config", "patch", "-"]).stdin(text.as_str()).assert().success();
    let written = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let patched = Place::with(TEAM).patched(&[]).replace('\n', "\r\n");
    assert_eq!(written, patched);
    // What needs no change has none, not even a last line end.
    let unchanged = patched.trim_end();
    let run = crate::egext(["config", "patch", "-"]).stdin(unchanged).assert().success();
    assert_eq!(String::from_utf8_lossy(&run.get_output().stdout), unchanged);
    // A dry run prints the difference, and not the text.
    let run = crate::egext(["config", "patch", "-", "--dry-run"]).stdin(TEAM).run();
    assert!(run.stdout.starts_with("would change `-`") && run.stdout.contains("\n--- -\n"), "{run:?}");
}

const KILLS: u32 = 20;
