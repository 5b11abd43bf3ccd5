//! Where a caller may put a private key by mistake.

use serde_json::{Value, json};

const BOUNDARY: &str = "a-boundary-of-parts";
const TRAFFIC: &str =
    "/v2/projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web";

/// A request with the key in one place.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// With its type.
    pub(crate) body: Option<(String, Vec<u8>)>,
    /// Of a place that is kept: how the refusal names it.
    pub(crate) refused: Option<&'static str>,
}

/// Every place that can hold `key`; some cannot hold one of several lines.
pub(crate) fn all(key: &str, change: &str) -> Vec<Place> {
    let mut places = bodies(key);
    places.extend(bundles(key));
    places.extend(parts(key));
    places.push(post("a comment", &format!("/v2/changes/{change}/approve"), &json!({"comment": key}), "/comment"));
    if !key.contains('\n') {
        places.extend(heads(key));
    }
    places
}

fn post(name: &'static str, path: &str, body: &Value, field: &'static str) -> Place {
    let body = Some(("application/json".to_owned(), body.to_string().into_bytes()));
    Place { name, method: "POST", path: path.to_owned(), headers: vec![], body, refused: Some(field) }
}

fn bodies(key: &str) -> Vec<Place> {
    let server = |more: Value| {
        let mut spec = json!({"app": "cart", "appLabel": "app=other", "serviceName": "other", "port": 80,
            "protocol": "HTTP", "serviceMesh": "istio"});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"metadata": {"name": "other"}, "spec": spec})
    };
    let certificates = |key: &str| json!({"serviceCertificate": "", "servicePrivateKey": key, "caCertificate": ""});
    let servers = format!("{TRAFFIC}/inbound-intents");
    let points = format!("{servers}/cart/clients/frontend/access-points");
    let project = |metadata: Value| json!({"metadata": metadata});
    vec![
        post(
            "servicePrivateKey",
            &servers,
            &server(json!({"external": {"externalCerts": certificates(key)}})),
            "/spec/external/externalCerts/servicePrivateKey",
        ),
        post(
            "servicePrivateKey directly under external",
            &servers,
            &server(json!({"external": certificates(key)})),
            "/spec/external/servicePrivateKey",
        ),
        post("an external name", &servers, &server(json!({"externalName": key})), "/spec/externalName"),
        post(
            "a host of an access point",
            &points,
            &json!({"metadata": {"name": "p"}, "spec": {"hosts": ["shop.example.com", key]}}),
            "/spec/hosts/1",
        ),
        post("a name", "/v2/projects", &project(json!({"name": key})), "/metadata/name"),
        post(
            "a description",
            "/v2/projects",
            &project(json!({"name": "k", "description": key})),
            "/metadata/description",
        ),
        post("userData1", "/v2/projects", &project(json!({"name": "k", "userData1": key})), "/metadata/userData1"),
        post("userData2", "/v2/projects", &project(json!({"name": "k", "userData2": key})), "/metadata/userData2"),
        post("the name of a field", "/v2/projects", &json!({"metadata": {"name": "k"}, "spec": {key: 1}}), "/spec"),
    ]
}

fn bundles(key: &str) -> Vec<Place> {
    let place = |name, path: &str, text: String, refused| {
        let body = Some(("application/yaml".to_owned(), text.into_bytes()));
        Place { name, method: "POST", path: path.to_owned(), headers: vec![], body, refused }
    };
    let quoted = Value::from(key);
    let document = format!("anchor: projects\nmetadata: {{name: k, description: {quoted}}}\n");
    let anchor = format!("anchor: {quoted}\nmetadata: {{name: k}}\n");
    let base = format!("base: {quoted}\n---\nanchor: clients\nmetadata: {{name: k}}\n");
    let comment: String = key.lines().map(|line| format!("# {line}\n")).collect();
    vec![
        place("a bundle", "/v2/bundles", document.clone(), Some("/0/metadata/description")),
        place("a plan", "/v2/plan", document, Some("/0/metadata/description")),
        place("the anchor of a bundle", "/v2/bundles", anchor, Some("/0/anchor")),
        place("the base of a bundle", "/v2/bundles", base, Some("/0/base")),
        place(
            "a comment of a bundle",
            "/v2/bundles",
            format!("{comment}anchor: projects\nmetadata: {{name: shop}}\n"),
            None,
        ),
    ]
}

fn parts(key: &str) -> Vec<Place> {
    let place = |name, (kind, body): (String, Vec<u8>), refused| {
        let path = "/v2/cluster-providers/gke/clusters".to_owned();
        Place { name, method: "POST", path, headers: vec![], body: Some((kind, body)), refused }
    };
    let metadata = json!({"metadata": {"name": "k", "description": key}}).to_string();
    // There is such a cluster: what else is sent with it is not looked at.
    let taken = r#"{"metadata": {"name": "east"}}"#;
    let name = key.replace('\n', " ");
    vec![
        place("the metadata of a multipart body", multipart(&metadata, "config", b"x"), Some("/metadata/description")),
        place("a file", multipart(taken, "config", key.as_bytes()), None),
        place("the name of a file", multipart(taken, &name, b"x"), None),
    ]
}

fn heads(key: &str) -> Vec<Place> {
    let read = |name, path: String, headers: Vec<(&'static str, String)>| Place {
        name,
        method: "GET",
        path,
        headers,
        body: None,
        refused: None,
    };
    let put = Place {
        method: "PUT",
        refused: Some("private key"),
        ..read("the path of a write", format!("/v2/projects/{key}"), vec![])
    };
    let below = format!("/v2/projects/{}/logical-clouds", key.replace('/', "%2F"));
    let encoded = key.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let mut repeated =
        post("an Idempotency-Key", "/v2/projects", &json!({"metadata": {"name": "k"}}), "Idempotency-Key");
    repeated.headers.push(("Idempotency-Key", key.to_owned()));
    vec![
        repeated,
        Place { body: Some(("application/json".into(), b"{}".to_vec())), ..put },
        Place { refused: Some("private key"), ..read("a path", below, vec![]) },
        Place { refused: Some("private key"), ..read("a path that leads nowhere", format!("/{key}/x-y_z"), vec![]) },
        Place { refused: Some("private key"), ..read("a change", format!("/v2/changes/{key}/diff"), vec![]) },
        read("an actor", "/v2/projects".into(), vec![("Meshwright-Actor", format!("github:{key}"))]),
        read("a header", "/v2/projects".into(), vec![("X-Request-Id", key.to_owned())]),
        read("another header", "/v2/projects".into(), vec![("User-Agent", key.to_owned())]),
        read("the credentials", "/v2/projects".into(), vec![("Authorization", format!("Bearer {key}"))]),
        read("an entity tag", "/v2/projects/shop".into(), vec![("If-None-Match", format!("\"{key}\""))]),
        read("a query", format!("/v2/projects?view={encoded}"), vec![]),
        read("the name of a parameter", format!("/v2/projects?{encoded}=1"), vec![]),
        read("a filter", format!("/v2/changes?project={encoded}"), vec![]),
        read("a cursor", format!("/v2/changes?after={encoded}"), vec![]),
    ]
}

/// A multipart body with a part `metadata` and a part `file`.
pub(crate) fn multipart(metadata: &str, filename: &str, file: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\r\n"
    );
    let body = [head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}
