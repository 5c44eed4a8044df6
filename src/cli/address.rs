use crate::net::Address;
use crate::report::Hint as _;

/// Parses an address. clap prints the error alone, so its hint is a part of the text.
pub(in crate::cli) fn address(text: &str) -> Result<Address, String> {
    text.parse::<Address>().map_err(|error| match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    })
}
