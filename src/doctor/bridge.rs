//! The bridge: what its admin server says, and what a call through its socket comes to.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::known::is_same;
use super::{ADMIN_SOCKET, Known, Native, Origin, Plan, Usual, sockets_called, usual_socket};
use crate::admin::{Answer, AskError, ask};
use crate::gateway::Called;
use crate::net::{Address, Alpn, Target, TargetError};
use crate::probe::{ProbePlan, Speaker, TargetOutcome, probe};

/// What is known of the bridge.
pub(super) struct Bridge<'a> {
    /// The socket, and what a call there came to.
    pub(super) socket: Option<(Known<PathBuf>, TargetOutcome)>,
    /// EG speaks TLS on the socket, by Secrets that are not among the files.
    pub(super) untried: Option<&'a Native>,
    /// The admin server, and what it said.
    pub(super) admin: Option<(Known<Address>, Said)>,
    /// Where the admin server usually is, if this user may not look there.
    pub(super) closed: Option<PathBuf>,
}

/// What an admin server said.
pub(super) enum Said {
    /// This.
    Answer(Answer),
    /// Nothing that can be used.
    Nothing(AskError),
    /// It is that of another bridge, which listens elsewhere.
    Other(String),
}

impl<'a> Bridge<'a> {
    /// The bridge on the socket that was named, or else on the first that EG calls, or on the usual one.
    pub(super) async fn ask(
        plan: &'a Plan,
        services: &[Called],
        now: fn() -> OffsetDateTime,
    ) -> Result<Self, TargetError> {
        let socket = plan.socket.clone().map(Known::by(Origin::Named));
        let called = || sockets_called(services).into_iter().next().map(Known::by(Origin::Configured));
        let socket = socket.or_else(called);
        let socket = socket.or_else(|| usual_socket().map(Known::by(Origin::Guessed)));
        Self::on(plan, services, socket, plan.admin.clone(), now).await
    }

    /// The bridges on the other sockets that EG calls, unless `first` is one that was named: each manager can have one.
    pub(super) async fn ask_others(
        plan: &'a Plan,
        services: &[Called],
        first: &Self,
        now: fn() -> OffsetDateTime,
    ) -> Result<Vec<Self>, TargetError> {
        let first = first.socket.as_ref().filter(|(socket, _)| socket.origin == Origin::Configured);
        let Some((first, _)) = first else { return Ok(Vec::new()) };
        let mut others = Vec::new();
        for path in sockets_called(services) {
            if path != first.value {
                let socket = Known { value: path, origin: Origin::Configured };
                others.push(Self::on(plan, services, Some(socket), None, now).await?);
            }
        }
        Ok(others)
    }

    /// Asks the admin server, and makes a call through the socket, side by side: one that hangs takes the whole limit.
    async fn on(
        plan: &'a Plan,
        services: &[Called],
        socket: Option<Known<PathBuf>>,
        admin: Option<Address>,
        now: fn() -> OffsetDateTime,
    ) -> Result<Self, TargetError> {
        let beside = socket.as_ref().map(|socket| Usual::at(socket.value.with_file_name(ADMIN_SOCKET)));
        let (beside, closed) = match beside {
            Some(Usual::There(path)) => (Some(Address::Unix(path)), None),
            Some(Usual::Closed(path)) => (None, Some(path)),
            Some(Usual::Nothing) | None => (None, None),
        };
        let admin = admin.map(Known::by(Origin::Named));
        let admin = admin.or_else(|| beside.map(Known::by(Origin::Guessed)));
        let asking = async {
            let admin = admin?;
            let said = match ask(&admin.value, plan.limit).await {
                Ok(answer) => Said::Answer(answer),
                Err(error) => Said::Nothing(error),
            };
            Some((admin, said))
        };
        let calling = async {
            let Some(socket) = socket else { return Ok(None) };
            let probed = match native_on(plan, &socket.value) {
                Some(Native { has_secrets: true, plan: Err(outcome), .. }) => {
                    return Ok(Some((socket, (**outcome).clone())));
                }
                Some(Native { has_secrets: true, plan: Ok(as_gateway), .. }) => {
                    ProbePlan { policy: plan.policy, timeout: plan.limit, ..as_gateway.clone() }
                }
                _ => {
                    let address = Address::Unix(socket.value.clone());
                    let target = Target::new(address, None, None, Alpn::Required)?;
                    let (speaker, timeout) = (Speaker::Doctor, plan.limit);
                    ProbePlan { speaker, timeout, ..ProbePlan::new(vec![target]) }
                }
            };
            let probed = ProbePlan { news: plan.news.clone(), ..probed };
            let outcome = probe(probed, now).await.remove(0);
            Ok::<_, TargetError>(Some((socket, outcome)))
        };
        let (admin, socket) = tokio::join!(asking, calling);
        let socket: Option<(Known<PathBuf>, _)> = socket?;
        let native = socket.as_ref().and_then(|(socket, _)| native_on(plan, &socket.value));
        let untried = native.filter(|native| !native.has_secrets);
        let mut bridge = Self { socket, untried, admin, closed };
        bridge.recognize(services);
        Ok(bridge)
    }

