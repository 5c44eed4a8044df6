//! Two bridges that start at once on one path are kept apart by a lock file.

use std::fs;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::sockets::{assert_refused, bridge_at, directory, start_at, unix};

/// Any user can lock a directory that they can read.
#[test]
fn a_lock_on_the_directory_does_not_keep_a_bridge_from_starting() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    let handle = fs::File::open(directory.path()).expect("readable");
    handle.lock().expect("ours");
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);
}

#[test]
fn the_lock_file_goes_with_the_start_and_a_leftover_is_harmless() {
    let directory = directory();
    let (path, lock) = (directory.path().join("eg.sock"), directory.path().join(".eg.sock.lock"));
    let running = start_at(&unix(&path));
    let names: Vec<_> = fs::read_dir(directory.path())
        .expect("readable")
        .map(|entry| entry.expect("one").file_name())
        .collect();
    assert_eq!(names, ["eg.sock"]);
    assert_eq!(running.terminate().0, 0);

    let leftover = fs::File::create_new(&lock).expect("a free path");
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);

    // Held by a process of this user that does not come to its end.
    drop(leftover);
    let held = fs::File::create_new(&lock).expect("it is gone again");
    held.lock().expect("ours");
    assert_refused(&bridge_at(&unix(&path)).run(), "another process holds");
}

#[test]
fn a_link_in_the_place_of_the_lock_file_is_not_followed() {
    let directory = directory();
    let (path, lock) = (directory.path().join("eg.sock"), directory.path().join(".eg.sock.lock"));
    let target = directory.path().join("target");
    std::os::unix::fs::symlink(&target, &lock).expect("a link");
    assert_refused(&bridge_at(&unix(&path)).run(), "is not a lock file of this user");
    assert!(!target.exists());
}

/// It is there before the socket is, and goes when callers can connect.
#[test]
fn the_lock_is_held_until_the_bridge_listens() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
    inotify::add_watch(&watch, directory.path(), WatchFlags::CREATE | WatchFlags::DELETE)
        .expect("a directory");
    let running = start_at(&unix(&path));
    let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4096];
    let mut reader = inotify::Reader::new(&watch, &mut buffer);
    let mut events = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event.file_name().expect("of a file").to_string_lossy().into_owned();
                events.push((name, event.events() == ReadFlags::CREATE));
            }
            Err(Errno::AGAIN) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let [lock, socket] = [".eg.sock.lock", "eg.sock"].map(str::to_owned);
    assert_eq!(events, [(lock.clone(), true), (socket, true), (lock, false)]);
    assert_eq!(running.terminate().0, 0);
}
