use super::*;

/// Without these, a peer that vanished behind a firewall would be noticed after two hours, or never.
#[tokio::test]
async fn a_connection_is_watched_also_while_nothing_is_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let deadline = Instant::now() + Duration::from_secs(60);
    let stream = connect_tcp(&[address], deadline, &mut Trace::default()).await.expect("it listens");
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.keepalive().expect("readable"));
    assert!(socket.tcp_nodelay().expect("readable"));
    #[cfg(target_os = "linux")]
    {
        assert_eq!(socket.tcp_keepalive_time().expect("readable"), KEEPALIVE);
        assert_eq!(socket.tcp_keepalive_interval().expect("readable"), KEEPALIVE);
        assert_eq!(socket.tcp_user_timeout().expect("readable"), Some(2 * KEEPALIVE));
    }
}

#[tokio::test]
async fn a_target_at_an_address_is_connected_to_nothing_else() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    // No resolver has the name (RFC 6761).
    let named = "tcp://extension.invalid:1".parse().expect("an address");
    let target = Target::new(named, None, None, Alpn::Preferred).expect("plaintext").at(address);
    let closing = async { drop(listener.accept().await.expect("a connection")) };
    let (dialed, ()) = tokio::join!(dial(&target, Instant::now() + Duration::from_secs(60)), closing);
    let (peer, _) = dialed.trace.connected.expect("it listens");
    assert_eq!(peer, Some(address));
}

/// The first of two addresses swallows packets: its queue is full, so Linux drops what else comes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_address_leaves_time_for_the_next() {
    let full = tokio::net::TcpSocket::new_v4().expect("a socket");
    full.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let full = full.listen(0).expect("bound");
    let silent = full.local_addr().expect("bound");
    let _occupied = TcpStream::connect(silent).await.expect("the one place");
    let answering = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = answering.local_addr().expect("bound");

    let mut trace = Trace::default();
    let deadline = Instant::now() + Duration::from_secs(4);
    let connected = connect_tcp(&[silent, address], deadline, &mut trace).await;

    assert!(connected.is_ok(), "{connected:?}");
    let (peer, _) = trace.connected.expect("the first one did not have all the time");
    assert_eq!(peer, Some(address));
}
