use std::time::Instant;

use tokio::net::TcpListener;

use super::*;

fn connector() -> Connector {
    Connector { egress: EgressPolicy { allow_loopback: true, ..EgressPolicy::default() }, tls: Arc::new(TlsSetup::default()) }
}

/// An address that takes no connection and refuses none: the queue of its listener is full.
async fn silent() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut fill = Vec::new();
    while let Ok(tcp) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        fill.push(tcp.unwrap());
    }
    (socket, address, fill)
}

#[tokio::test]
async fn a_silent_address_costs_a_moment_and_a_refusing_one_nothing() {
    // This listener is gone at once, so its address refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let (_socket, silent, _fill) = silent().await;
    let began = Instant::now();
    let tcp = connector().dial(&[refusing, silent, open]).await.unwrap();
    assert_eq!(tcp.peer_addr().unwrap(), open);
    assert!(began.elapsed() >= NEXT_ADDRESS_AFTER && began.elapsed() < NEXT_ADDRESS_AFTER * 6, "{:?}", began.elapsed());
    assert!(matches!(connector().dial(&[refusing, refusing]).await, Err(ConnectError::Refused(_))));
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_never_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
    assert_eq!(connector().dial(&[metadata, open]).await.unwrap().peer_addr().unwrap(), open);
    assert!(matches!(connector().dial(&[metadata]).await, Err(ConnectError::NotAllowed(_))));
    assert!(matches!(connector().dial(&[]).await, Err(ConnectError::Resolve)));
    let shut = Connector { egress: EgressPolicy::default(), tls: Arc::new(TlsSetup::default()) };
    assert!(matches!(shut.dial(&[open]).await, Err(ConnectError::NotAllowed(_))));
}
