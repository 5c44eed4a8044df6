use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::gateway::{Configuration, EXAMPLE_FILE};
use crate::input;
use crate::pki::store;

/// Writes the resources of `--with-example` into `directory`, unless they are there already: the file.
pub(super) fn write(directory: &Path, configuration: &Configuration) -> Result<PathBuf, ConfigError> {
    let path = directory.join(EXAMPLE_FILE);
    let text = configuration.example();
    let is_there = input::read(&path, LIMIT).is_ok_and(|found| *found == text.as_bytes());
    if !is_there {
        store::write_open(&path, text.as_bytes()).map_err(ConfigError::Example)?;
    }
    Ok(path)
}

/// What we write has a few KiB.
const LIMIT: u64 = 1 << 20;
