//! File system events, by inotify.

use std::ffi::OsString;
use std::fmt::{self, Debug};
use std::future::pending;
use std::io;
use std::path::Path;

use inotify::{Event, EventMask, EventStream, Inotify, WatchMask};
use tokio_stream::StreamExt as _;
use tracing::info;

use super::files::Places;

/// What the kernel reports about some files.
#[derive(Default)]
pub(super) struct Notices {
    events: Option<EventStream<Vec<u8>>>,
    places: Places,
    told: bool,
}

impl Notices {
    /// Watches the files at these paths, where they are now.
    pub(super) fn watch<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) {
        self.places = Places::of(paths);
        // A new one each time, so that no watch is left on a directory that is gone. It is there before the files are read:
        // what changes after that is an event.
        self.events = match begin(&self.places) {
            Ok(events) => Some(events),
            Err(error) => {
                if !self.told {
                    self.told = true;
                    let seconds = super::keeper::POLL.as_secs();
                    info!(%error, "no file system events: files of certificates are compared every {seconds} s");
                }
                None
            }
        };
    }

    /// Returns when one of the files may have changed.
    pub(super) async fn changed(&mut self) {
        loop {
            let Some(events) = &mut self.events else { return pending().await };
            match events.next().await {
                Some(Ok(event)) if self.is_ours(&event) => return,
                Some(Ok(_)) => {}
                // From now on the files are compared at intervals.
                Some(Err(_)) | None => self.events = None,
            }
        }
    }

    /// Is it about one of the names, or about a directory as a whole?
    fn is_ours(&self, event: &Event<OsString>) -> bool {
        // That a watch has ended is said by an event of its own.
        let is_end = event.mask.contains(EventMask::IGNORED);
        !is_end && event.name.as_ref().is_none_or(|name| self.places.names.contains(name))
    }
}

impl Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("places", &self.places).finish_non_exhaustive()
    }
}

fn begin(places: &Places) -> io::Result<EventStream<Vec<u8>>> {
    let events = Inotify::init()?;
    for directory in &places.directories {
        match events.watches().add(directory, WATCHED) {
            Ok(_) => {}
            // It has no events; that it can be read again is seen when the files are compared.
            Err(error) if ABSENT.contains(&error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    events.into_event_stream(vec![0; BUFFER])
}

const ABSENT: &[io::ErrorKind] =
    &[io::ErrorKind::NotADirectory, io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied];

/// What can change a file, its mode, or a link on the way to it. A file is whole when its writer has closed it.
const WATCHED: WatchMask = WatchMask::ATTRIB
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::CREATE)
    .union(WatchMask::DELETE)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE)
    .union(WatchMask::MOVE_SELF);

const BUFFER: usize = 4096;
