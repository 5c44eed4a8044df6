//! A terminal on which a process prints.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::LIMIT;

/// A pseudo terminal, and what was printed on it.
#[derive(Debug)]
pub struct Terminal {
    side: File,
    printed: Arc<(Mutex<Printed>, Condvar)>,
}

#[derive(Debug, Default)]
struct Printed {
    octets: Vec<u8>,
    /// No process has the terminal any more.
    is_over: bool,
}

impl Terminal {
    /// A terminal that no other process has yet.
    ///
    /// # Panics
    /// When the system has none.
    pub fn new() -> Self {
        let controller = openpt(FLAGS).expect("a terminal");
        grantpt(&controller).expect("ours");
        unlockpt(&controller).expect("ours");
        let name = ptsname(&controller, Vec::new()).expect("a name").into_string().expect("a path");
        let flags = i32::try_from(FLAGS.bits()).expect("few flags");
        let side = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name);
        let printed = Arc::<(Mutex<Printed>, Condvar)>::default();
        let shared = Arc::clone(&printed);
        thread::spawn(move || collect(File::from(controller), &shared));
        Self { side: side.expect("a terminal"), printed }
    }

    /// The side of a process, for [`crate::Egext::stderr_to`].
    ///
    /// # Panics
    /// When there are too many.
    pub fn side(&self) -> File {
        self.side.try_clone().expect("a descriptor")
    }

    /// Waits until this was printed, with all that moves the cursor.
    ///
    /// # Panics
    /// When it is not printed for a long time.
    pub fn wait_for(&self, text: &str) {
        wait(&self.printed, text, |printed| String::from_utf8_lossy(&printed.octets).contains(text));
    }

    /// Everything that was printed, once no other process has the terminal any more.
    ///
    /// # Panics
    /// When one keeps it for a long time.
    pub fn all(self) -> String {
        let Self { side, printed } = self;
        drop(side);
        let octets = wait(&printed, "the end", |printed| printed.is_over);
        String::from_utf8(octets).expect("UTF-8")
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

fn collect(mut controller: File, shared: &(Mutex<Printed>, Condvar)) {
    let change = |change: &dyn Fn(&mut Printed)| {
        change(&mut shared.0.lock().expect("no panic while it was held"));
        shared.1.notify_all();
    };
    let mut octets = [0; 4096];
    // On Linux a read fails when the last process has closed its side.
    while let Ok(read @ 1..) = controller.read(&mut octets) {
        change(&|printed| printed.octets.extend_from_slice(&octets[..read]));
    }
    change(&|printed| printed.is_over = true);
}

fn wait(
    (printed, changed): &(Mutex<Printed>, Condvar),
    what: &str,
    reached: impl Fn(&Printed) -> bool,
) -> Vec<u8> {
    let printed = printed.lock().expect("no panic while it was held");
    let (printed, waited) = changed
        .wait_timeout_while(printed, LIMIT, |printed| !reached(printed))
        .expect("no panic while it was held");
    let text = String::from_utf8_lossy(&printed.octets);
    assert!(!waited.timed_out(), "{what:?} did not come; the terminal shows {text:?}");
    printed.octets.clone()
}

/// It does not become the terminal of the tests.
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY);
