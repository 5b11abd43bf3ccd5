//! Every example of the OpenAPI document is sent to the server.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::schema::Schema;

/// The path of a template with the names that the examples use.
fn filled(template: &str, item: &Value) -> Option<String> {
    let mut path = template.to_owned();
    for parameter in item["parameters"].as_array()? {
        let name = parameter["name"].as_str()?;
        path = path.replace(&format!("{{{name}}}"), parameter["example"].as_str()?);
    }
    Some(path)
}

#[test]
fn every_example_is_answered_as_documented() {
    let client = Client::new();
    let document = client.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let mut posted = BTreeSet::new();
    // Collections stand in the document parents first.
    for (template, item) in paths {
        let Some(path) = filled(template, item) else { continue };
        let body = &item["post"]["requestBody"]["content"]["application/json"]["example"];
        if body["metadata"].is_null() && body["clusterLabel"].is_null() {
            continue;
        }
        let answer = client.post(&path, &body.to_string());
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
        assert_eq!(answer.json(), *body, "{path}");
        posted.insert(path);
    }
    assert_eq!(posted.len(), 23, "{posted:#?}");

    for (template, item) in paths {
        let Some(path) = filled(template, item) else { continue };
        if item.get("put").is_none() {
            continue;
        }
        let body = &item["put"]["requestBody"]["content"]["application/json"]["example"];
        assert_eq!(client.put(&path, &[], &body.to_string()).status, 200, "{path}");
        // A server that has clients says so beside its spec.
        let mut read = client.get(&path).json();
        read.as_object_mut().unwrap().remove("state");
        assert_eq!(read, *body, "{path}");
        for call in ["instantiate", "terminate", "approve", "status"] {
            if let Some(called) = paths.get(&format!("{template}/{call}")) {
                let (method, status) = if called.get("get").is_some() { ("GET", 200) } else { ("POST", 202) };
                let answer = client.send(method, &format!("{path}/{call}"), &[], "");
                // A set of examples need not be complete.
                assert!(answer.status == status || answer.problem() == "incomplete", "{path}/{call}: {answer:?}");
            }
        }
    }
}

/// What the minimal mesh's group and its server are called.
const GROUP: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod";

