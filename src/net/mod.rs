//! Addresses, streams, listeners and TLS settings: what probe, bridge and demo stand on.

mod address;
mod deadline;
mod dial;
mod fault;
mod gathered;
mod listen;
mod session;
mod stream;
mod tls;

pub use address::{Address, AddressError, Host, Transport};
pub(crate) use deadline::{LONGEST, deadline};
pub use dial::{Agreed, Alpn, Dialed, Target, TargetError, Trace, dial};
pub use fault::{Fault, FaultKind, Layer};
pub(crate) use gathered::Gathered;
pub(crate) use listen::ACCEPT_PAUSE;
pub use listen::{Accepted, BindError, Listener};
pub(crate) use session::{CONNECTION_WINDOW, FRAME_SIZE, HEADER_LIST, SEND_BUFFER, STREAM_WINDOW};
pub use session::{Session, open};
pub use stream::Stream;
pub use tls::{ClientTls, TlsError, Witness, provider, server_config};

pub(crate) use address::SOCKET_PATH_LIMIT;
