use http::header::HeaderName;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::HeaderFault;

/// Header fields in the order in which they came. A name may stand there several times.
///
/// A gRPC call has ten of them, so a list is faster than a map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(HeaderName, HeaderValue)>);

/// What a request begins with.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    /// `https`, if true.
    pub(crate) is_secure: bool,
    /// `None` where the caller names none, or the path of a socket.
    pub(crate) authority: Option<Authority>,
    /// `None` for `CONNECT`.
    pub(crate) path: Option<PathAndQuery>,
    pub(crate) fields: Fields,
}

/// What a response begins with.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) fields: Fields,
}

/// What was received, and what is wrong with its header fields.
///
/// A fault of fields costs the stream and not its connection, and the reader decides what becomes of it: fields with a
/// fault are not among those of the message.
#[derive(Clone, Debug)]
pub(crate) struct Judged<T> {
    pub(crate) message: T,
    pub(crate) fault: Option<HeaderFault>,
}

impl Fields {
    /// The first value with this name.
    pub(crate) fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// How many values have this name.
    pub(crate) fn count(&self, name: &HeaderName) -> usize {
        self.0.iter().filter(|(known, _)| known == name).count()
    }

    /// Adds a field behind the others.
    pub(crate) fn push(&mut self, name: HeaderName, value: HeaderValue) {
        if self.0.capacity() == 0 {
            self.0.reserve(USUAL);
        }
        self.0.push((name, value));
    }

    /// Puts a field in the place of all that have its name.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            None => self.push(name, value),
            Some((_, first)) => {
                *first = value;
                let mut is_first = true;
                self.0.retain(|(known, _)| *known != name || std::mem::take(&mut is_first));
            }
        }
    }

    /// Keeps the fields whose names are good.
    pub(crate) fn retain(&mut self, mut is_good: impl FnMut(&HeaderName) -> bool) {
        self.0.retain(|(name, _)| is_good(name));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Self {
        let mut fields = Self::default();
        let mut last = None;
        for (name, value) in map {
            // A name that is not repeated is that of the field before.
            last = name.or(last);
            if let Some(name) = last.clone() {
                fields.push(name, value);
            }
        }
        fields
    }
}

/// Room for the fields of a call, with those that we add.
const USUAL: usize = 10;

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, HOST, TE};

    use super::*;

    fn value(text: &str) -> HeaderValue {
        text.parse().expect("a value")
    }

    #[test]
    fn a_field_that_is_set_stands_there_once() {
        let mut fields = Fields::default();
        for (name, text) in [(ACCEPT, "a"), (HOST, "b"), (ACCEPT, "c"), (TE, "d")] {
            fields.push(name, value(text));
        }
        fields.set(ACCEPT, value("e"));
        let all: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(all, [("accept", &b"e"[..]), ("host", b"b"), ("te", b"d")]);
        fields.set(ACCEPT, value("f"));
        assert_eq!((fields.count(&ACCEPT), fields.get(&ACCEPT)), (1, Some(&value("f"))));
    }

    #[test]
    fn a_map_has_all_its_values() {
        let mut map = HeaderMap::new();
        map.append(ACCEPT, value("a"));
        map.append(HOST, value("b"));
        map.append(ACCEPT, value("c"));
        let fields = Fields::from(map);
        assert_eq!((fields.count(&ACCEPT), fields.count(&HOST)), (2, 1));
    }
}
