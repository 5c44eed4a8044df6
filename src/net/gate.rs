//! How many connections there may be, and how many of them may be unproven.
//!
//! A connection costs a descriptor and memory before its peer has presented a certificate or begun HTTP/2. A
//! stranger can open as many as the network carries. So the number of unproven connections is limited, and above the
//! limit the oldest one of the busiest address is closed: an honest peer proves itself within milliseconds, a silent
//! one has had its time. A proven connection is never closed for another one.
//!
//! One remote address has a share of the connections, so that a host that opens as many as it can leaves room for
//! others. Callers on this machine have no share: they all come from a loopback address, or from a unix socket that
//! only permitted users can open, so nothing tells the one that opens too many from the others.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Admits connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Mutex<Occupancy>>);

#[derive(Debug)]
struct Occupancy {
    limits: Limits,
    next: u64,
    connections: BTreeMap<u64, Entry>,
    /// How many of them have proven nothing.
    unproven: usize,
}

#[derive(Debug)]
struct Entry {
    /// `None` for a caller on this machine.
    address: Option<IpAddr>,
    /// To close it; `None` once it has proven itself.
    close: Option<Arc<Notify>>,
}

/// So many connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Limits {
    all: usize,
    unproven: usize,
}

/// How many connections a process can have, and what it is that does not allow more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Capacity {
    /// How many.
    pub(crate) connections: usize,
    /// Why not more.
    pub(crate) bound: Bound,
}

/// What bounds the number of connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    /// The number that was asked for.
    Connections,
    /// The number of descriptors that the process may have.
    Descriptors,
}

/// A connection that was admitted. Its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Arc<Mutex<Occupancy>>,
    number: u64,
    close: Arc<Notify>,
    displaces: bool,
}

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{} open", connections(*.0, ""))]
    All(usize),
    #[error("{} open", connections(*.1, &format!(" of {}", Network(*.0))))]
    Address(IpAddr, usize),
}

/// An address as [`network`] returns it.
struct Network(IpAddr);

impl Capacity {
    /// Some descriptors stay for the upstream, for files and for what is being closed.
    pub(crate) fn new(connections: usize, descriptors: usize) -> Self {
        let available = descriptors.saturating_sub(RESERVED).max(descriptors / 2);
        let bound = if connections <= available { Bound::Connections } else { Bound::Descriptors };
        Self { connections: connections.min(available), bound }
    }

    /// How many descriptors are enough for so many connections.
    pub(crate) fn descriptors_for(connections: usize) -> usize {
        connections.saturating_add(RESERVED)
    }
}

impl Gate {
    /// A gate for so many connections.
    pub(crate) fn new(connections: usize) -> Self {
        let limits = Limits::new(connections);
        let state = Occupancy { limits, next: 0, connections: BTreeMap::new(), unproven: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        lock(&self.0).connections.len()
    }

    /// Admits a connection from `address`, and closes an older one if needed. On a unix socket there is no
    /// address.
    ///
    /// # Errors
    /// When there are too many that have all proven themselves.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Result<Admission, Refused> {
        let mut state = lock(&self.0);
        let address = address.and_then(network);
        let displaces = state.make_room(address)?;
        let (number, close) = (state.next, Arc::new(Notify::new()));
        state.next += 1;
        state.connections.insert(number, Entry { address, close: Some(Arc::clone(&close)) });
        state.unproven += 1;
        Ok(Admission { state: Arc::clone(&self.0), number, close, displaces })
    }
}

impl Admission {
    /// An older connection is closed for this one.
    pub(crate) fn displaces(&self) -> bool {
        self.displaces
    }

    /// The peer has proven itself: this connection is not closed for others any more. False if it comes too late: a
    /// newer connection has its place already, and it must be closed, because it counts no more.
    #[must_use]
    pub(crate) fn prove(&self) -> bool {
        let mut state = lock(&self.state);
        let Some(entry) = state.connections.get_mut(&self.number) else { return false };
        if entry.close.take().is_some() {
            state.unproven -= 1;
        }
        true
    }

    /// Waits until this connection is to be closed for a newer one. If it proves itself at the same moment,
    /// [`Self::prove`] decides, so it does not matter which of the two a caller's `select!` sees first.
    pub(crate) async fn closed(&self) {
        self.close.notified().await;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        lock(&self.state).remove(self.number);
    }
}

