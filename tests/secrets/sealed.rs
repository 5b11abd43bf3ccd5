//! Private keys that are posted to be sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::forge::{arguments_while, leaves_no_core_dump};
use crate::process::{Answer, Client, Server};
use crate::tls::{Made, made, openssl};
use crate::traces::Traces;
use crate::{change_of, configuration, propose, said, until};

const SERVERS: &str = "/v2/projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/inbound-intents";

/// The bytes of an RSA key in PKCS#8 before those that are secret: its certificate shows its modulus too.
const PUBLIC: usize = 320;

/// The forms that a key is posted in.
fn forms(key: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), key).unwrap();
    let older = String::from_utf8(openssl(folder.path(), &["rsa", "-in", "key", "-traditional"])).unwrap();
    let lines = |text: &str| -> String {
        text.as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
    };
    let in_base64 = STANDARD.encode(key);
    vec![key.to_owned(), key.replace('\n', "\r\n"), lines(&in_base64), in_base64, STANDARD.encode(&older), older]
}

/// Pieces of the secret part of a key, at least one of which is in each copy of it in any form.
fn needles(key: &str) -> Vec<Vec<u8>> {
    let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).unwrap();
    let mut needles: Vec<Vec<u8>> = der[PUBLIC..].chunks_exact(32).map(<[u8]>::to_vec).collect();
    let hexadecimal = |piece: &Vec<u8>| piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
    needles.extend(needles.clone().iter().map(hexadecimal));
    for form in forms(key) {
        // Behind what may be public, wherever a line begins; shorter than any line.
        let secret = &form[form.len() / 2..form.len() - 96];
        let lines = secret.lines().filter(|line| line.len() >= 40);
        needles.extend(lines.flat_map(|line| line.as_bytes().chunks_exact(20).map(<[u8]>::to_vec)));
    }
    needles.sort();
    needles.dedup();
    needles
}

fn server(name: &str, made: &Made, key: &str, direct: bool) -> Value {
    let certificates = json!({"serviceCertificate": made.certificate, "servicePrivateKey": key});
    let external = if direct { certificates } else { json!({"externalCerts": certificates}) };
    json!({"metadata": {"name": name}, "spec": {"app": "cart", "appLabel": format!("app={name}"), "serviceName": name,
        "port": 80, "protocol": "HTTP", "serviceMesh": "istio", "externalSupport": true,
        "externalName": format!("{name}.example.com"), "management": {"tlsType": "SIMPLE"}, "external": external}})
}

/// The same in YAML, where the key stands over many lines.
fn document(body: &Value, made: &Made, key: &str) -> String {
    let fields = body["spec"].as_object().unwrap().iter().filter(|(field, _)| *field != "external");
    let fields: String = fields.map(|(field, value)| format!("  {field}: {value}\n")).collect();
    let block: String = key.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "anchor: {}\nmetadata: {}\nspec:\n{fields}  external:\n    serviceCertificate: {}\n    servicePrivateKey: |\n{block}",
        &SERVERS[4..],
        body["metadata"],
        Value::from(made.certificate.clone()),
    )
}

/// Calls a server, and keeps what it answers.
struct Calls {
    client: Client,
    answers: Vec<String>,
}

impl Calls {
    fn call(&mut self, method: &str, path: &str, key: &str, (kind, body): (&str, &str), expected: u16) -> Answer {
        let headers = [("Idempotency-Key", key)];
        let headers = if key.is_empty() { &[][..] } else { &headers };
        let answer = self.client.send(method, path, headers, Some((kind, body.as_bytes()))).unwrap();
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
        self.answers.push(said(&answer));
        answer
    }

    fn json(&mut self, method: &str, path: &str, key: &str, body: &Value, expected: u16) -> Answer {
        self.call(method, path, key, ("application/json", &body.to_string()), expected)
    }

    fn yaml(&mut self, path: &str, text: &str, expected: u16) -> Answer {
        self.call("POST", path, "", ("application/yaml", text), expected)
    }

