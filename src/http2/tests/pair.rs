use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use bytes::Bytes;
use h2::Reason;
use proptest::prelude::*;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;

use super::{LIMITS, fields, request, response};
use crate::http2::client::{self, Requests};
use crate::http2::error::Side;
use crate::http2::server::{self, Call, Connection};
use crate::http2::{HeaderFault, Http2Error, RecvStream, SendStream};

/// A client's end, whose task is driven in the background, and a server that gives each call to `serve`.
fn connect<F>(room: usize, serve: impl Fn(Call) -> F + Send + 'static) -> (Requests, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (near, far) = duplex(room);
    let (requests, mut connection) = client::begin(near, LIMITS);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { poll_fn(|context| connection.poll(context)).await });
    tasks.spawn(async move {
        let mut connection = server::begin(far, LIMITS).await.expect("a preface");
        while let Some(call) = accept(&mut connection).await {
            tokio::spawn(serve(call));
        }
    });
    (requests, tasks)
}

async fn accept(connection: &mut Connection<DuplexStream>) -> Option<Call> {
    poll_fn(|context| connection.poll_accept(context)).await.map(|call| call.expect("no error"))
}

async fn write(to: &mut SendStream, mut octets: Bytes) -> Result<(), Http2Error> {
    while !octets.is_empty() {
        let room = poll_fn(|context| to.poll_room(context, octets.len())).await?;
        to.send_data(octets.split_to(room), false)?;
    }
    Ok(())
}

async fn read(from: &mut RecvStream) -> Result<Vec<u8>, Http2Error> {
    let mut all = Vec::new();
    while let Some(octets) = poll_fn(|context| from.poll_data(context)).await {
        let octets = octets?;
        from.release(octets.len());
        all.extend_from_slice(&octets);
    }
    Ok(all)
}

/// Sends back what it gets, piece by piece.
async fn echo((_, mut from, mut to): Call) {
    to.send_response(&response(), false).expect("a caller");
    while let Some(octets) = poll_fn(|context| from.poll_data(context)).await {
        let octets = octets.expect("a caller");
        from.release(octets.len());
        write(&mut to, octets).await.expect("a caller");
    }
    to.send_trailers(&fields(&[("grpc-status", "0")])).expect("a caller");
}

async fn call(requests: &Requests, pieces: &[usize]) -> Result<(Vec<u8>, Vec<u8>), Http2Error> {
    let (mut from, mut to) = requests.begin(&request(), false)?;
    let mut sent = Vec::new();
    let sending = async {
        for (index, length) in pieces.iter().enumerate() {
            let octets = vec![index as u8; *length];
            sent.extend_from_slice(&octets);
            write(&mut to, octets.into()).await?;
        }
        to.send_data(Bytes::new(), true)
    };
    let receiving = async {
        let head = poll_fn(|context| from.poll_head(context)).await?;
        assert_eq!(head.message.status, 200);
        let all = read(&mut from).await?;
        let trailers = from.take_trailers().expect("trailers");
        assert_eq!(trailers.message.get(&"grpc-status".parse().expect("a name")).expect("a status"), "0");
        Ok::<_, Http2Error>(all)
    };
    let (written, read) = tokio::join!(sending, receiving);
    written?;
    Ok((sent, read?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// More calls than the server has room for, larger ones than the windows, and a socket that takes little at a time.
    #[test]
    fn every_byte_arrives(
        calls in prop::collection::vec(prop::collection::vec(0_usize..100_000, 0..6), 1..8),
        room in prop::sample::select(vec![50, 1_000, 100_000]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (requests, mut tasks) = connect(room, echo);
            let requests = std::sync::Arc::new(requests);
            // Until it is answered, the client does not know how many calls the server takes at once.
            call(&requests, &[]).await.expect("an answer");
            let mut all = JoinSet::new();
            for pieces in calls {
                let requests = std::sync::Arc::clone(&requests);
                all.spawn(async move { call(&requests, &pieces).await.expect("an answer") });
            }
            while let Some(done) = all.join_next().await {
                let (sent, received) = done.expect("no panic");
                assert!(sent == received);
            }
            // Without anybody who could make a call, both ends come to their end.
            drop(requests);
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no panic");
            }
        });
    }
}

