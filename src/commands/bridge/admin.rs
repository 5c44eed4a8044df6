use tracing::info;

use crate::admin::{Admin, Serving, View};
use crate::bridge::Bridge;
use crate::commands::{Clock, Error};
use crate::render::Printer;

/// Shows what `bridge` does, until the value that is returned is dropped.
pub(super) fn serve(
    admin: Admin,
    bridge: &Bridge,
    clock: Clock,
    printer: &Printer,
) -> Result<Serving, Error> {
    let observer = bridge.observer().map_err(Error::Runtime)?;
    let view = View::new(observer, bridge.pulse(), clock, env!("CARGO_PKG_VERSION"), printer.log_losses());
    info!(address = %admin.address(), "admin server is up");
    Ok(admin.serve(view)?)
}
