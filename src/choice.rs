//! Types whose values are one of a few words, such as the format of a report.

/// A word that names none of the values there are.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{typed}` is none of {}", .known.join(", "))]
pub struct UnknownChoice {
    /// As it was typed.
    pub typed: String,
    /// The names there are, in their order.
    pub known: Vec<&'static str>,
}

/// The one of `all` that has the name `typed`, in upper or lower case.
///
/// # Errors
/// When there is none.
pub(crate) fn named<T: Copy>(
    typed: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, UnknownChoice> {
    all.iter().copied().find(|value| name(*value).eq_ignore_ascii_case(typed)).ok_or_else(|| UnknownChoice {
        typed: typed.to_owned(),
        known: all.iter().copied().map(name).collect(),
    })
}

/// Gives an enum whose values are typed by name `ALL`, `name` and `FromStr`. Those behind a semicolon have a name, and
/// cannot be chosen.
macro_rules! choices {
    ($type:ident { $($value:ident => $name:literal),+ $(; $($more:ident => $more_name:literal),+)? }) => {
        impl $type {
            /// All that can be chosen, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// As it is typed.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                    $($(Self::$more => $more_name,)+)?
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::choice::UnknownChoice;

            fn from_str(typed: &str) -> Result<Self, Self::Err> {
                $crate::choice::named(typed, Self::ALL, Self::name)
            }
        }
    };
}

pub(crate) use choices;

#[cfg(test)]
mod tests {
    use crate::pki::{KeyType, Role};
    use crate::report::Severity;

    #[test]
    fn names_are_read_back_and_others_are_told_what_there_is() {
        assert!(KeyType::ALL.iter().all(|value| value.name().parse() == Ok(*value)));
        assert_eq!("Warning".parse(), Ok(Severity::Warning));
        let error = "pear".parse::<Role>().expect_err("no role").to_string();
        assert_eq!(error, "`pear` is none of client, server");
    }
}
