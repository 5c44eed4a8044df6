//! Certificates with which the channel works now, and not for long.

use super::{Context, Speaker};
use crate::pki::check;
use crate::report::{Finding, Id};
use crate::units::Within;

/// What expires on either side, near its end as `within` says or by default.
pub(crate) fn expiring(context: &Context<'_>, within: Option<Within>) -> Vec<Finding> {
    let near = |summary: &_| check::expiring(summary, within, context.now);
    let renew = |role: &str| {
        let within = within.map_or_else(String::new, |within| format!(" --within {within}"));
        format!("`egext certs renew --role {role}{within}{}`", context.dir_flag())
    };
    let servers = context.presented().and_then(|found| {
        let message = format!("the server's certificate `{}` {}", found.subject, near(&found)?);
        let hint = format!("renew it where its CA is, and restart the server: {}", renew("server"));
        Some(context.finding(Id::ProbeServerCertExpiring, message).with_hint(hint))
    });
    let ours = context.own.and_then(|own| {
        let message = format!("our certificate `{}` {}", own.subject, near(own)?);
        let restart = if context.speaker == Speaker::Bridge { ", and restart the bridge" } else { "" };
        let hint = format!("renew it where its CA is{restart}: {}", renew("client"));
        Some(context.finding(Id::ProbeClientCertExpiring, message).with_hint(hint))
    });
    servers.into_iter().chain(ours).collect()
}