#[tokio::test]
async fn a_reader_that_pauses_holds_up_nobody_else() {
    let (requests, _tasks) = connect(1_000, echo);
    let (_paused, mut to) = requests.begin(&request(), false).expect("a call");
    // All that fits into the windows on the way there and back, and into the echo.
    let filled = async {
        write(&mut to, vec![1; 1 << 20].into()).await.expect_err("the window stays closed");
    };
    let mut filled = pin!(filled);
    for _ in 0..20 {
        tokio::select! {
            biased;
            () = &mut filled => panic!("somebody has read it"),
            done = call(&requests, &[20_000, 1]) => {
                let (sent, received) = done.expect("an answer");
                assert_eq!(sent, received);
            }
        }
    }
}

#[tokio::test]
async fn what_is_dropped_is_cancelled() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (requests, _tasks) = connect(1_000, move |(_, mut from, _to)| {
        let told = told.clone();
        async move {
            let error = read(&mut from).await.expect_err("no end");
            told.send(error.to_string()).expect("a listener");
        }
    });
    let (from, to) = requests.begin(&request(), false).expect("a call");
    drop((from, to));
    let error = Http2Error::Reset { by: Side::Peer, reason: Reason::CANCEL };
    assert_eq!(heard.recv().await, Some(error.to_string()));
}

#[tokio::test]
async fn a_fault_of_fields_comes_with_the_message() {
    let (requests, _tasks) = connect(100_000, |(head, _, mut to)| async move {
        assert!(matches!(head.fault, Some(HeaderFault::TooLarge { .. })), "{:?}", head.fault);
        to.send_response(&response(), true).expect("a caller");
    });
    let mut head = request();
    for _ in 0..100 {
        head.fields.push("x-many".parse().expect("a name"), "some value".parse().expect("a value"));
    }
    let (mut from, _to) = requests.begin(&head, true).expect("a call");
    let answer = poll_fn(|context| from.poll_head(context)).await.expect("an answer");
    assert!(answer.fault.is_none() && from.is_end_stream());
}

#[tokio::test]
async fn a_server_that_leaves_finishes_its_calls() {
    let (near, far) = duplex(1_000);
    let (requests, mut connection) = client::begin(near, LIMITS);
    let driving = tokio::spawn(async move { poll_fn(|context| connection.poll(context)).await });
    let (mut from, _to) = requests.begin(&request(), true).expect("a call");
    let mut server = server::begin(far, LIMITS).await.expect("a preface");
    let (_, _, mut to) = accept(&mut server).await.expect("a call");
    server.leave();
    let serving = tokio::spawn(async move { accept(&mut server).await.is_none() });
    while !requests.is_refused() {
        tokio::task::yield_now().await;
    }
    assert!(requests.begin(&request(), true).expect_err("GOAWAY").is_unprocessed());
    to.send_response(&response(), true).expect("a caller");
    assert!(poll_fn(|context| from.poll_head(context)).await.is_ok());
    drop((from, to));
    assert!(serving.await.expect("no panic"), "no more calls");
    driving.await.expect("no panic");
}

#[tokio::test]
async fn calls_end_with_their_connection() {
    let (near, far) = duplex(1_000);
    let (requests, mut connection) = client::begin(near, LIMITS);
    let (mut from, mut to) = requests.begin(&request(), false).expect("a call");
    drop(far);
    poll_fn(|context| connection.poll(context)).await;
    for error in [
        poll_fn(|context| from.poll_head(context)).await.expect_err("no answer"),
        poll_fn(|context| to.poll_room(context, 1)).await.expect_err("no room"),
        requests.begin(&request(), true).expect_err("no connection"),
    ] {
        assert!(matches!(error, Http2Error::Io(_)), "{error:?}");
    }
    // The same where nobody drives it any more.
    let (near, _far) = duplex(1_000);
    let (requests, connection) = client::begin(near, LIMITS);
    let (mut from, _to) = requests.begin(&request(), false).expect("a call");
    drop(connection);
    let error = poll_fn(|context| from.poll_head(context)).await.expect_err("no answer");
    assert!(matches!(error, Http2Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof));
}
