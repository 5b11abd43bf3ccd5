//! Where plugins are reached: the configuration, a folder, a registration over REST, and TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::tls::openssl;
use super::{DEADLINE, Does, Mesh, POLICY, PluginDouble, meshwright, reach};

#[test]
fn a_plugin_is_found_by_a_file_of_a_folder() {
    let double = PluginDouble::start(Does::Well);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "[").unwrap();
    let mesh = Mesh::start(&format!("pluginDirectory: '{}'\n", folder.path().display()));
    let change = mesh.apply();
    mesh.wait_for(&change, "blocked");
    // It comes while the server runs.
    fs::write(folder.path().join("np.yml"), format!("name: np\naddress: {}\n", double.address)).unwrap();
    mesh.merge(&change);
    assert!(mesh.checkout().join(POLICY).exists());
}

#[test]
fn a_plugin_is_reached_by_a_socket_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let double = PluginDouble::start_on(&folder.path().join("np.sock"), Does::Well);
    let mesh = Mesh::with(&double);
    mesh.merge(&mesh.apply());
    assert!(mesh.checkout().join(POLICY).exists());
}

#[test]
fn a_name_that_no_list_can_hold_is_warned_of() {
    let mesh = Mesh::start("");
    for (name, words) in [("dns", "`dns` is built in"), ("Np_1", "`Np_1` is no DNS label"), ("np", "")] {
        let body = format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"host": "np", "port": 9000}}}}"#);
        let answer = mesh.send("POST", "/v2/dtc-controllers", &body);
        let warning = answer.headers.get("warning").map_or("", |value| value.to_str().unwrap());
        assert!(
            answer.status == 201 && warning.contains(words) && warning.is_empty() == words.is_empty(),
            "{answer:?}"
        );
    }
}

#[test]
fn a_plugin_that_is_registered_over_rest_is_reached_once_that_is_on_main() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::start("");
    let change = mesh.apply();
    let blocked = mesh.wait_for(&change, "blocked");
    assert!(blocked["reason"].as_str().unwrap().contains("the plugin np is reached nowhere"), "{blocked}");
    let port = double.address.rsplit_once(':').unwrap().1;
    let body = format!(
        r#"{{"metadata": {{"name": "np"}}, "spec": {{"host": "127.0.0.1", "port": {port}, "type": "action", "priority": 3}}}}"#
    );
    let registered = mesh.send("POST", "/v2/dtc-controllers", &body);
    assert_eq!(registered.status, 201, "{}", registered.body);
    assert!(mesh.get("/v2/controllers/np").to_string().contains("\"priority\":3"));
    mesh.merge(registered.headers["meshwright-change"].to_str().unwrap());
    mesh.merge(&change);
    let repo = mesh.checkout();
    assert!(repo.join(POLICY).exists() && repo.join("topology/controllers/np.yaml").exists());
    // A checkout says itself where it is reached.
    let check = meshwright(&repo, &["check", "--plugins"]);
    assert!(check.code == Some(0) && !check.out.contains("digest"), "{check:?}");
}

#[test]
fn a_plugin_that_moves_is_found_at_its_new_address_without_a_restart() {
    let (old, new) = (PluginDouble::start(Does::Well), PluginDouble::start(Does::Well));
    let mesh = Mesh::with(&old);
    mesh.wait_for_part(|part| part["ready"] == true);
    mesh.merge(&mesh.apply());
    drop(old);
    mesh.configure(&reach(&new.address));
    // The file is looked at by itself.
    let changed = mesh.send("DELETE", &format!("/v2/{}/clients/frontend", super::INBOUND), "");
    let changed = changed.headers["meshwright-change"].to_str().unwrap().to_owned();
    mesh.merge(&changed);
    mesh.wait_for_part(|part| part["ready"] == true);
    assert!(new.asked() > 0);
    let metrics = mesh.get("/metrics").as_str().unwrap().to_owned();
    // One at each address at least.
    let count =
        metrics.lines().find_map(|line| line.strip_prefix("meshwright_plugin_call_seconds_count{plugin=\"np\"} "));
    assert!(count.unwrap().parse::<u64>().unwrap() >= 2, "{metrics}");
    assert!(metrics.contains("meshwright_ready{part=\"plugin/np\"} 1\n"), "{metrics}");
    drop(new);
    mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains("cannot be reached")));
}

