//! Intents: create, read, replace, delete, and every way to be refused.

use serde_json::json;

use crate::client::Client;

const GROUP: &str = "/v2/projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod";

fn server() -> String {
    format!("{GROUP}/traffic-group-intents/web/inbound-intents/cart")
}

#[test]
fn a_resource_lives_through_all_methods() {
    let client = Client::new();
    let body = r#"{"metadata":{"name":"shop","description":"ä"}}"#;
    let created = client.post("/v2/projects", body);
    assert_eq!((created.status, created.text.as_str()), (201, body), "the body comes back as it was sent");
    assert_eq!(created.header("location"), "/v2/projects/shop");
    let change = created.header("meshwright-change");
    assert_eq!(created.header("link"), format!("</v2/changes/{change}>; rel=\"change\""));
    assert!(!created.header("x-request-id").is_empty());

    let read = client.get("/v2/projects/shop");
    assert_eq!((read.status, &read.text, read.header("etag")), (200, &created.text, created.header("etag")));
    let same = client.send("GET", "/v2/projects/shop", &[("if-none-match", read.header("etag"))], "");
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    assert_eq!(client.get("/v2/projects").json(), json!([read.json()]));
    assert_eq!(client.get("/v2/projects/shop?view=live").status, 404, "it is not on main");
    assert_eq!(client.get("/v2/projects?view=live").json(), json!([]));
    let head = client.send("HEAD", "/v2/projects/shop", &[], "");
    assert_eq!((head.status, head.text.as_str()), (200, ""));

    let other = r#"{"metadata":{"name":"shop"}}"#;
    assert_eq!(client.put("/v2/projects/shop", &[], other).status, 200);
    assert_eq!(client.put("/v2/projects/new", &[], r#"{"metadata":{"name":"new"}}"#).status, 201);
    let gone = client.delete("/v2/projects/shop");
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert!(!gone.header("meshwright-change").is_empty());
    assert_eq!(client.get("/v2/projects/shop").problem(), "not-found");
    assert_eq!(client.delete("/v2/projects/shop").status, 404);
}

#[test]
fn what_a_parent_lacks_is_not_found_and_what_has_children_stays() {
    let client = Client::new().with_a_mesh();
    for path in ["/v2/projects/none/logical-clouds", "/v2/projects/none/logical-clouds/x"] {
        let answer = client.get(path);
        assert!(answer.json()["detail"].as_str().unwrap().contains("`projects/none`"), "{answer:?}");
    }
    let body = r#"{"metadata":{"name":"x"}}"#;
    assert_eq!(client.post("/v2/projects/none/logical-clouds", body).status, 404);
    assert_eq!(client.delete("/v2/projects/shop").problem(), "has-children");
    assert_eq!(client.post("/v2/projects", r#"{"metadata":{"name":"shop"}}"#).problem(), "exists");
    for path in ["/v2/nowhere", "/v2/projects/shop/nowhere", "/v2/projects/", "/v2/projects/a%2Fb", "/x"] {
        assert_eq!(client.get(path).problem(), "not-found", "{path}");
    }
    assert_eq!(client.get("/v2/projects/sh%6Fp").status, 200);
}

#[test]
fn bodies_that_cannot_be_accepted_are_refused_with_all_that_is_wrong() {
    let client = Client::new().with_a_mesh();
    let path = format!("{GROUP}/traffic-group-intents/web/inbound-intents");
    let body = json!({"metadata": {"name": "-x"}, "spec": {"port": 0, "protocol": "SCTP"}});
    let answer = client.post(&path, &body.to_string());
    assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid"));
    let errors = answer.json()["errors"].clone();
    let pointers: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/metadata/name", "/spec/port", "/spec/protocol", "/spec/app", "/spec/serviceName"] {
        assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
    }
    let deep = "[".repeat(200_000);
    for (body, status, problem) in [
        ("", 400, "empty-body"),
        ("{", 422, "not-json"),
        (r#"{"metadata":{"name":"a","name":"b"}}"#, 422, "not-json"),
        (&deep, 422, "not-json"),
        ("[]", 400, "invalid"),
    ] {
        let answer = client.post("/v2/projects", body);
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem));
    }
    let misnamed = client.put("/v2/projects/a", &[], r#"{"metadata":{"name":"b"}}"#);
    assert_eq!(misnamed.json()["errors"][0]["pointer"], "/metadata/name");
    let long = format!(r#"{{"metadata":{{"name":"a","description":"{}"}}}}"#, "x".repeat(2 << 20));
    assert_eq!(client.post("/v2/projects", &long).problem(), "too-large");
    assert_eq!(client.send("POST", "/v2/projects", &[("content-type", "text/plain")], "{}").problem(), "media-type");
}

#[test]
fn what_a_caller_sent_is_repeated_in_part_only_and_of_many_faults_the_first() {
    let client = Client::new();
    let long = "x".repeat(20_000);
    let body = format!(r#"{{"metadata":{{"name":"a","{long}":1}}}}"#);
    let bundle = format!("anchor: projects/{long}/y\nmetadata: {{name: a}}\n");
    let short = &long[..4000];
    for (method, path, kind, body) in [
        ("GET", format!("/v2/{short}"), "application/json", ""),
        ("GET", format!("/v2/projects/{short}"), "application/json", ""),
        ("POST", "/v2/projects".to_owned(), "application/json", body.as_str()),
        ("POST", "/v2/bundles".to_owned(), "application/yaml", bundle.as_str()),
    ] {
        let answer = client.send(method, &path, &[("content-type", kind)], body);
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        let excerpt = format!("{}…", "x".repeat(64));
        assert!(answer.text.contains(&excerpt) && answer.text.len() < 2_000, "{}", answer.text);
    }
    let documents = "anchor: projects\nmetadata: {name: -x}\n---\n".repeat(500);
    let answer = client.send("POST", "/v2/bundles", &[("content-type", "application/yaml")], documents).json();
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 101, "{answer}");
    assert!(errors[100]["message"].as_str().unwrap().starts_with("and 400 more"), "{answer}");
}

#[test]
fn a_bundle_that_crowds_one_server_is_refused_soon_and_holds_nobody_up() {
    let client = Client::new().with_a_mesh();
    let base = GROUP.strip_prefix("/v2/").unwrap();
    let base = format!("base: {base}/traffic-group-intents/web");
    let points = (0..3000).map(|n| format!("---\nanchor: inbound-intents/cart/clients/frontend/access-points\nmetadata: {{name: p{n}}}\nspec: {{url: [/{n}]}}\n"));
    let servers = (0..500).map(|n| {
        let spec = format!(
            "{{app: cart, appLabel: app=s, serviceName: s, port: {}, protocol: HTTP, serviceMesh: istio}}",
            n + 1
        );
        format!("---\nanchor: inbound-intents\nmetadata: {{name: s{n}}}\nspec: {spec}\n")
    });
    for (documents, part) in [
        (points.collect::<String>(), "more than 256 access points"),
        (servers.collect(), "more than 64 inbound intents"),
    ] {
        let kind = [("content-type", "application/yaml"), ("idempotency-key", &part[10..12])];
        let answer = client.send("POST", "/v2/bundles", &kind, format!("{base}\n{documents}"));
        assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid"), "{answer:?}");
        assert!(answer.text.contains(part), "{answer:?}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over_or_named() {
    let client = Client::new();
    let created = client.post("/v2/projects", "\u{feff}{\"metadata\":{\"name\":\"a\"}}");
    assert_eq!((created.status, created.text.as_str()), (201, r#"{"metadata":{"name":"a"}}"#));
    let yaml = [("content-type", "application/yaml")];
    let answer = client.send("POST", "/v2/bundles", &yaml, "\u{feff}anchor: projects\nmetadata: {name: b}\n");
    assert_eq!(answer.status, 202, "{answer:?}");
    for (path, kind) in [("/v2/projects", "application/json"), ("/v2/plan", "application/yaml")] {
        let answer = client.send("POST", path, &[("content-type", kind)], b"\xff\xfe{\0}\0");
        assert_eq!((answer.status, answer.problem().as_str()), (422, "not-text"));
        assert!(answer.text.contains("byte order mark"), "{answer:?}");
    }
}

#[test]
fn names_that_differ_by_case_only_are_not_told_apart_everywhere_and_refused() {
    let client = Client::new();
    assert_eq!(client.post("/v2/projects", r#"{"metadata":{"name":"shop"}}"#).status, 201);
    assert_eq!(client.post("/v2/projects", r#"{"metadata":{"name":"Bank"}}"#).status, 201);
    for name in ["Shop", "SHOP", "bank", "BANK"] {
        let body = format!(r#"{{"metadata":{{"name":"{name}"}}}}"#);
        for answer in [client.post("/v2/projects", &body), client.put(&format!("/v2/projects/{name}"), &[], &body)] {
            assert_eq!((answer.status, answer.problem().as_str()), (409, "exists"), "{name}: {answer:?}");
            assert!(answer.text.contains("differs by case only"), "{answer:?}");
        }
    }
    let bundle = "anchor: projects\nmetadata: {name: new}\n---\nanchor: projects\nmetadata: {name: New}\n";
    let answer = client.send("POST", "/v2/bundles", &[("content-type", "application/yaml")], bundle);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(client.put("/v2/projects/Bank", &[], r#"{"metadata":{"name":"Bank"}}"#).status, 200, "it is itself");
    assert_eq!(client.delete("/v2/projects/Bank").status, 204);
    assert_eq!(client.post("/v2/projects", r#"{"metadata":{"name":"bank"}}"#).status, 201);
}

#[test]
fn who_writes_about_a_server_outside_the_mesh_is_told_that_nothing_is_rendered() {
    let client = Client::new().with_a_mesh();
    let servers = format!("{GROUP}/traffic-group-intents/web/inbound-intents");
    let server = |mesh: &str| {
        let spec = json!({"app": "cart", "appLabel": "app=x", "serviceName": "x", "port": 80, "protocol": "HTTP",
            "serviceMesh": mesh});
        json!({"metadata": {"name": "x"}, "spec": spec}).to_string()
    };
    for answer in [client.post(&servers, &server("none")), client.put(&format!("{servers}/x"), &[], &server(""))] {
        let warning = answer.header("warning");
        assert!(warning.starts_with("299 meshwright \"") && warning.contains("nothing is rendered"), "{answer:?}");
    }
    let asking = json!({"app": "cart", "appLabel": "app=c", "serviceName": "c", "namespaces": [], "cidrs": []});
    let asking = json!({"metadata": {"name": "c"}, "spec": asking}).to_string();
    let answer = client.post(&format!("{servers}/x/clients"), &asking);
    assert!(answer.header("warning").contains("serviceMesh: istio"), "{answer:?}");
    assert_eq!(client.put(&format!("{servers}/x"), &[], &server("istio")).header("warning"), "");
}

#[test]
fn a_number_that_is_no_port_is_refused_at_its_place_in_either_form() {
    let client = Client::new().with_a_mesh();
    let servers = format!("{GROUP}/traffic-group-intents/web/inbound-intents");
    let base = format!("base: {}/traffic-group-intents/web", GROUP.strip_prefix("/v2/").unwrap());
    let yaml = [("content-type", "application/yaml")];
    for (port, good) in [
        ("8080", true),
        ("\"8080\"", true),
        ("8080.0", false),
        ("1e3", false),
        ("-1", false),
        ("70000", false),
        ("18446744073709551616", false),
        ("1e400", false),
        ("-1e400", false),
        ("\"+8080\"", false),
    ] {
        let spec = format!(
            r#"{{"app": "cart", "appLabel": "app=x", "serviceName": "x", "port": {port}, "protocol": "HTTP", "serviceMesh": "istio"}}"#
        );
        let documents = format!("{base}\n---\nanchor: inbound-intents\nmetadata: {{name: x}}\nspec: {spec}\n");
        let plan = client.send("POST", "/v2/plan", &yaml, documents);
        let put =
            client.put(&format!("{servers}/x"), &[], &format!(r#"{{"metadata": {{"name": "x"}}, "spec": {spec}}}"#));
        if good {
            assert!(plan.status == 200 && put.status < 300, "{port}: {plan:?} {put:?}");
            continue;
        }
        for (answer, pointer) in [(plan, "/1/spec/port"), (put, "/spec/port")] {
            assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid"), "{port}: {answer:?}");
            // What YAML itself cannot read has a line and a column instead.
            let placed =
                answer.json()["errors"][0]["pointer"] == pointer || answer.text.contains("/1 line 5, column 72");
            assert!(placed, "{port}: {answer:?}");
        }
    }
}

#[test]
fn what_a_write_cannot_bring_about_is_told_where_it_is_written() {
    let client = Client::new().with_a_mesh();
    let placement = |cluster: &str| {
        let term = json!([{"clusterProvider": "gke", "cluster": cluster}]);
        json!({"metadata": {"name": "cart"}, "spec": {"app": "cart", "intent": {"allOf": term}}}).to_string()
    };
    let cart = format!("{GROUP}/generic-placement-intents/placement/app-intents/cart");
    let answer = client.put(&cart, &[], &placement("west"));
    let words =
        "app `cart` is placed on gke/west, which is not registered yet; mend the placement, or post the cluster";
    assert!(answer.header("warning").contains(words), "{answer:?}");
    assert_eq!(client.put(&cart, &[], &placement("east")).header("warning"), "");

    let spec = json!({"app": "frontend", "appLabel": "app=f", "serviceName": "f", "namespaces": [], "cidrs": []});
    let asking = json!({"metadata": {"name": "f"}, "spec": spec}).to_string();
    let answer = client.post(&format!("{}/clients", server()), &asking);
    let words = "every identity of namespace `shop` may call `cartservice` as client `f`";
    assert!(answer.header("warning").contains(words), "{answer:?}");

    let gone = client.delete("/v2/cluster-providers/gke/clusters/east");
    assert_eq!(gone.status, 204, "{gone:?}");
    let words = format!("app `cart` of {} and 1 more is placed on cluster-providers/gke/clusters/east", &GROUP[4..]);
    assert!(gone.header("warning").contains(&words), "{gone:?}");
    client.post("/v2/cluster-providers/gke/clusters", r#"{"metadata": {"name": "west"}}"#);
    assert_eq!(client.delete("/v2/cluster-providers/gke/clusters/west").header("warning"), "");

    let terminated = client.post(&format!("{GROUP}/terminate"), "");
    assert_eq!((terminated.status, &terminated.json()["warnings"]), (202, &json!([])), "{terminated:?}");
    let group = r#"{"metadata": {"name": "other"}}"#;
    for (path, warned) in [(format!("{GROUP}/traffic-group-intents"), true), ("/v2/projects".to_owned(), false)] {
        let answer = client.post(&path, group);
        assert_eq!(answer.header("warning").contains("nothing is rendered until instantiate"), warned, "{answer:?}");
    }
}

#[test]
fn who_allows_everything_or_names_an_app_that_is_not_there_yet_is_told_so() {
    let client = Client::new().with_a_mesh();
    let points = format!("{}/clients/frontend/access-points", server());
    let point = |spec: &str| format!(r#"{{"metadata": {{"name": "p"}}, "spec": {spec}}}"#);
    for (spec, warned) in [
        ("{}", true),
        (r#"{"action": "ALLOW", "url": [], "access": []}"#, true),
        (r#"{"action": "DENY"}"#, false),
        (r#"{"ports": [8080]}"#, false),
        (r#"{"access": ["GET"]}"#, false),
    ] {
        let answer = client.put(&format!("{points}/p"), &[], &point(spec));
        assert!([200, 201].contains(&answer.status), "{spec}: {answer:?}");
        let warning = answer.header("warning");
        assert_eq!(
            warning.contains("access-points/p names no url, access, hosts or ports"),
            warned,
            "{spec}: {answer:?}"
        );
        assert_eq!(warning.is_empty(), !warned, "{spec}: {answer:?}");
    }
    // The first answer is given again, with all that it told.
    let keyed = || client.put(&format!("{points}/p"), &[("idempotency-key", "again")], &point("{}"));
    let (first, again) = (keyed(), keyed());
    assert!(!first.header("warning").is_empty() && first.header("warning") == again.header("warning"), "{again:?}");

    let servers = format!("{GROUP}/traffic-group-intents/web/inbound-intents");
    let x = json!({"app": "nope", "appLabel": "app=x", "serviceName": "x", "port": 80, "protocol": "HTTP",
        "serviceMesh": "istio"});
    let asking = |more: &str| {
        let mut spec = json!({"app": "nope", "appLabel": "app=x", "serviceName": "x", "namespaces": [], "cidrs": []});
        if !more.is_empty() {
            spec["placedIn"] = more.into();
        }
        json!({"metadata": {"name": "x"}, "spec": spec}).to_string()
    };
    let here =
        "projects/shop/composite-apps/boutique/v1 has no app `nope` yet; post an app named `nope` to it, or mend";
    for (path, body, words) in [
        (servers.clone(), json!({"metadata": {"name": "x"}, "spec": x}).to_string(), here),
        (format!("{}/clients", server()), asking(""), here),
        (format!("{servers}/x/clients"), asking("other/a/v1/d"), "are not known yet; create it, or mend placedIn"),
    ] {
        let answer = client.post(&path, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.header("warning").contains(words), "{answer:?}");
    }
    let app = r#"{"metadata": {"name": "nope"}}"#;
    assert_eq!(client.post("/v2/projects/shop/composite-apps/boutique/v1/apps", app).status, 201);
    let body = json!({"metadata": {"name": "x", "description": "again"}, "spec": x}).to_string();
    assert_eq!(client.put(&format!("{servers}/x"), &[], &body).header("warning"), "");
}

#[test]
fn a_private_key_is_never_repeated() {
    let client = Client::new();
    let key = format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----", "MIIB".repeat(20));
    let body = format!(r#"{{"metadata":{{"name":"a","description":"{key}"}}}}"#);
    let multipart = format!(
        "--b\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{body}\r\n--b\r\ncontent-disposition: \
         form-data; name=\"file\"; filename=\"kubeconfig\"\r\n\r\nkey\r\n--b--\r\n"
    );
    let bundle = format!("anchor: projects\nmetadata: {{name: a, description: \"{key}\"}}\n");
    client.post("/v2/cluster-providers", r#"{"metadata":{"name":"gke"}}"#);
    for (path, kind, body) in [
        ("/v2/projects", "application/json", &body),
        ("/v2/cluster-providers/gke/clusters", "multipart/form-data; boundary=b", &multipart),
        ("/v2/bundles", "application/yaml", &bundle),
        ("/v2/plan", "application/yaml", &bundle),
    ] {
        let answer = client.send("POST", path, &[("content-type", kind)], body);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(!answer.text.contains("MIIB") && answer.text.contains("credentialName"), "{path}: {answer:?}");
    }
}

#[test]
fn a_cluster_comes_with_a_file_that_is_dropped() {
    let client = Client::new();
    client.post("/v2/cluster-providers", r#"{"metadata":{"name":"gke"}}"#);
    let body = "--b\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{\"metadata\":{\"name\":\"east\"}}\r\n\
        --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"kubeconfig\"\r\n\r\napiVersion: v1\r\n--b--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    let answer = client.send("POST", "/v2/cluster-providers/gke/clusters", &kind, body);
    assert_eq!((answer.status, answer.text.as_str()), (201, r#"{"metadata":{"name":"east"}}"#));
    assert!(answer.header("warning").contains("the file was read and dropped; it is never stored"), "{answer:?}");
    let without = format!("{}--b--\r\n", body.split_at(body.rfind("--b\r\n").unwrap()).0);
    let answer = client.send("PUT", "/v2/cluster-providers/gke/clusters/east", &kind, without);
    assert_eq!((answer.status, answer.header("warning")), (200, ""), "{answer:?}");
    assert_eq!(client.send("POST", "/v2/projects", &kind, body).status, 415);
}

#[test]
fn preconditions_and_keys_guard_writes() {
    let client = Client::new();
    let body = r#"{"metadata":{"name":"a"}}"#;
    let absent = [("if-none-match", "*")];
    assert_eq!(client.put("/v2/projects/a", &absent, body).status, 201);
    let there = client.put("/v2/projects/a", &absent, body);
    assert_eq!((there.status, there.problem().as_str()), (412, "precondition"));
    assert!(there.text.contains("exists already") && !there.text.contains("read it again"), "{there:?}");
    let tag = client.get("/v2/projects/a").header("etag").to_owned();
    let new = r#"{"metadata":{"name":"a","description":"b"}}"#;
    let refused = client.put("/v2/projects/a", &[("if-match", "\"0\"")], new);
    assert_eq!((refused.status, refused.header("etag")), (412, &*tag), "{refused:?}");
    let refused = client.send("DELETE", "/v2/projects/a", &[("if-match", "\"0\"")], "");
    assert_eq!((refused.status, refused.header("etag")), (412, &*tag), "{refused:?}");
    let refused = client.put("/v2/projects/b", &[("if-match", "*")], r#"{"metadata":{"name":"b"}}"#);
    assert_eq!((refused.status, refused.header("etag")), (412, ""), "{refused:?}");
    assert_eq!(client.put("/v2/projects/a", &[("if-match", &tag)], new).status, 200);
    assert_eq!(client.put("/v2/projects/a", &[("if-match", &tag)], new).status, 412);
    assert_eq!(client.put("/v2/projects/a", &[("if-match", "x")], new).status, 400);

    let key = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let other = r#"{"metadata":{"name":"c"}}"#;
    let first = client.send("POST", "/v2/projects", &key, other);
    let again = client.send("POST", "/v2/projects", &key, other);
    assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
    assert_eq!(first.header("meshwright-change"), again.header("meshwright-change"));
    assert_eq!(client.send("POST", "/v2/projects", &key, body).problem(), "key-reused");
}

#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let client = Client::new().with_a_mesh();
    for (method, path, allow) in [
        ("PUT", "/v2/projects", "GET, HEAD, POST"),
        ("POST", "/v2/projects/shop", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/bundles", "POST"),
        ("POST", "/v2/changes", "GET,HEAD"),
        ("GET", &format!("{GROUP}/approve"), "POST"),
    ] {
        let answer = client.send(method, path, &[], "");
        assert_eq!(
            (answer.problem().as_str(), answer.header("allow")),
            ("method-not-allowed", allow),
            "{method} {path}"
        );
    }
}

#[test]
fn a_server_is_closed_by_its_first_client_and_says_so() {
    let client = Client::new().with_a_mesh();
    assert_eq!(client.get(&server()).json()["state"], json!({"access": "closed"}));
    let clients = client.get(&format!("{}/clients", server())).json();
    assert_eq!(clients[0]["metadata"]["name"], "frontend");
}

#[test]
fn a_group_is_called_as_a_whole() {
    let client = Client::new().with_a_mesh();
    for call in ["approve", "instantiate", "terminate"] {
        let answer = client.send("POST", &format!("{GROUP}/{call}"), &[], "");
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    for call in ["instantiate", "terminate"] {
        assert_eq!(client.send("POST", &format!("/v2/projects/shop/logical-clouds/shop/{call}"), &[], "").status, 202);
        assert_eq!(client.send("POST", &format!("/v2/projects/shop/logical-clouds/x/{call}"), &[], "").status, 404);
    }
    let status = client.get(&format!("{GROUP}/status?output=all")).json();
    assert_eq!(status["deploymentIntentGroup"], GROUP.strip_prefix("/v2/").unwrap());
    assert!(status["intents"].as_array().unwrap().len() >= 7, "{status}");
    assert_eq!(client.get(&format!("{}/status", GROUP.replace("prod", "none"))).status, 404);
}
