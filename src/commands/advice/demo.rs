use super::Advice;
use crate::demo::DemoError;
use crate::report::Hint as _;

impl Advice for DemoError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::Address(_) | Self::Value(_) => {
                Some("set TMPDIR to a short path, such as `/tmp`".to_owned())
            }
            Self::Authority(error) => error.advice(),
            Self::Bind(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Store(error) => error.advice(),
            Self::Configuration(error) => error.advice(),
            Self::Target(error) => error.advice(),
            Self::Tls(error) => error.advice(),
            Self::Server(_) => Some("the demo needs the loopback interface".to_owned()),
            Self::Bridge(_)
            | Self::Changed
            | Self::Died(_)
            | Self::Ended { .. }
            | Self::Hook(_)
            | Self::Serve(_)
            | Self::StillServed
            | Self::StrangerAccepted
            | Self::Unseen => {
                Some("this is a fault of `egext`: please report it with this output".to_owned())
            }
        }
    }
}
