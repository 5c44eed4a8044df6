//! Addresses, streams, listeners and TLS settings for probe, bridge and demo.

mod address;
mod address_error;
mod channel;
mod deadline;
mod descriptors;
mod dial;
mod entrance;
mod fault;
mod frame;
mod gate;
mod gathered;
mod greeting;
mod hello;
mod keepalive;
mod limits;
mod linger;
mod listen;
mod naming;
mod opening;
mod permitted;
mod placement;
mod read_ahead;
mod records;
mod reset;
mod session;
mod settings;
mod sieve;
mod stream;
mod tally;
mod tls;
mod traffic;
mod verifier;
mod witness;

pub use address::{Address, Transport};
pub use address_error::AddressError;
pub(crate) use channel::{Channel, ChannelPlan, open_channel};
pub(crate) use deadline::{LONGEST, deadline};
pub use descriptors::enough_for_a_runtime;
pub(crate) use descriptors::{descriptor_limit, raise_limit, spare_descriptors};
pub(crate) use dial::dial_telling;
pub use dial::{Agreed, Alpn, Dialed, Target, TargetError, Trace, dial};
pub use entrance::Crowd;
pub(crate) use entrance::{Arrivals, Counters, Entrance, Noise, Wording};
pub use fault::{Fault, FaultKind, Stage};
pub(crate) use gate::{Admission, Bound, Capacity};
pub(crate) use gathered::{Flusher, Gathered};
pub(crate) use greeting::{Greeting, Hello, greet};
pub use hello::explain;
pub(crate) use limits::{
    CONNECTION_WINDOW, FRAME_SIZE, REMEMBERED_RESETS, SEND_BUFFER, SMALL_FRAMES, STREAM_WINDOW,
};
pub use limits::{CallerLimits, Keepalive};
pub(crate) use linger::Lingering;
pub(crate) use listen::is_of_this_machine;
pub use listen::{
    AcceptError, Accepted, BindError, Inherited, InheritedError, Listener, SocketAccess, UnixSocket,
};
pub use permitted::{FingerprintError, KeyFingerprint, Permitted, PermittedName, PermittedNameError};
pub use placement::{Placement, PlacementError};
pub(crate) use read_ahead::ReadAhead;
pub use reset::Reset;
pub use session::{Goodbye, Session, open};
pub use settings::Settings;
pub(crate) use sieve::{
    CLAIMED_LENGTH, Farewell, HeaderFault, HeaderFaults, IgnoredFrame, NO_AUTHORITY, Outgoing, Sieve,
};
pub(crate) use stream::Cut;
pub use stream::Stream;
pub(crate) use tls::H2;
pub use tls::{ClientTls, ServerTls, TlsError, server_config};
pub(crate) use traffic::Carried;
pub(crate) use witness::MOST_TICKETS;
pub use witness::Witness;

pub(crate) use address::{SOCKET_PATH_LIMIT, is_directory};
