use tokio::task::JoinError;

use crate::report::Hint;

/// A task of the bridge panicked.
#[derive(Debug, thiserror::Error)]
#[error("a part of the bridge failed")]
pub struct Died(#[from] JoinError);

impl Hint for Died {
    fn hint(&self) -> Option<String> {
        Some(
            "this is a fault of `egext`: please report it with this output; start the bridge again"
                .to_owned(),
        )
    }
}
