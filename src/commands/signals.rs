use std::io;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From now on a write beyond the limit on the size of files (`ulimit -f`) fails. Until then it ends the process without
/// a word, and with half a file.
pub fn survive_file_size_limit() {
    static EXCEEDED: AtomicBool = AtomicBool::new(false);
    // A handler, because to ignore a signal takes unsafe code; what it sets is of no use. If it cannot be had, the signal
    // does what it did before.
    let _ = flag::register(SIGXFSZ, &EXCEEDED);
}

/// The signals that a command handles while it runs.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// They end a process that does not handle them, and are not sent for that.
    others: [(Signal, &'static str); 3],
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// SIGHUP: the terminal was closed, or the operator wants new files to be read.
    HangUp,
    /// SIGTERM or SIGINT.
    Stop,
    /// A signal without a meaning here: its name. Those who rotate logs send some.
    Unknown(&'static str),
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            others: [
                (signal(SignalKind::alarm())?, "SIGALRM"),
                (signal(SignalKind::user_defined1())?, "SIGUSR1"),
                (signal(SignalKind::user_defined2())?, "SIGUSR2"),
            ],
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Order {
        let [alarm, user_1, user_2] = &mut self.others;
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::HangUp,
            _ = alarm.0.recv() => Order::Unknown(alarm.1),
            _ = user_1.0.recv() => Order::Unknown(user_1.1),
            _ = user_2.0.recv() => Order::Unknown(user_2.1),
        }
    }
}