#[test]
fn another_server_at_the_address_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mesh = Mesh::start(&reach(&address));
    let words = format!("cannot be reached at {address} (what listens there does not speak HTTP/2 as it has to: ");
    mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains(&words)));
}

#[test]
fn a_plugin_elsewhere_takes_tls() {
    let mesh = Mesh::start("");
    let body = r#"{"metadata": {"name": "np"}, "spec": {"host": "plugins.example", "port": 9000}}"#;
    let registered = mesh.send("POST", "/v2/dtc-controllers", body);
    mesh.merge(registered.headers["meshwright-change"].to_str().unwrap());
    let change = mesh.apply();
    let blocked = mesh.wait_for(&change, "blocked");
    let reason = blocked["reason"].as_str().unwrap();
    assert!(reason.contains("registered at plugins.example:9000, which takes TLS"), "{reason}");
    let log = mesh.server.unwrap().kill();
    assert!(log.contains("this plugin cannot be asked plugin=\"np\" why=\"is registered at"), "{log}");
}

/// An authority, and certificates that it signed for `localhost` and for a client.
pub(super) fn authority(folder: &Path) -> [String; 5] {
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
    let own = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "10", "-subj", "/CN=authority"];
    openssl(folder, &[&own[..], &curve].concat());
    for (name, subject) in [("server", "/CN=localhost"), ("client", "/CN=meshwright")] {
        let (key, request, out) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        openssl(folder, &[&["req", "-new", "-keyout", &key, "-out", &request, "-subj", subject], &curve[..]].concat());
        fs::write(folder.join("extensions"), "subjectAltName=DNS:localhost\n").unwrap();
        let sign =
            ["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9"];
        openssl(folder, &[&sign[..], &["-extfile", "extensions", "-out", &out]].concat());
    }
    ["ca.pem", "server.pem", "server.key", "client.pem", "client.key"]
        .map(|name| fs::read_to_string(folder.join(name)).unwrap())
}

#[test]
fn a_plugin_is_made_sure_of_and_makes_sure_of_us_by_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let [authorities, certificate, key, ..] = authority(folder.path());
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(authorities));
    let double = PluginDouble::start_at("127.0.0.1:0", Does::Well, Some(tls));
    let with = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(field, file)| format!(", {field}: '{}'", folder.path().join(file).display()));
        let address = &double.address;
        let deadline = DEADLINE.as_millis();
        format!("plugins:\n- {{name: np, address: '{address}', deadline: {deadline}ms{}}}\n", files.collect::<String>())
    };
    let whole = with(&[("caFile", "ca.pem"), ("certificateFile", "client.pem"), ("keyFile", "client.key")]);
    let mut mesh = Mesh::start(&with(&[("caFile", "ca.pem")]));
    let change = mesh.apply();
    let blocked = mesh.wait_for(&change, "blocked");
    assert!(blocked["reason"].as_str().unwrap().contains("cannot be reached"), "{blocked}");
    mesh.configure(&whole);
    mesh.run();
    mesh.merge(&change);
    assert!(mesh.checkout().join(POLICY).exists());
    // Whom another authority signed for is not the plugin.
    let other = tempfile::tempdir().unwrap();
    authority(other.path());
    let wrong = whole.replace(
        &format!("'{}'", folder.path().join("ca.pem").display()),
        &format!("'{}'", other.path().join("ca.pem").display()),
    );
    mesh.configure(&wrong);
    let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
    let check = meshwright(&mesh.checkout(), &["check", &plugins]);
    let words = format!("np cannot be reached at {} (invalid peer certificate: ", double.address);
    assert!(check.out.contains(&words), "{check:?}");
}

