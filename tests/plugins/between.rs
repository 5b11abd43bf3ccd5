//! Connections to a plugin that carry what is no answer, or nothing any more.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tonic::transport::{Identity, ServerTlsConfig};

use super::bad::failures;
use super::process::Client;
use super::reached::authority;
use super::{Does, Mesh, PluginDouble};

/// How many bytes are in each frame of a flood.
const LONG: usize = 16 << 10;

/// A frame of a kind that nobody knows, so that it says nothing (RFC 9113, sections 4.1 and 5.5).
fn frame() -> Vec<u8> {
    [&[0, 0x40, 0, 0xf0, 0, 0, 0, 0, 0], &[0; LONG][..]].concat()
}

/// What the connections do that are between a server and its plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    /// They hand on what comes.
    Pass,
    /// The same, and frames without end as soon as the plugin says nothing for a while.
    Flood,
    /// They hand on what comes, and break off where the plugin says nothing for a second: a look is answered by then.
    Break,
    /// Those that are made carry nothing, and are never closed.
    Silence,
}

/// A way to a plugin.
struct Between {
    address: String,
    does: Arc<Mutex<Do>>,
    /// How many bytes of its flood each connection took that is gone by now.
    floods: Arc<Mutex<Vec<usize>>>,
}

impl Between {
    fn new(double: &PluginDouble, does: Do) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scheme, plugin) = double.address.split_once("://").unwrap();
        let (host, _) = plugin.split_once(':').unwrap();
        let between = Self {
            address: format!("{scheme}://{host}:{port}"),
            does: Arc::new(Mutex::new(does)),
            floods: Arc::default(),
        };
        let (does, floods, plugin) = (Arc::clone(&between.does), Arc::clone(&between.floods), plugin.to_owned());
        thread::spawn(move || {
            let mut silent = vec![];
            for here in listener.incoming() {
                let here = here.unwrap();
                if *does.lock().unwrap() == Do::Silence {
                    silent.push(here);
                    continue;
                }
                let there = TcpStream::connect(&plugin).unwrap();
                let (mut from, mut to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Both)
                });
                let (does, floods) = (Arc::clone(&does), Arc::clone(&floods));
                thread::spawn(move || {
                    let flood = pass(there, here, &does);
                    floods.lock().unwrap().push(flood);
                });
            }
        });
        between
    }

    fn does(&self, what: Do) {
        *self.does.lock().unwrap() = what;
    }
}

/// Hands on what comes, and floods where nothing does; gives the bytes of that.
fn pass(mut from: TcpStream, mut to: TcpStream, does: &Mutex<Do>) -> usize {
    let (frames, mut flood, mut silent) = (frame().repeat(4), 0, 0);
    let mut buffer = vec![0; 1 << 16];
    from.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    loop {
        let handed_on = match from.read(&mut buffer) {
            Ok(0) => return flood,
            Ok(length) => {
                silent = 0;
                to.write_all(&buffer[..length])
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                silent += 1;
                if *does.lock().unwrap() == Do::Break && silent >= 10 {
                    let _ = to.shutdown(Shutdown::Both);
                }
                // Every frame of the plugin is out by now.
                while *does.lock().unwrap() == Do::Flood && to.write_all(&frames).is_ok() {
                    flood += frames.len();
                }
                Ok(())
            }
            Err(_) => return flood,
        };
        if handed_on.is_err() {
            return flood;
        }
    }
}

/// Reaches a plugin that works, with a deadline that comes after all else, however slow this machine is.
fn patient(double: &PluginDouble) -> (Between, Mesh) {
    let between = Between::new(double, Do::Pass);
    let mesh = Mesh::start(&format!("plugins: [{{name: np, address: '{}', deadline: 20s}}]\n", between.address));
    mesh.wait_for_part(|part| part["ready"] == true);
    (between, mesh)
}

/// Has a plan made that the plugin is asked for.
fn plan(mesh: &Mesh, port: usize) {
    let text = super::MESH.replace("7070", &port.to_string());
    let body = Some(("application/yaml", text.as_bytes()));
    Client::new(&mesh.url).send("POST", "/v2/plan", &[], body).unwrap();
}

#[test]
fn a_plugin_that_floods_is_let_go_of_whether_it_was_asked_or_not() {
    let double = PluginDouble::start(Does::Well);
    let (between, mesh) = patient(&double);
    let words = "sends more than twice what its answers may have, or 8 MiB between calls";
    let is_told = |said: &serde_json::Value| said["reason"].as_str().is_some_and(|why| why.contains(words));
    between.does(Do::Flood);
    mesh.wait_for_part(is_told);
    double.does(Does::Hang);
    let change = mesh.apply();
    mesh.wait(&change, |seen| seen["state"] == "blocked" && is_told(seen));
    assert!(failures(&mesh, "too-much") > 0);
    between.does(Do::Pass);
    double.does(Does::Well);
    mesh.merge(&change);
    mesh.wait_for_part(|part| part["ready"] == true);
    // What a call of one question allows for, what may come without, and what buffers of sockets hold.
    let floods = between.floods.lock().unwrap();
    assert!(floods.iter().any(|flood| *flood > 7 << 20) && floods.iter().all(|flood| *flood < 80 << 20), "{floods:?}");
}

#[test]
fn a_plugin_whose_calls_fail_is_left_alone_for_a_while_though_it_looks_well() {
    let double = PluginDouble::start(Does::Well);
    let (between, mesh) = patient(&double);
    double.does(Does::Hang);
    between.does(Do::Break);
    let is_left_alone = || {
        let ready = mesh.get("/readyz").to_string();
        ready.contains("cannot be reached") && ready.contains("failed several times in a row and is left alone")
    };
    // Each of these asks, and a look follows that finds it well.
    let asked = (7100..7120).map(|port| plan(&mesh, port)).take_while(|()| !is_left_alone()).count();
    assert!((2..19).contains(&asked), "{asked} more calls were made");
    between.does(Do::Pass);
    double.does(Does::Well);
    mesh.merge(&mesh.apply());
}

#[test]
fn a_connection_on_which_nothing_comes_any_more_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [_, certificate, key, ..] = authority(folder.path());
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
    let double = PluginDouble::start_at("127.0.0.1:0", Does::Well, Some(tls));
    let between = Between::new(&double, Do::Silence);
    let ca = folder.path().join("ca.pem");
    let mesh = Mesh::start(&format!(
        "plugins: [{{name: np, address: '{}', deadline: 700ms, caFile: '{}'}}]\n",
        between.address,
        ca.display()
    ));
    mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains("did not answer within")));
    between.does(Do::Pass);
    // Whoever asks has it looked at.
    let is_ready = || mesh.get("/readyz").to_string().contains(r#"{"name":"plugin/np","ready":true"#);
    let tries = (7100..7200).take_while(|port| {
        plan(&mesh, *port);
        thread::sleep(Duration::from_millis(500));
        !is_ready()
    });
    assert!(tries.count() < 100, "{}", mesh.get("/readyz"));
    mesh.merge(&mesh.apply());
}
