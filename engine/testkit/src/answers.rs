//! A server that sends a fixed list of responses and stores every request, byte by byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// A request that the server has received.
#[derive(Debug)]
pub struct Seen {
    /// Method and target.
    pub line: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().filter_map(|h| h.split_once(": "));
        found.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A server that handles one request for each of its responses.
pub struct Server {
    /// Base address.
    pub base: String,
    thread: JoinHandle<Vec<Seen>>,
}

impl Server {
    /// Starts a server. A response is a status line, further header lines, and a body.
    pub fn start(answers: &[(&str, &str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let answers: Vec<_> = answers.iter().map(|(s, h, b)| response(s, h, b)).collect();
        let thread = std::thread::spawn(move || {
            let take = |answer: String| {
                let (mut stream, _) = listener.accept().unwrap();
                let seen = read(&stream);
                stream.write_all(answer.as_bytes()).unwrap();
                seen
            };
            answers.into_iter().map(take).collect()
        });
        Self { base, thread }
    }

    /// Waits until all responses are sent, and returns the requests.
    pub fn seen(self) -> Vec<Seen> {
        self.thread.join().unwrap()
    }
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

fn read(stream: &TcpStream) -> Seen {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = next().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let header = next();
        if header.is_empty() {
            break;
        }
        headers.push(header);
    }
    let mut seen = Seen { line, headers, body: String::new() };
    let length = seen.header("content-length").map_or(0, |l| l.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    seen.body = String::from_utf8(body).unwrap();
    seen
}
