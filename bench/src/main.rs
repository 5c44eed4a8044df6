//! The bridge next to other proxies in the same role: HTTP/2 on a unix socket in, mutual TLS out.
//!
//! `bench/run` builds and starts it. All runs of a round come one after the other, rounds are repeated and
//! the median of each figure is printed, so that whatever else the machine does meets all of them alike.
//! Load and server run in this process and its thread; a proxy that is not installed is left out.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

mod load;
mod proxies;
mod server;
mod usage;

use std::collections::BTreeMap;
use std::io;

use egext_test_support::TestPki;
use load::Load;
use proxies::{Proxy, Setting};
use server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [egext, rounds, wanted @ ..] = arguments.as_slice() else {
        return Err(io::Error::other("usage: egext-bench EGEXT ROUNDS [memory | PROXY...]"));
    };
    let rounds: usize = rounds.parse().map_err(io::Error::other)?;
    let pki = TestPki::new();
    let server = Server::start(&pki).await?;
    let setting = Setting::new(egext, &pki, server.port)?;
    if wanted == ["memory"] {
        return memory(&setting).await;
    }
    let mut table = Table::default();
    for _ in 0..rounds {
        let direct = Load::direct(&pki, server.port).await?.one_at_a_time(CALLS).await?;
        table.note("direct", "p50 us", direct);
        for proxy in
            Proxy::ALL.iter().filter(|proxy| wanted.is_empty() || wanted.iter().any(|w| w == proxy.name))
        {
            let Some(running) = proxy.start(&setting).await? else { continue };
            let mut load = Load::through(running.socket()).await?;
            load.one_at_a_time(CALLS / 10).await?;
            let single = load.one_at_a_time(CALLS).await?;
            table.note(proxy.name, "p50 us", single);
            table.note(proxy.name, "added p50 us", single - direct);
            let calls = 20 * CALLS;
            let cpu = running.cpu(load.many_at_a_time(calls, 32)).await?;
            table.note(proxy.name, "CPU us per call, 32 in flight", cpu / calls as f64);
            let cpu = running.cpu(load.large(LARGE)).await?;
            table.note(proxy.name, "CPU ms per 4 MiB message", cpu / LARGE as f64 / 1000.0);
            table.note(proxy.name, "RSS MiB after load", running.resident()?);
        }
    }
    table.print();
    Ok(())
}

/// A hundred thousand calls of 2 KiB: where is its memory after the first thousand, and where at the end?
async fn memory(setting: &Setting) -> io::Result<()> {
    let bridge = Proxy::ALL[0].start(setting).await?.ok_or_else(|| io::Error::other("no such binary"))?;
    let mut load = Load::through(bridge.socket()).await?;
    let mut calls = 0;
    for target in [1000, 10_000, 50_000, 100_000] {
        load.many_at_a_time(target - calls, 32).await?;
        calls = target;
        println!("{calls:>7} calls: {:.1} MiB", bridge.resident()?);
    }
    Ok(())
}

/// Figures by row and column, one for each round.
#[derive(Default)]
struct Table(BTreeMap<&'static str, BTreeMap<&'static str, Vec<f64>>>);

impl Table {
    fn note(&mut self, row: &'static str, column: &'static str, figure: f64) {
        self.0.entry(row).or_default().entry(column).or_default().push(figure);
    }

    /// The median, and between which figures the rounds were.
    fn print(self) {
        for (row, columns) in self.0 {
            for (column, mut figures) in columns {
                figures.sort_by(f64::total_cmp);
                let [first, .., last] = figures.as_slice() else {
                    println!("{row:<10} {column:<32} {:>8.1}", figures[0]);
                    continue;
                };
                println!(
                    "{row:<10} {column:<32} {:>8.1}   ({first:.1} to {last:.1})",
                    figures[figures.len() / 2]
                );
            }
        }
    }
}

const CALLS: usize = 2000;
const LARGE: usize = 50;
