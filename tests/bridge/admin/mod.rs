//! `--admin`: what people and monitoring can see, and what its clients cannot do.

mod clients;
mod counts;
mod events;
mod openmetrics;
mod states;

pub use openmetrics::Metrics;