    /// The admin server next to a socket can be that of another bridge. That is certain if the socket works, or if EG calls
    /// that bridge, too.
    fn recognize(&mut self, services: &[Called]) {
        let Some((socket, outcome)) = &self.socket else { return };
        let Some((admin, said)) = &mut self.admin else { return };
        let Said::Answer(answer) = said else { return };
        let called = Address::Unix(socket.value.clone());
        let Ok(listen) = answer.listen.parse() else { return };
        let is_other = !is_same(&listen, &called);
        let mut all = services.iter().filter_map(|called| called.address().ok());
        let is_certain = outcome.is_connected() || all.any(|called| is_same(&listen, &called));
        if admin.is_guessed() && is_other && is_certain {
            *said = Said::Other(answer.listen.clone());
        }
    }

    pub(super) fn answer(&self) -> Option<&Answer> {
        match self.admin.as_ref()? {
            (_, Said::Answer(answer)) => Some(answer),
            (_, Said::Nothing(_) | Said::Other(_)) => None,
        }
    }

    /// Is there an admin server that is its own, as far as is known?
    pub(super) fn has_admin(&self) -> bool {
        matches!(self.admin, Some((_, Said::Answer(_) | Said::Nothing(_))))
    }

    /// Whom it calls: by what it says of itself, or by what it answers in place of its server.
    pub(super) fn upstream(&self) -> Option<Address> {
        let told = self.answer().and_then(|answer| Address::of_server(&answer.upstream.address).ok());
        told.or_else(|| self.socket.as_ref()?.1.behind())
    }

    /// Does it say that it has a connection to its server?
    pub(super) fn is_connected(&self) -> bool {
        self.answer().is_some_and(|answer| answer.upstream.state == "connected")
    }

    /// Do calls pass it?
    pub(super) fn works(&self) -> bool {
        let passes = self.socket.as_ref().is_some_and(|(_, outcome)| outcome.is_healthy());
        (passes && self.untried.is_none()) || self.answer().is_some_and(|answer| answer.ready)
    }

    /// Does nothing show that there is one?
    pub(super) fn is_absent(&self) -> bool {
        self.socket.is_none() && self.admin.is_none() && self.closed.is_none()
    }

    /// Where it listens, if that is none of `called`.
    pub(super) fn listens_elsewhere(&self, called: &[Address]) -> Option<Address> {
        let listen = self.answer()?.listen.parse::<Address>().ok()?;
        is_none_of(&listen, called).then_some(listen)
    }

    /// The socket that the user has named, if it is none of `called`. EG's calls do not come there, whatever answers.
    pub(super) fn named_elsewhere(&self, called: &[Address]) -> Option<Address> {
        let (socket, _) = self.socket.as_ref().filter(|(socket, _)| socket.origin == Origin::Named)?;
        let socket = Address::Unix(socket.value.clone());
        is_none_of(&socket, called).then_some(socket)
    }
}

/// EG calls something, and not this.
fn is_none_of(listen: &Address, called: &[Address]) -> bool {
    !called.is_empty() && !called.iter().any(|called| is_same(listen, called))
}

/// How EG speaks TLS on this socket, if it does.
fn native_on<'a>(plan: &'a Plan, socket: &Path) -> Option<&'a Native> {
    plan.native.iter().find(|native| matches!(&native.called, Called::Unix(path) if path == socket))
}
