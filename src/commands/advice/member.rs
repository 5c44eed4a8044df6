use super::Advice;
use crate::pki::member::MemberError;
use crate::shell::dir_flag;

impl Advice for MemberError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::NoSet { directory } => Some(format!(
                "name its directory with `--dir`, or make one: `egext certs init{}`",
                dir_flag(directory)
            )),
            Self::Store(error) => error.advice(),
        }
    }
}
