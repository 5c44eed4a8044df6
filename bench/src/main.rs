//! The bridge next to other proxies in the same roles: HTTP/2 on a unix socket in and mutual TLS out, and the reverse.
//!
//! `bench/run` builds and starts it. All programs of a round come one after the other, rounds are repeated and
//! the median of each figure is printed, so that other work of the machine affects all programs alike.
//! Load and server run in this process and its thread; a proxy that is not installed is left out.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

mod load;
mod measure;
mod page;
mod plot;
mod proxies;
mod rows;
mod server;
mod table;
mod usage;

use std::io;
use std::path::Path;
use std::time::Instant;

use egext_test_support::TestPki;
use load::Load;
use proxies::{Proxy, Role, Setting};
use server::Servers;
use table::Table;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [egext, rounds, wanted @ ..] = arguments.as_slice() else {
        return Err(io::Error::other(
            "usage: egext-bench EGEXT ROUNDS [memory | profile PROXY [connections] | write | PROXY...]",
        ));
    };
    let rounds: usize = rounds.parse().map_err(io::Error::other)?;
    let pki = TestPki::new();
    let servers = Servers::start(&pki).await?;
    let setting = Setting::new(egext, &pki, servers)?;
    match wanted {
        [one] if one == "memory" => return memory(&setting).await,
        [one, name] if one == "profile" => return profile(&setting, name, rounds, Profile::Calls).await,
        [one, name, what] if one == "profile" && what == "connections" => {
            return profile(&setting, name, rounds, Profile::Connections).await;
        }
        _ => {}
    }
    let is_written = wanted == ["write"];
    let is_wanted =
        |proxy: &&Proxy| is_written || wanted.is_empty() || wanted.iter().any(|name| name == proxy.name);
    let mut table = Table::default();
    for _ in 0..rounds {
        let direct = measure::direct(&pki, servers.secure).await?;
        for proxy in Proxy::ALL.iter().filter(is_wanted) {
            measure::program(proxy, &setting, &pki, direct, &mut table).await?;
        }
    }
    let programs = table.programs(Proxy::ALL.iter().map(|proxy| proxy.name));
    let markdown = table.markdown(&programs);
    println!("{markdown}");
    if is_written {
        page::write(Path::new("docs"), rounds, &markdown, &plot::svg(&table, &programs))?;
    }
    Ok(())
}

/// What a profiler sees.
#[derive(Clone, Copy, Debug)]
enum Profile {
    /// 10,000 calls of 2 KiB on one connection, one after the other.
    Calls,
    /// 5,000 connections with one call each, 32 at a time.
    Connections,
}

/// So many rounds, for a profiler that is attached to the process.
async fn profile(setting: &Setting, name: &str, rounds: usize, profile: Profile) -> io::Result<()> {
    let proxy = Proxy::ALL.iter().find(|proxy| proxy.name == name);
    let proxy = proxy.ok_or_else(|| io::Error::other(format!("no proxy is called `{name}`")))?;
    let running = proxy.start(setting, Role::Originate).await?;
    let running = running.ok_or_else(|| io::Error::other(format!("`{name}` is not installed")))?;
    println!("process {}", running.process());
    let mut load = Load::plain(running.socket()).await?;
    for _ in 0..rounds {
        match profile {
            Profile::Calls => println!("p50 {:.1} us", load.one_at_a_time(10_000).await?.p50),
            Profile::Connections => {
                let begin = Instant::now();
                let cpu = running.cpu(Load::connections(running.socket(), 5_000, 32)).await?;
                let rate = 5_000.0 / begin.elapsed().as_secs_f64();
                println!("{rate:.0} a second, {:.1} us of processor each", cpu / 5_000.0);
            }
        }
    }
    Ok(())
}

/// A hundred thousand calls of 2 KiB: where is its memory after the first thousand, and where at the end?
async fn memory(setting: &Setting) -> io::Result<()> {
    let bridge = Proxy::ALL[0].start(setting, Role::Originate).await?;
    let bridge = bridge.ok_or_else(|| io::Error::other("no such binary"))?;
    let mut load = Load::plain(bridge.socket()).await?;
    let mut calls = 0;
    for target in [1000, 10_000, 50_000, 100_000] {
        load.many_at_a_time(target - calls, 32).await?;
        calls = target;
        println!("{calls:>7} calls: {:.1} MiB", bridge.resident()?);
    }
    Ok(())
}
