use super::Advice;
use crate::pki::change::ChangeError;
use crate::report::in_backticks;
use crate::shell::{dir_flag_of, shell_word};

impl Advice for ChangeError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Ambiguous { names } => {
                let choices =
                    names.iter().map(|name| format!("`--name {}`", shell_word(name))).collect::<Vec<_>>();
                format!("choose one: {}", choices.join(", "))
            }
            Self::Contradiction { .. } => "leave out one of `--add-san` and `--remove-san`".to_owned(),
            Self::KeyElsewhere { name, path, role } => format!(
                "ask the requester for a new CSR, then: `egext certs issue {role} --csr FILE --out {} --replace{}`",
                shell_word(name),
                dir_flag_of(path)
            ),
            Self::KeyKept { .. } => "leave out `--keep-key` or `--key-type`".to_owned(),
            Self::Name(error) => return error.advice(),
            Self::NoHostLeft { .. } | Self::NoNameLeft { .. } => {
                "name another one with `--add-san`".to_owned()
            }
            Self::NoSuchMember { names, .. } => {
                let names = in_backticks(names);
                format!("there are {}", names.join(", "))
            }
            Self::NotThere { names, .. } => format!("its names are {names}"),
        })
    }
    fn flag(&self) -> String {
        if matches!(self, Self::KeyKept { .. }) { "`--keep-key`: ".to_owned() } else { String::new() }
    }
}
