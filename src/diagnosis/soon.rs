//! Certificates that are valid now but expire soon.

use super::Context;
use crate::pki::{Role, check};
use crate::report::{Finding, FindingId};
use crate::units::Within;

/// Certificates of both sides that expire within `within`, or within the default time.
pub(crate) fn expiring(context: &Context<'_>, within: Option<Within>) -> Vec<Finding> {
    let near = |summary: &_| check::expiring(summary, within, context.now);
    let flags = within.map_or_else(String::new, |within| format!(" --within {within}"));
    let servers = context.presented().and_then(|found| {
        let message = format!("the server's certificate `{}` {}", found.subject, near(found)?);
        let hint = context.renew(Role::Server, ", and restart the server", &flags);
        Some(context.finding(FindingId::ProbeServerCertExpiring, message).with_hint(hint))
    });
    let ours = context.own.and_then(|own| {
        let message = format!("our certificate `{}` {}", own.subject, near(own)?);
        Some(
            context
                .finding(FindingId::ProbeClientCertExpiring, message)
                .with_hint(context.renew_ours(&flags)),
        )
    });
    servers.into_iter().chain(ours).collect()
}