#[test]
fn answers_hold_what_is_documented_and_nothing_else() {
    let client = Client::new().with_a_mesh();
    let document = client.get("/openapi.json").json();
    let mut faults = vec![];
    let mut judge = |method: &str, template: &str, answer: &Answer| {
        let schema = Schema::of_answer(&document, method, template, &answer.status.to_string());
        faults.extend(schema.faults(&answer.json(), template));
    };
    let id = client.get("/v2/changes").json()["changes"][0]["id"].as_str().unwrap().to_owned();
    let change = format!("/v2/changes/{id}");
    assert!(client.await_state(&change, "proposed")["reviews"]["given"].as_array().is_some_and(Vec::is_empty));
    judge("post", "/v2/changes/{id}/approve", &client.post(&format!("{change}/approve"), r#"{"comment":"fine"}"#));
    let shown = client.get(&change);
    assert_eq!(shown.json()["reviews"]["given"][0]["comment"], "fine", "{shown:?}");
    judge("get", "/v2/changes/{id}", &shown);
    judge("get", "/v2/changes", &client.get("/v2/changes?limit=1"));
    judge("get", "/v2/changes/{id}/access", &client.get(&format!("{change}/access")));
    let by_file = client.send("GET", &format!("{change}/diff"), &[("accept", "application/json")], "");
    judge("get", "/v2/changes/{id}/diff", &by_file);
    judge("get", "/readyz", &client.get("/readyz"));

    let yaml = [("content-type", "application/yaml")];
    let base = format!("base: {GROUP}/traffic-group-intents/web\n---\n");
    let opened = format!(
        "{base}anchor: inbound-intents\nmetadata: {{name: cart}}\nspec: {{app: cart, appLabel: app=cartservice, \
         serviceName: cartservice, port: 7070, protocol: GRPC, serviceMesh: istio, access: open}}\n"
    );
    let group = format!("/v2/{GROUP}");
    let status = "/v2/projects/{project}/composite-apps/{compositeApp}/{version}/deployment-intent-groups/\
        {deploymentIntentGroup}/status";
    for merged in [false, true] {
        if merged {
            judge("post", "/v2/changes/{id}/merge", &client.post(&format!("{change}/merge"), "{}"));
            while client.get(&change).json()["clusters"].is_null() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            judge("get", "/v2/changes/{id}", &client.get(&change));
        }
        judge("post", "/v2/plan", &client.send("POST", "/v2/plan", &yaml, &opened));
        judge("get", status, &client.get(&format!("{group}/status")));
    }
    judge("post", "/v2/bundles", &client.send("POST", "/v2/bundles", &yaml, &opened));
    judge("post", "/v2/bundles", &client.send("POST", "/v2/bundles", &yaml, &opened));
    judge("get", status, &client.get(&format!("{group}/status")));

    let intent = "/v2/projects/{project}/composite-apps/{compositeApp}/{version}/deployment-intent-groups/\
        {deploymentIntentGroup}/traffic-group-intents/{trafficGroup}/inbound-intents";
    let intents = format!("{group}/traffic-group-intents/web/inbound-intents");
    judge("get", intent, &client.get(&intents));
    judge("get", &format!("{intent}/{{inboundIntent}}"), &client.get(&format!("{intents}/cart")));
    judge("get", &format!("{intent}/{{inboundIntent}}/clients"), &client.get(&format!("{intents}/cart/clients")));
    judge("get", "/v2/cluster-providers", &client.get("/v2/cluster-providers"));
    let access = client.get("/v2/access?to=shop/cartservice&from=shop/frontend");
    assert_eq!(access.json()["answers"][0]["verdict"], "allow", "{access:?}");
    judge("get", "/v2/access", &access);
    let graph = client.get("/v2/graph");
    assert_eq!(graph.json()["calls"][0]["from"], "shop/frontend", "{graph:?}");
    judge("get", "/v2/graph", &graph);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn documented_bundles_are_accepted_twice_and_planned() {
    let client = Client::new();
    let document = client.get("/openapi.json").json();
    let body = &document["paths"]["/v2/bundles"]["post"]["requestBody"]["content"];
    for (kind, content) in body.as_object().unwrap() {
        let text = content["example"].as_str().unwrap();
        let kind = [("content-type", kind.as_str())];
        let plan = client.send("POST", "/v2/plan", &kind, text);
        assert_eq!(plan.status, 200, "{plan:?}");
        assert!(plan.json()["diff"].is_string() && plan.json()["access"].is_array());
        let first = client.send("POST", "/v2/bundles", &kind, text);
        assert!([200, 202].contains(&first.status), "{first:?}");
        let again = client.send("POST", "/v2/bundles", &kind, text);
        assert_eq!(again.status, 200, "posting it again changes nothing: {again:?}");
        assert_eq!(again.json()["documents"][0]["outcome"], "unchanged");
    }
}

#[test]
fn the_servers_own_pages_are_there() {
    let client = Client::new();
    assert_eq!(client.get("/livez").status, 200);
    let ready = client.get("/readyz");
    assert!(ready.json()["parts"].as_array().is_some_and(|parts| !parts.is_empty()), "{ready:?}");
    client.get("/v2/projects");
    let metrics = client.get("/metrics").text;
    let line = "meshwright_http_requests_total{route=\"/v2/projects\",method=\"GET\",status=\"200\"} 1";
    assert!(metrics.lines().any(|have| have == line), "{metrics}");
    let docs = client.get("/docs");
    assert!(docs.header("content-type").starts_with("text/html") && docs.text.contains("/v2/bundles"));
    assert_eq!(client.get("/docs/").text, docs.text);
    assert_eq!(client.get("/").text, docs.text, "it leads there");
    for (query, status, says) in [
        ("", 400, "to must name a service"),
        ("?to=shop", 400, "to must name a service"),
        ("?to=shop/cart&from=web", 400, "from must be"),
        ("?to=shop/cart&port=0x50", 400, "port must be"),
        ("?to=shop/cart&ip=10.0.0", 400, "ip must be"),
        ("?to=shop/cart&verb=GET", 400, "verb"),
        ("?to=shop/cart", 404, "shop/cart"),
        ("?to=Shop/../cart", 400, "to must name a service"),
        ("?to=Shop/cart", 404, "No inbound intent"),
        ("?to=shop/cart&method=get", 400, "write GET"),
        ("?to=shop/cart&cluster=east", 400, "provider/cluster"),
    ] {
        let answer = client.get(&format!("/v2/access{query}"));
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {answer:?}");
    }
    assert_eq!(client.get("/v2/graph?namespace=none").json(), serde_json::json!({"services": [], "calls": []}));
}
