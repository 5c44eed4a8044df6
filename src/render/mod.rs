//! From a [`Report`](crate::report::Report) to what is printed: the only code that prints.
//!
//! The exit code is computed from the report, not by a renderer, so all formats have the same one. Only a report that cannot
//! be written has another: 2.

pub(crate) mod bridge;
pub(crate) mod certs;
mod compatibility;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
mod github;
mod human;
mod json;
mod junit;
mod live;
mod log;
mod options;
mod page;
mod printer;
pub(crate) mod probe;
mod prometheus;
pub(crate) mod releases;
mod sarif;
mod schema;
mod short;
mod stream;
pub(crate) mod version;

pub use compatibility::compatibility_page;
pub(crate) use live::Live;
pub use log::LogFormat;
pub use options::{Colour, Format, OutputOptions};
pub use page::findings_page;
pub use printer::Printer;
pub use schema::json_schema;
