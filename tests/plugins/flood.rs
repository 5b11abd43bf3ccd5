//! Plugins that send what is no answer, without end: frames of HTTP/2 that mean nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Does, Mesh, PluginDouble, reach};

/// A frame of the kind PRIORITY (RFC 9113, section 6.3), which says nothing.
const FRAME: [u8; 14] = [0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 16];

/// A way to a plugin that floods whoever uses it as soon as the plugin says nothing for a while.
struct Flood {
    address: String,
    begun: Arc<AtomicBool>,
    /// How many bytes of the flood each connection took.
    took: Arc<Mutex<Vec<Arc<AtomicUsize>>>>,
}

impl Flood {
    fn of(double: &PluginDouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (begun, took) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Arc<AtomicUsize>>>>::default());
        let plugin = double.address.strip_prefix("http://").unwrap().to_owned();
        let (flag, all) = (Arc::clone(&begun), Arc::clone(&took));
        thread::spawn(move || {
            for here in listener.incoming() {
                let (here, there) = (here.unwrap(), TcpStream::connect(&plugin).unwrap());
                let (flag, count) = (Arc::clone(&flag), Arc::default());
                all.lock().unwrap().push(Arc::clone(&count));
                let (mut from, mut to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Both)
                });
                thread::spawn(move || pass(there, here, &flag, &count));
            }
        });
        Self { address, begun, took }
    }

    fn set(&self, on: bool) {
        self.begun.store(on, Ordering::Relaxed);
    }
}

/// Hands on what comes, and floods where nothing does.
fn pass(mut from: TcpStream, mut to: TcpStream, flood: &AtomicBool, count: &AtomicUsize) {
    let frames = FRAME.repeat(4096);
    let mut buffer = vec![0; 1 << 16];
    // Every frame of the plugin is out by then.
    from.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    loop {
        let handed_on = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => to.write_all(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(_) => break,
        };
        if handed_on.is_err() {
            break;
        }
        while flood.load(Ordering::Relaxed) && to.write_all(&frames).is_ok() {
            count.fetch_add(frames.len(), Ordering::Relaxed);
        }
    }
}

#[test]
fn a_plugin_that_floods_without_being_asked_is_let_go_of() {
    let double = PluginDouble::start(Does::Well);
    let flood = Flood::of(&double);
    let mesh = Mesh::start(&reach(&flood.address));
    mesh.wait_for_part(|part| part["ready"] == true);
    flood.set(true);
    let words = "sends more than twice what its answers may have, or 8 MiB between calls";
    mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains(words)));
    assert!(super::bad::failures(&mesh, "too-much") == 0, "no question was asked");
    flood.set(false);
    mesh.wait_for_part(|part| part["ready"] == true);
    mesh.merge(&mesh.apply());
    // What is allowed for, and what buffers of sockets hold.
    let took: Vec<usize> = flood.took.lock().unwrap().iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert!(took.iter().any(|count| *count > 8 << 20) && took.iter().all(|count| *count < 64 << 20), "{took:?}");
}
