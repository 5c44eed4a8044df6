//! Every finding is provoked by a test with a real file or a real server. Cargo runs this after the tests that do so.

use std::path::Path;

use egext::report::FindingId;
use egext_test_support::{provoked, skipped};

#[test]
fn every_finding_is_provoked() {
    let Some(provoked) = provoked(Path::new(env!("CARGO_BIN_EXE_egext")), &["bridge", "cli"]) else {
        return skipped("it needs whole runs before it: `cargo test --test bridge --test cli`");
    };
    for id in FindingId::ALL.iter().map(|id| id.name()) {
        assert_eq!(provoked.contains(id), !BEYOND_TESTS.contains(&id), "`{id}`");
    }
}

/// Sixty outages, which take minutes; and a reset in the moment in which a connection opens: a firewall does that, a server
/// cannot do it reliably.
const BEYOND_TESTS: [&str; 2] = ["bridge.resync.capped", "probe.connect.reset"];
