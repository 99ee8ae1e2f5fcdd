//! A gate in front of a server that says what the test wants, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use kube::config::Kubeconfig;
use tempfile::TempDir;

use super::*;
use crate::What;

/// An empty answer.
const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A gate in front of a server that treats each connection by `serve`, after the head of its first request.
struct Setting {
    gate: Gate,
    _folder: TempDir,
}

impl Setting {
    fn new(serve: impl Fn(BufReader<TcpStream>) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = BufReader::new(connection.unwrap());
                read_head(&mut connection);
                serve(connection);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::in_front_of(&kube::Config::new(server.parse().unwrap()), folder.path()).unwrap();
        Self { gate, _folder: folder }
    }

    /// A server that tells of each request that it sees, and answers it.
    fn telling() -> (Self, Receiver<&'static str>) {
        let (tells, told) = channel();
        let setting = Self::new(move |mut connection| {
            tells.send("seen").unwrap();
            connection.get_mut().write_all(DONE.as_bytes()).unwrap();
        });
        (setting, told)
    }

    /// Sends a request through the gate.
    fn send(&self, request: &str) -> BufReader<TcpStream> {
        let kubeconfig = Kubeconfig::read_from(self.gate.kubeconfig()).unwrap();
        let server = kubeconfig.clusters[0].cluster.as_ref().unwrap().server.as_ref().unwrap();
        let mut connection = TcpStream::connect(server.strip_prefix("http://").unwrap()).unwrap();
        write!(connection, "{request} HTTP/1.1\r\nhost: gate\r\n").unwrap();
        BufReader::new(connection)
    }

    /// Sends a request that has nothing more to it, and gives the whole answer, if there is any.
    fn answer(&self, request: &str) -> String {
        let mut connection = self.send(request);
        connection.get_mut().write_all(b"connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        // A connection that is broken off may end in an error just as well.
        let _ = connection.read_to_string(&mut answer);
        answer
    }
}

fn read_head(connection: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).unwrap(), 0, "the head ends early: {head}");
    }
    head
}

/// What is done to the process under test: here the test is told.
fn stop(tells: &Sender<&'static str>) -> Box<dyn FnOnce() + Send> {
    let tells = tells.clone();
    Box::new(move || tells.send("stopped").unwrap())
}

#[test]
fn requests_pass_and_are_noted() {
    let (setting, told) = Setting::telling();
    assert!(setting.answer("PATCH /a?b=c").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(setting.answer("GET /a").starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(told.try_iter().count(), 2);
    let requests = setting.gate.requests();
    assert_eq!(requests.iter().map(|request| request.path.as_str()).collect::<Vec<_>>(), ["/a", "/a"]);
    assert_eq!(setting.gate.changes(), 1);
}

#[test]
fn a_request_that_is_to_fail_does_not_reach_the_server() {
    let (setting, told) = Setting::telling();
    setting.gate.arm(Fault { at: 1, what: What::Fail });
    let answer = setting.answer("POST /a");
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains(r#""reason":"ServiceUnavailable""#), "{answer}");
    assert!(told.try_recv().is_err());
    assert!(setting.answer("POST /a").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_lost_answer_is_to_a_request_that_was_carried_out() {
    let (setting, told) = Setting::telling();
    setting.gate.arm(Fault { at: 1, what: What::LoseAnswer });
    assert_eq!(setting.answer("POST /a"), "");
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["seen"]);
}

#[test]
fn a_process_is_stopped_before_or_after_its_request() {
    let (tells, told) = channel();
    let seen = tells.clone();
    let setting = Setting::new(move |mut connection| {
        seen.send("seen").unwrap();
        connection.get_mut().write_all(DONE.as_bytes()).unwrap();
    });
    setting.gate.arm(Fault { at: 1, what: What::StopBefore(stop(&tells)) });
    setting.gate.arm(Fault { at: 2, what: What::StopAfter(stop(&tells)) });
    assert_eq!(setting.answer("POST /a"), "");
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["stopped"]);
    assert_eq!(setting.answer("POST /a"), "");
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["seen", "stopped"]);
}

#[test]
fn a_stream_passes_piece_by_piece() {
    let (asks, asked) = channel::<()>();
    let setting = Setting::new(move |mut connection| {
        let connection = connection.get_mut();
        connection
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
            .unwrap();
        // The second piece comes only when the first has arrived.
        asked.recv().unwrap();
        connection.write_all(b"7\r\nsecond\n\r\n0\r\n\r\n").unwrap();
    });
    let mut connection = setting.send("GET /a?watch=true");
    connection.get_mut().write_all(b"\r\n").unwrap();
    read_head(&mut connection);
    let mut lines = connection.lines().map(Result::unwrap).filter(|line| line.ends_with(['t', 'd']));
    assert_eq!(lines.next().as_deref(), Some("first"));
    asks.send(()).unwrap();
    assert_eq!(lines.next().as_deref(), Some("second"));
}

#[test]
fn a_connection_that_is_upgraded_passes_both_ways() {
    let setting = Setting::new(|mut connection| {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
        connection.get_mut().write_all(answer).unwrap();
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        connection.get_mut().write_all(line.to_uppercase().as_bytes()).unwrap();
    });
    let mut connection = setting.send("GET /a");
    connection.get_mut().write_all(b"connection: upgrade\r\nupgrade: echo\r\n\r\n").unwrap();
    let head = read_head(&mut connection);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    connection.get_mut().write_all(b"said\n").unwrap();
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    assert_eq!(line, "SAID\n");
}