#[test]
fn a_file_that_says_nothing_of_plugins_is_no_reason_to_call_all_well() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("meshwright.yaml"), super::LISTED).unwrap();
    fs::write(folder.path().join("bad.yaml"), reach("http://plugins.example:1")).unwrap();
    for (file, words) in [("nowhere.yaml", "No such file"), ("bad.yaml", "is not on this machine")] {
        for command in [&["check"][..], &["render", "--repo", "."]] {
            let run = meshwright(folder.path(), &[command, &[&format!("--plugins={file}")]].concat());
            assert!(run.code == Some(2) && run.err.contains(words), "{command:?}: {run:?}");
        }
    }
}

#[test]
fn a_plugin_that_is_configured_for_nothing_is_told_of() {
    for (listed, state, is_told) in [("renderer: 1\n", "proposed", true), (super::LISTED, "blocked", false)] {
        let mut mesh = Mesh::listing(listed, &reach("http://127.0.0.1:1"));
        mesh.wait_for(&mesh.apply(), state);
        let log = mesh.server.take().unwrap().stop();
        assert_eq!(log.contains("not asked: meshwright.yaml on main does not list it plugin=\"np\""), is_told, "{log}");
    }
}

#[test]
fn a_plugin_that_is_asked_about_nothing_has_to_be_there_all_the_same() {
    let (double, folder) = (PluginDouble::start(Does::Well), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("meshwright.yaml"), super::LISTED).unwrap();
    fs::write(folder.path().join("serve.yaml"), reach(&double.address)).unwrap();
    let check = || meshwright(folder.path(), &["check", "--plugins", "serve.yaml"]);
    let well = check();
    assert!(well.code == Some(0) && well.out == "ok: 0 generated files, 0 errors, 0 warnings\n", "{well:?}");
    drop(double);
    let away = check();
    assert!(away.code == Some(1) && away.out.contains("the plugin np cannot be reached"), "{away:?}");
}

#[test]
fn a_configuration_that_cannot_be_is_refused_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("plugins.d")).unwrap();
    fs::write(root.join("plugins.d/a.yaml"), "name: np\naddress: http://plugins.example:1\n").unwrap();
    fs::write(root.join("key"), "hunter2\n").unwrap();
    for (config, words) in [
        (reach("http://plugins.example:9000"), "plugins: np: http://plugins.example:9000 is not on this machine"),
        (reach("nowhere"), "plugins: np: `nowhere` is no address of a plugin"),
        (
            format!("{}- {{name: np, address: 'http://127.0.0.1:1'}}\n", reach("http://127.0.0.1:1")),
            "`np` is listed twice",
        ),
        ("plugins:\n- {name: np}\n".to_owned(), "plugins[0]: missing field `address`"),
        (reach("http://127.0.0.1:1").replace("np", "dns"), "plugins: dns: name: it is built in"),
        (reach("http://127.0.0.1:1").replace("np", "Np"), "plugins: Np: name: "),
        (
            "plugins:\n- {name: np, address: 'http://127.0.0.1:1', deadline: 0s}\n".to_owned(),
            "deadline: say more than 0",
        ),
        (
            "plugins:\n- {name: np, address: 'https://a:1', caFile: nowhere}\n".to_owned(),
            "plugins: np: caFile: nowhere: ",
        ),
        (
            "plugins:\n- {name: np, address: 'https://a:1', caFile: key, keyFile: key}\n".to_owned(),
            "plugins: np: certificateFile and keyFile go together",
        ),
        (
            "pluginDirectory: plugins.d\n".to_owned(),
            "pluginDirectory: plugins.d/a.yaml: http://plugins.example:1 is not",
        ),
        ("pluginDirectory: nowhere\n".to_owned(), "pluginDirectory: nowhere: "),
    ] {
        fs::write(root.join("serve.yaml"), &config).unwrap();
        let serve = ["serve", "--config", "serve.yaml", "--listen", "127.0.0.1:0", "--data", "data"];
        let run = meshwright(root, &serve);
        let said = run.code == Some(2) && run.err.contains(words) && !run.err.contains("hunter2");
        assert!(said, "{config}: {run:?}");
    }
}