impl Occupancy {
    /// True when an older connection was closed.
    fn make_room(&mut self, address: Option<IpAddr>) -> Result<bool, Refused> {
        let Limits { all, unproven } = self.limits;
        let number = self.connections.len();
        // They are counted only where they may be too many.
        if let Some(address) = address.filter(|_| number >= share(all) || self.unproven >= share(unproven)) {
            let own = |entry: &&Entry| entry.address == Some(address);
            let (mine, silent) = (self.count(own), self.count(|entry| own(entry) && entry.close.is_some()));
            if mine >= share(all) || silent >= share(unproven) {
                // The share may be all of it.
                let refused = if mine < all { Refused::Address(address, mine) } else { Refused::All(number) };
                self.close_oldest(Some(address)).ok_or(refused)?;
                return Ok(true);
            }
        }
        if number >= all || self.unproven >= unproven {
            self.close_oldest(self.busiest()).ok_or(Refused::All(number))?;
            return Ok(true);
        }
        Ok(false)
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.connections.remove(&number)?;
        self.unproven -= usize::from(entry.close.is_some());
        Some(entry)
    }

    fn count(&self, wanted: impl Fn(&&Entry) -> bool) -> usize {
        self.connections.values().filter(wanted).count()
    }

    /// The address with the most connections that have proven nothing, where this machine counts as one; of several,
    /// the one whose oldest is the oldest of all. So a stranger with many addresses displaces its own connections, and not the newest one.
    fn busiest(&self) -> Option<IpAddr> {
        let mut addresses = BTreeMap::new();
        for (age, entry) in self.connections.iter().filter(|(_, entry)| entry.close.is_some()) {
            addresses.entry(entry.address).or_insert((0_usize, Reverse(age))).0 += 1;
        }
        addresses.into_iter().max_by_key(|(_, connections)| *connections)?.0
    }

    /// Closes the oldest connection of `address` that has proven nothing.
    fn close_oldest(&mut self, address: Option<IpAddr>) -> Option<()> {
        let silent = |entry: &Entry| entry.address == address && entry.close.is_some();
        let number = *self.connections.iter().find(|(_, entry)| silent(entry))?.0;
        self.remove(number)?.close?.notify_one();
        Some(())
    }
}

impl Limits {
    fn new(all: usize) -> Self {
        Self { all, unproven: MOST_UNPROVEN.min(share(all)) }
    }
}

/// The part of `number` that one address may have, and that may be unproven: half. But an operator who allows as few as
/// [`FEW`] has counted the callers, and expects them to be served, also if all of them come from one address or connect
/// at the same moment.
fn share(number: usize) -> usize {
    (number / 2).max(number.min(FEW))
}

