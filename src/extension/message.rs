use bytes::Bytes;

/// Request and response of every hook about a single object: a route, a virtual host, a listener, a
/// cluster or the endpoints of one.
///
/// The object is field 1 both ways. Field 2 of the requests, the context, is not kept: no answer has it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Object {
    /// The object as protobuf. In a response, nothing means "leave it as it is".
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub object: Option<Bytes>,
}

impl From<Bytes> for Object {
    fn from(object: Bytes) -> Self {
        Self { object: Some(object) }
    }
}

/// Request of the translation hook: all that was made.
///
/// Field 1, the context, is not kept. It moves every list up by one compared with the response.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TranslateRequest {
    /// The clusters, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub clusters: Vec<Bytes>,
    /// The secrets, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub secrets: Vec<Bytes>,
    /// The listeners, each as protobuf (Envoy Gateway 1.5 and later).
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub listeners: Vec<Bytes>,
    /// The route configurations, each as protobuf (Envoy Gateway 1.5 and later).
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub routes: Vec<Bytes>,
}

/// Response of the translation hook. It replaces what was made: an empty list deletes all of that kind.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TranslateResponse {
    /// The clusters, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub clusters: Vec<Bytes>,
    /// The secrets, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub secrets: Vec<Bytes>,
    /// The listeners, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub listeners: Vec<Bytes>,
    /// The route configurations, each as protobuf.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub routes: Vec<Bytes>,
}

impl From<TranslateRequest> for TranslateResponse {
    /// The answer that changes nothing.
    fn from(request: TranslateRequest) -> Self {
        let TranslateRequest { clusters, secrets, listeners, routes } = request;
        Self { clusters, secrets, listeners, routes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    /// A length-delimited field, written by hand: the tests must not lean on the encoder that they test.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut wire = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            wire.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
            length >>= 7;
        }
        wire.push(u8::try_from(length).expect("seven bits"));
        wire.extend(content);
        wire
    }

    fn fields(number: u8, contents: &[Vec<u8>]) -> Vec<u8> {
        contents.iter().flat_map(|content| field(number, content)).collect()
    }

    proptest! {
        #[test]
        fn an_object_comes_out_as_it_went_in(object in vec(any::<u8>(), 0..300)) {
            let wire = field(1, &object);
            let decoded = Object::decode(&wire[..]).expect("valid");
            prop_assert_eq!(decoded.object.as_deref(), Some(&object[..]));
            prop_assert_eq!(decoded.encode_to_vec(), wire);
        }

        #[test]
        fn the_context_of_a_request_is_left_out(object in vec(any::<u8>(), 0..40), context in vec(any::<u8>(), 0..40)) {
            let wire = [field(1, &object), field(2, &context)].concat();
            prop_assert_eq!(Object::decode(&wire[..]).expect("valid").encode_to_vec(), field(1, &object));
        }

        #[test]
        fn a_translation_keeps_every_list_in_order(
            context in vec(any::<u8>(), 0..20),
            lists in [
                vec(vec(any::<u8>(), 0..20), 0..5),
                vec(vec(any::<u8>(), 0..20), 0..5),
                vec(vec(any::<u8>(), 0..20), 0..5),
                vec(vec(any::<u8>(), 0..20), 0..5),
            ],
        ) {
            let [clusters, secrets, listeners, routes] = &lists;
            let request = [
                field(1, &context), fields(2, clusters), fields(3, secrets), fields(4, listeners), fields(5, routes),
            ].concat();
            let response = [
                fields(1, clusters), fields(2, secrets), fields(3, listeners), fields(4, routes),
            ].concat();
            let decoded = TranslateRequest::decode(&request[..]).expect("valid");
            prop_assert_eq!(TranslateResponse::from(decoded).encode_to_vec(), response);
        }

        #[test]
        fn no_octets_panic(wire in vec(any::<u8>(), 0..100)) {
            let _ = Object::decode(&wire[..]);
            let _ = TranslateRequest::decode(&wire[..]);
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(Object::decode(&[][..]).expect("valid").encode_to_vec(), b"");
    }
}
