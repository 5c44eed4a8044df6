/// The status of a call: one of gRPC's seventeen codes, or none of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Code(u8);

impl Code {
    /// All of them, by number; the last one stands for an answer without a code of gRPC.
    pub const ALL: [Self; NAMES.len()] = {
        let mut all = [Self(0); NAMES.len()];
        let mut number = 0;
        while number < NONE {
            number += 1;
            all[number as usize] = Self(number);
        }
        all
    };

    /// No code, or one that gRPC does not have: a server may answer what it likes.
    pub const NONE: Self = Self(NONE);

    /// The code with this number.
    pub fn from_number(number: i32) -> Self {
        u8::try_from(number).ok().filter(|number| *number < NONE).map_or(Self::NONE, Self)
    }

    /// Its number, if it is one of gRPC's.
    pub fn number(self) -> Option<u8> {
        Some(self.0).filter(|number| *number < NONE)
    }

    /// Its name, as gRPC has it.
    pub fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    /// True if it is `OK`.
    pub fn is_ok(self) -> bool {
        self.0 == 0
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The place behind gRPC's codes.
const NONE: u8 = 17;

/// By number (gRPC, `doc/statuscodes.md`).
const NAMES: [&str; 18] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
    "NONE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_of_grpc_is_none() {
        for number in [17, 42, -1, 256, i32::MAX] {
            assert_eq!(Code::from_number(number), Code::NONE, "{number}");
        }
        for (place, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code.index(), place);
        }
        assert_eq!(Code::from_number(14).name(), "UNAVAILABLE");
        assert_eq!(Code::from_number(16).name(), "UNAUTHENTICATED");
        assert_eq!(Code::NONE.name(), "NONE");
    }
}