/// What counts as one address; `None` for this machine. One customer of a provider has 2^64 IPv6 addresses (RFC 6177).
fn network(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
        address => Some(address),
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

fn connections(number: usize, whose: &str) -> String {
    match number {
        1 => format!("1 connection{whose} is"),
        _ => format!("{number} connections{whose} are"),
    }
}

fn lock(state: &Mutex<Occupancy>) -> MutexGuard<'_, Occupancy> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In the middle of a handshake or silent: each has some kilobytes.
const MOST_UNPROVEN: usize = 512;

const RESERVED: usize = 128;

/// Up to so many connections, there is no smaller limit for a part of them.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    async fn is_closed(admission: &Admission) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, admission.closed()).await.is_ok()
    }

    #[tokio::test]
    async fn the_oldest_of_the_busiest_address_goes_first() {
        let gate = Gate::new(896);
        let quiet = gate.admit(address(1)).expect("room");
        let first: Vec<_> = (0..224).map(|_| gate.admit(address(2)).expect("room")).collect();
        // 448 may be silent, half of them of one address.
        let more = gate.admit(address(2)).expect("one goes");
        assert!(is_closed(&first[0]).await && !is_closed(&first[1]).await);
        let others: Vec<_> = (0..223).map(|_| gate.admit(address(3)).expect("room")).collect();
        let last = gate.admit(address(4)).expect("one goes");
        assert!(is_closed(&first[1]).await && !is_closed(&first[2]).await);
        for stays in [&quiet, &more, &others[0], &last] {
            assert!(!is_closed(stays).await);
        }
    }

    #[tokio::test]
    async fn who_has_proven_itself_is_never_closed() {
        let gate = Gate::new(896);
        let proven: Vec<_> = (0..448)
            .map(|_| {
                let admission = gate.admit(address(1)).expect("room");
                assert!(admission.prove());
                admission
            })
            .collect();
        let refused = gate.admit(address(1)).expect_err("half of all");
        assert_eq!(refused.to_string(), "448 connections of 192.0.2.1 are open");
        let local: Vec<_> = (0..448)
            .map(|_| {
                let admission = gate.admit(None).expect("room");
                assert!(admission.prove());
                admission
            })
            .collect();
        assert_eq!(gate.admit(None).expect_err("all"), Refused::All(896));
        assert!(!is_closed(&proven[0]).await && !is_closed(&local[0]).await);
        drop(proven);
        gate.admit(address(1)).expect("room again");
    }

    #[tokio::test]
    async fn of_many_addresses_the_one_with_the_oldest_goes_first() {
        let gate = Gate::new(896);
        let stranger = |number: u32| Some(IpAddr::V4(number.into()));
        let strangers: Vec<_> = (0..447).map(|number| gate.admit(stranger(number)).expect("room")).collect();
        // No order of addresses may count.
        for newcomer in
            [stranger(u32::MAX), Some(IpAddr::from([0xffff; 8])), Some(IpAddr::from([0; 16])), None]
        {
            let newcomer = gate.admit(newcomer).expect("room");
            for number in 1000..1200 {
                // Not kept, like connections that were closed.
                std::mem::forget(gate.admit(stranger(number)).expect("one goes"));
            }
            assert!(!is_closed(&newcomer).await);
        }
        assert!(is_closed(&strangers[0]).await);
    }

    #[tokio::test]
    async fn a_proof_that_comes_too_late_is_none() {
        let gate = Gate::new(1);
        let first = gate.admit(address(1)).expect("room");
        let second = gate.admit(address(2)).expect("the first one goes");
        assert!(!first.prove(), "its place is taken");
        assert!(second.prove() && second.prove(), "however often it is asked");
        assert!(is_closed(&first).await && !is_closed(&second).await);
        assert_eq!(gate.open(), 1);
        drop(first);
        assert_eq!(gate.admit(None).expect_err("full").to_string(), "1 connection is open");
    }

    #[test]
    fn this_machine_and_a_few_connections_have_no_share() {
        for (limit, callers) in [(16, address(1)), (64, None), (64, Some(IpAddr::from([127, 0, 0, 1])))] {
            let gate = Gate::new(limit);
            let admitted: Vec<_> = (0..limit).map(|_| gate.admit(callers).expect("room")).collect();
            assert!(limit > 16 || admitted.iter().all(Admission::prove), "none is closed for another one");
        }
        let gate = Gate::new(20);
        let admitted: Vec<_> = (0..16).map(|_| gate.admit(address(1)).expect("room")).collect();
        assert!(admitted.iter().all(Admission::prove));
        assert!(matches!(gate.admit(address(1)).expect_err("its share"), Refused::Address(_, 16)));
    }

    #[test]
    fn what_bounds_the_number_is_known() {
        for (connections, descriptors, expected, bound) in [
            (4096, 1024, 896, Bound::Descriptors),
            (896, 1024, 896, Bound::Connections),
            (4096, 80, 40, Bound::Descriptors),
            (1, usize::MAX, 1, Bound::Connections),
        ] {
            let capacity = Capacity::new(connections, descriptors);
            assert_eq!(capacity, Capacity { connections: expected, bound });
            let enough = Capacity::new(connections, Capacity::descriptors_for(connections));
            assert_eq!(enough, Capacity { connections, bound: Bound::Connections });
        }
    }

    #[test]
    fn a_provider_s_customer_is_one_address() {
        let of = |text: &str| network(text.parse().expect("an address")).expect("another machine");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(Network(of("2001:db8:1:2::1")).to_string(), "2001:db8:1:2::/64");
        for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(network(local.parse().expect("an address")), None, "{local}");
        }
    }
}
