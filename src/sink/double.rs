//! A sink that answers as a test wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;

/// A request that came in.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: String,
}

impl Seen {
    /// The value of a header; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1).next().unwrap_or_default()
    }

    /// The number at the end of the event's id, and its subject.
    pub(super) fn event(&self) -> (u64, String) {
        let event: Value = serde_json::from_str(&self.body).unwrap();
        let number = event["id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
        (number, event["subject"].as_str().unwrap_or_default().to_owned())
    }
}

/// A sink, whose answers are bytes; none at all has the sender wait.
pub(super) struct Double {
    pub(super) url: String,
    pub(super) seen: Receiver<Seen>,
}

pub(super) fn status(code: u16) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 {code} .\r\ncontent-length: 4\r\n\r\nsaid").into_bytes())
}

impl Double {
    pub(super) fn new(answer: impl Fn(&Seen) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let (sender, seen) = channel();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, sender) = (answer.clone(), sender.clone());
                std::thread::spawn(move || serve(&stream.unwrap(), &*answer, &sender));
            }
        });
        Self { url, seen }
    }

    /// The numbers of the next events.
    pub(super) fn numbers(&self, count: usize) -> Vec<u64> {
        let next = |_| self.seen.recv_timeout(Duration::from_secs(30)).unwrap().event().0;
        (0..count).map(next).collect()
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Seen) -> Option<Vec<u8>>, sender: &Sender<Seen>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut seen = Seen { head, body: String::new() };
        let mut body = vec![0; seen.header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        seen.body = String::from_utf8(body).unwrap();
        let answer = answer(&seen);
        drop(sender.send(seen));
        let Some(answer) = answer else { return std::thread::sleep(Duration::from_secs(3600)) };
        let whole = answer.ends_with(b"said");
        if (&mut &*stream).write_all(&answer).is_err() || !whole {
            return;
        }
    }
}
