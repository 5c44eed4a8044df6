//! What to do about an error of the library, in flags and commands: messages of the library name neither.

mod authority;
mod change;
mod demo;
mod gateway;
mod member;
mod name;
mod net;
mod pack;
mod renewal;
mod request;
mod rotation;
mod store;

pub(super) use store::file_advice;

use std::error::Error;

/// An error of the library whose hint only the command line can give.
pub(super) trait Advice: Error {
    /// The next thing to do, usually a command to type.
    fn advice(&self) -> Option<String>;

    /// The flag that it is about, before its message: nothing if a value in the message says it.
    fn flag(&self) -> String {
        String::new()
    }
}
