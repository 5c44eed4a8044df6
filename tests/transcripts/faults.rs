use std::path::Path;

use egext_test_support::TestServer;

/// A server with one fault, which pages call by this port.
pub fn server(port: u16, certificates: &Path) -> TestServer {
    match port {
        5011 => TestServer::with_certificates(certificates).without_alpn(),
        5012 => TestServer::with_certificates(certificates).takes_names_with_ports(),
        5013 => TestServer::plaintext().speaks_http1(),
        5014 => TestServer::plaintext().answers_text("16", "a token is missing"),
        5015 => TestServer::plaintext().not_serving(),
        _ => panic!("no server with a fault has port {port}"),
    }
    .spawn()
}

/// The ports of such servers, as they stand in commands.
pub const PORTS: [u16; 5] = [5011, 5012, 5013, 5014, 5015];
