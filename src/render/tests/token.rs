//! Conditions on JSON web tokens.

use serde_json::json;

use super::*;

fn token(more: Value) -> Value {
    json!({ "jwt": with(json!({"issuer": "https://id.example/realm"}), more) })
}

#[test]
fn each_token_has_a_rule_of_its_own() {
    let documents = [
        server("cart", json!({})),
        client("cart", "web", json!({})),
        access_point(
            "cart",
            "web",
            "read",
            with(token(json!({"subjects": ["alice", "bob"]})), json!({"access": ["GET"]})),
        ),
        access_point("cart", "web", "write", with(token(json!({"audiences": ["cart"]})), json!({"access": ["PUT"]}))),
        access_point("cart", "web", "probe", json!({"url": ["/healthz"]})),
    ];
    let rendered = rendered(&documents);
    let principals = json!(["cluster.local/ns/shop/sa/web"]);
    let plain = json!({"source": {"principals": principals}});
    let of = |tokens: Value| json!({"source": {"principals": principals, "requestPrincipals": tokens}});
    assert_eq!(
        rules(&rendered, "allow"),
        json!([
            {"from": [plain], "to": [{"operation": {"paths": ["/healthz"], "ports": ["8080"]}}]},
            {
                "from": [of(json!(["https://id.example/realm/alice", "https://id.example/realm/bob"]))],
                "to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}],
            },
            {
                "from": [of(json!(["https://id.example/realm/*"]))],
                "to": [{"operation": {"methods": ["PUT"], "ports": ["8080"]}}],
                "when": [{"key": "request.auth.audiences", "values": ["cart"]}],
            },
        ])
    );
    assert_eq!(
        spec(&rendered, "requestauthentication-cart-jwt.yaml"),
        json!({"selector": {"matchLabels": {"app": "cart"}}, "jwtRules": [{"issuer": "https://id.example/realm"}]})
    );
}

#[test]
fn outside_callers_need_the_same_token() {
    let documents = [
        server("cart", json!({"externalSupport": true, "externalName": "cart.example.com"})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "all", token(json!({"jwksUri": "https://id.example/keys"}))),
    ];
    let rendered = rendered(&documents);
    let rules = rules(&rendered, "allow");
    let tokens: Vec<&Value> =
        rules.as_array().unwrap().iter().map(|rule| &rule["from"][0]["source"]["requestPrincipals"]).collect();
    assert_eq!(tokens, [&json!(["https://id.example/realm/*"]); 2]);
    let rule = json!([{"issuer": "https://id.example/realm", "jwksUri": "https://id.example/keys"}]);
    assert_eq!(spec(&rendered, "requestauthentication-cart-jwt.yaml")["jwtRules"], rule);
}

#[test]
fn tokens_are_not_verified_where_policies_are_only_watched() {
    let documents = [
        server("cart", json!({"enforcement": "observe"})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "all", token(json!({}))),
    ];
    let rendered = rendered(&documents);
    assert!(paths(&rendered).iter().all(|path| !path.contains("requestauthentication")));
    assert!(said(&rendered, Severity::Note).contains(&"access/observed-token"));
}

#[test]
fn older_names_say_the_same() {
    let older = json!({"externalAuthenticationIssuer": "https://id.example/realm", "userAccess": ["alice"],
        "externalAuthenticationJwksUri": "https://id.example/keys"});
    let newer = token(json!({"subjects": ["alice"], "jwksUri": "https://id.example/keys"}));
    let of = |spec: Value| {
        let documents =
            [server("cart", json!({})), client("cart", "web", json!({})), access_point("cart", "web", "a", spec)];
        rendered(&documents).manifests
    };
    assert_eq!(of(older), of(newer));
}
