//! Tests of a client that opens very many connections. The real program runs with the limit of open
//! files of a shell or a container, and must still serve everybody else.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod server;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use countersign_loadtest::descriptors;
use server::{SECRET, Server};
use tokio::time::Instant;

/// Number of connections of all tests that may run at once.
const CROWD_MAX: u64 = 8000;
/// Time within which operators must get a response. The median of several requests counts, because
/// the machine may be busy.
const PROMPT: Duration = Duration::from_secs(1);
/// Time within which a response must arrive that has to wait until the server has closed idle
/// connections.
const SOON: Duration = Duration::from_secs(30);

/// Opens connections that send nothing.
fn crowd(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    descriptors::allow(CROWD_MAX).unwrap();
    (0..connections).map(|_| TcpStream::connect(address).unwrap()).collect()
}

/// Sends `request` on a new connection and returns the response. The request must ask the server to
/// close the connection.
fn asked(address: SocketAddr, request: &str, within: Duration) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(within)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => answer,
        Err(error) => panic!("no answer within {within:?}: {error}, {answer:?}"),
    }
}

fn health(address: SocketAddr) -> String {
    let request = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    asked(address, request, SOON)
}

/// Checks that operators get a response in time.
fn assert_healthy(address: SocketAddr) {
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let began = Instant::now();
            assert!(health(address).starts_with("HTTP/1.1 200"));
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    assert!(times[2] < PROMPT, "{times:?}");
}

/// Reads a metric of the public listener.
fn metric(server: &Server, name: &str) -> f64 {
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = asked(server.operations, request, SOON);
    let line = format!("{name}{{listener=\"public\"}} ");
    let value = answer.lines().find_map(|said| said.strip_prefix(&line));
    value.unwrap_or_else(|| panic!("{line} in {answer}")).trim().parse().unwrap()
}

/// Checks that another user can sign in.
fn assert_signs_in(address: SocketAddr, user: &str) {
    let secret = countersign_wire::basic::encode_standard(SECRET);
    let request = format!(
        "POST /v1/users/{user}/actions/signIn HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Basic {secret}\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = asked(address, &request, SOON);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Counts the open files of a server that has started completely and has responded on both
/// listeners.
fn at_rest(server: &Server) -> usize {
    assert_healthy(server.operations);
    assert_signs_in(server.public, "bob");
    server.open_files()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_soft_limit_is_raised_and_three_thousand_connections_are_served_beside_everybody_else() {
    let server = Server::start("1024:20000");
    let before = at_rest(&server);
    let crowd = crowd(server.public, 3000);
    // The test waits only for 2000 of them, because on a slow machine the first connections reach
    // their limit of five seconds before the last ones are open.
    until("far more are let in than the soft limit", || server.open_files() > 2000);
    assert_healthy(server.operations);
    assert_signs_in(server.public, "alice");
    drop(crowd);
    until("nothing is left open", || server.open_files() <= before + 4);
    assert!(server.room > 3000 && server.room < 20_000, "{}", server.room);
}

#[test]
fn where_the_limit_cannot_be_raised_connections_stay_below_it_and_idle_ones_give_way() {
    let server = Server::start("1024:1024");
    let before = at_rest(&server);
    assert!((500..1024).contains(&server.room), "{}", server.room);
    let log = server.log();
    let warning = format!("leave room for {} connections", server.room);
    let told = log.contains("1024 open files") && log.contains(&warning);
    assert!(told && log.contains("(25000)") && log.contains("LimitNOFILE"), "{log}");
    let crowd = crowd(server.public, 2000);
    until("as many are let in as may be", || server.open_files() > server.room * 3 / 4);
    assert_healthy(server.operations);
    assert_signs_in(server.public, "alice");
    assert_healthy(server.operations);
    assert_eq!(metric(&server, "countersign_connections_max"), server.room as f64);
    assert!(metric(&server, "countersign_connections") <= server.room as f64);
    assert!(metric(&server, "countersign_connections_given_way_total") > 0.0);
    assert_eq!(metric(&server, "countersign_connections_refused_total"), 0.0);
    drop(crowd);
    until("nothing is left open", || server.open_files() <= before + 4);
    assert_eq!(metric(&server, "countersign_connections"), 0.0);
    let log = server.log();
    assert!(!log.contains("ERROR") && !log.contains("Too many open files"), "{log}");
}

#[test]
fn connections_of_operators_that_are_left_idle_keep_nobody_from_the_health_check() {
    let server = Server::start("1024:20000");
    let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    // The server closes the connections that have been idle for longest, to make room for the last
    // ones.
    let answers = |mut stream: TcpStream| {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        stream.read(&mut [0; 1024]).ok().filter(|read| *read > 0).map(|_| stream)
    };
    let idle: Vec<_> = crowd(server.operations, 64).into_iter().filter_map(answers).collect();
    assert!(idle.len() >= 48, "{}", idle.len());
    assert!(health(server.operations).starts_with("HTTP/1.1 200"));
    drop(idle);
}

#[test]
fn a_limit_that_is_too_low_to_serve_anybody_is_refused_at_the_start() {
    let refused = Server::refused("96:96");
    assert!(refused.contains("96 open files are too few: at least "), "{refused}");
    assert!(refused.contains("ulimit -Hn"), "{refused}");
}
