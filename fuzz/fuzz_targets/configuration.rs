//! Octets as a file that `config check` reads, alone and in a directory of resources, and that `config patch` changes.
#![no_main]

use std::sync::LazyLock;

use egext::gateway::patch::{Patchable, Target};
use egext::gateway::{Questions, Source, Version, check};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

static QUESTIONS: LazyLock<Questions> = LazyLock::new(|| Questions {
    release: Version::V1_9.into(),
    mode: None,
    namespace: "default".parse().expect("a namespace"),
    now: NOW,
    server_limit: None,
    look: None,
});

/// One extension, and one of a list.
const STANZAS: [&str; 2] = [
    "extensionManager:\n  service:\n    unix:\n      path: /a\n  hooks:\n    xdsTranslator:\n      post:\n        - Route  # one\n  failOpen: true\n",
    "extensionManagers:\n  - name: a\n    service:\n      fqdn:\n        hostname: b\n        port: 1\n    failOpen: true\n",
];

fuzz_target!(|octets: &[u8]| {
    for is_resource in [false, true] {
        let source = Source { path: "a".to_owned(), bytes: Ok(octets.to_vec().into()), is_resource };
        check(&[source], &QUESTIONS);
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for (stanza, known) in STANZAS.iter().zip([None, None]).chain([(&STANZAS[0], Some(Target::HelmValues))]) {
        let Ok(patched) = Patchable::read(text, known).and_then(|file| file.with(stanza, &[])) else {
            continue;
        };
        // What has it all is not changed again.
        let again = Patchable::read(&patched, known).and_then(|file| file.with(stanza, &[]));
        assert_eq!(again.expect("it was read before it was returned"), patched);
    }
});