    /// Posts until no write is on its way into the change any more.
    fn once_at_rest(&mut self, path: &str) {
        for _ in 0..600 {
            let answer = self.client.send("POST", path, &[], Some(("application/json", b"{}"))).unwrap();
            self.answers.push(said(&answer));
            match answer.status {
                409 => std::thread::sleep(std::time::Duration::from_millis(100)),
                status => return assert_eq!(status, 200, "{}", answer.body),
            }
        }
        panic!("{path} still answers 409: {:?}", self.answers.last());
    }

    fn get(&mut self, path: &str) {
        let answer = self.client.send("GET", path, &[], None).unwrap();
        self.answers.push(said(&answer));
    }

    /// Posts a key in every way that there is, and gives the change.
    fn post_all(&mut self, name: &str, body: &Value, document: &str) -> String {
        let item = format!("{SERVERS}/{name}");
        let first = self.json("POST", SERVERS, name, body, 201);
        assert!(first.body.contains("encryptedData") && !first.body.contains("servicePrivateKey"), "{}", first.body);
        let repeated = self.json("POST", SERVERS, name, body, 201);
        assert_eq!(first.body, repeated.body, "the first answer again");
        let put = self.json("PUT", &item, "", body, 200);
        assert_eq!(put.body, first.body, "the same key is the same ciphertext");
        self.yaml("/v2/plan", document, 200);
        self.yaml("/v2/bundles", document, 202);
        assert!(self.yaml("/v2/bundles", document, 200).body.contains("unchanged"));
        self.yaml("/v2/bundles", &document.replace("\"HTTP\"", "\"SCTP\""), 400);
        change_of(&put)
    }
}

#[test]
fn a_key_that_is_sealed_leaves_no_trace_but_ciphertext() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), None);
    let data = folder.path().join("data");
    let (controller, tls) = (made("rsa:2048"), made("rsa:2048"));
    let ((log, answers), arguments) = arguments_while(|| {
        let mut process = Server::spawn(&data, &config);
        let client = Client::new(&process.url());
        leaves_no_core_dump(process.process());
        propose(&client, &[]);
        let mut calls = Calls { client, answers: vec![] };
        // Before there is anything to seal with, with another key, and where none may be.
        let early = server("early", &tls, &tls.key, false);
        calls.json("POST", SERVERS, "", &early, 400);
        calls.json("PUT", &format!("{SERVERS}/early"), "early", &early, 400);
        let facts = json!({"metadata": {"name": "east"}, "spec": {"sealingCertificate": controller.certificate}});
        calls.json("PUT", "/v2/cluster-providers/gke/clusters/east", "", &facts, 200);
        let foreign = Made { certificate: controller.certificate.clone(), ..tls.clone() };
        calls.json("POST", SERVERS, "", &server("foreign", &foreign, &tls.key, false), 400);
        calls.json("POST", &format!("{SERVERS}/cart/clients"), "", &early, 400);
        let mut id = String::new();
        for (index, form) in forms(&tls.key).iter().enumerate() {
            let name = format!("s{index}");
            let mut body = server(&name, &tls, form, index % 2 == 0);
            let direct = server(&name, &tls, form, true);
            body["metadata"]["description"] = "in JSON".into();
            id = calls.post_all(&name, &body, &document(&direct, &tls, form));
        }
        until(&calls.client, &[], &id, |change| change["state"] == "proposed");
        for step in ["approve", "merge"] {
            calls.once_at_rest(&format!("/v2/changes/{id}/{step}"));
        }
        for path in ["/v2/changes", "/metrics", SERVERS, &format!("/v2/changes/{id}/diff"), "/readyz"] {
            calls.get(path);
        }
        (process.kill(), calls.answers)
    });
    let traces = Traces::of(&data, log, &answers);
    traces.hold(b"sealedWith");
    let needles = needles(&tls.key);
    assert!(needles.len() > 100, "{}", needles.len());
    for needle in needles {
        traces.do_not_hold(&needle);
        assert!(!arguments.contains(&*String::from_utf8_lossy(&needle)), "it is in the arguments of a process");
    }
    assert!(arguments.contains("serve"), "{arguments}");
}
