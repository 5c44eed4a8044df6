//! What is measured of one program in one round.

use std::io;
use std::time::Instant;

use egext_test_support::TestPki;

use crate::load::{Latency, Load};
use crate::proxies::{Proxy, Role, Setting};
use crate::rows::Row;
use crate::table::Table;

/// Calls to the server itself.
pub async fn direct(pki: &TestPki, port: u16) -> io::Result<Latency> {
    let mut load = Load::secure(pki, port).await?;
    load.one_at_a_time(CALLS / 10).await?;
    load.one_at_a_time(CALLS).await
}

/// One program in both roles. Nothing is noted if it is not installed.
pub async fn program(
    proxy: &Proxy,
    setting: &Setting,
    pki: &TestPki,
    direct: Latency,
    table: &mut Table,
) -> io::Result<()> {
    let Some(running) = proxy.start(setting, Role::Originate).await? else { return Ok(()) };
    let mut note = |row, figure| table.note(row, proxy.name, figure);
    let mut load = Load::plain(running.socket()).await?;
    load.one_at_a_time(CALLS / 10).await?;
    let latency = load.one_at_a_time(CALLS).await?;
    note(Row::AddedMedian, latency.p50 - direct.p50);
    note(Row::AddedTail, latency.p999 - direct.p999);
    let cpu = running.cpu(load.many_at_a_time(4 * CALLS, IN_FLIGHT)).await?;
    note(Row::CallCpu, cpu / (4 * CALLS) as f64);
    for (row, size, calls) in SIZES {
        let cpu = running.cpu(load.large(*size, *calls)).await?;
        note(*row, cpu / *calls as f64 / 1000.0);
    }
    note(Row::Resident, running.resident()?);
    let begin = Instant::now();
    let cpu = running.cpu(Load::connections(running.socket(), CONNECTIONS, IN_FLIGHT)).await?;
    note(Row::Connections, CONNECTIONS as f64 / begin.elapsed().as_secs_f64());
    note(Row::ConnectionCpu, cpu / CONNECTIONS as f64);
    let before = running.resident()?;
    let idle = Load::idle(running.socket(), IDLE).await?;
    note(Row::IdleMemory, (running.resident()? - before) * 1024.0 / IDLE as f64);
    drop(idle);
    drop(running);

    let Some(running) = proxy.start(setting, Role::Terminate).await? else { return Ok(()) };
    Load::handshakes(pki, running.port(), HANDSHAKES / 10, IN_FLIGHT).await?;
    let begin = Instant::now();
    let cpu = running.cpu(Load::handshakes(pki, running.port(), HANDSHAKES, IN_FLIGHT)).await?;
    note(Row::Handshakes, HANDSHAKES as f64 / begin.elapsed().as_secs_f64());
    note(Row::HandshakeCpu, cpu / HANDSHAKES as f64);
    Ok(())
}

/// Of 2 KiB, one after the other.
const CALLS: usize = 10_000;

const IN_FLIGHT: usize = 32;

const CONNECTIONS: usize = 5_000;

const IDLE: usize = 1_000;

const HANDSHAKES: usize = 1_000;

/// Sizes of messages, and how many calls of each.
const SIZES: &[(Row, usize, usize)] = &[
    (Row::Cpu64KiB, 64 << 10, 500),
    (Row::Cpu1MiB, 1 << 20, 100),
    (Row::Cpu4MiB, 4 << 20, 50),
    (Row::Cpu16MiB, 16 << 20, 10),
    (Row::Cpu64MiB, 64 << 20, 3),
];
