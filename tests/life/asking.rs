//! Whether somebody may call a service, asked of a server.

use meshwright::access::{CallingAs, Request, Verdict};
use meshwright::change::submission::Cause;
use meshwright::query;
use meshwright::review::{Answer, Question};

use crate::desk::{House, cause, open};

const BY_HAND: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-delete, namespace: shop}
spec:
  selector: {matchLabels: {app: cartservice}}
  action: DENY
  rules:
    - to: [{operation: {methods: [DELETE]}}]
";

fn question(from: &str, method: &str) -> Question {
    Question {
        namespace: "shop".into(),
        service: "cartservice".into(),
        from: CallingAs::parse(from).unwrap_or_default(),
        request: Request { method: Some(method.into()), ..Request::default() },
        ..Question::default()
    }
}

impl House {
    /// The one answer there is.
    fn answer(&self, question: &Question) -> Answer {
        let [answer] = <[Answer; 1]>::try_from(self.desk().may(question).unwrap()).unwrap();
        answer
    }

    fn verdict(&self, from: &str, method: &str) -> (Verdict, Option<String>) {
        let decision = self.answer(&question(from, method)).decision;
        (decision.verdict, decision.policy)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_is_answered_by_what_is_on_main_and_what_people_wrote_beside_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    assert_eq!(cause(house.desk().may(&question("shop/frontend", "GET"))), Cause::NotFound);
    let house = house.with_minimal_mesh().await;
    let ours = || (Verdict::Allow, Some("shop/cartservice-allow".to_owned()));
    assert_eq!(house.verdict("shop/frontend", "DELETE"), ours());
    assert_eq!(house.verdict("cluster.local/ns/shop/sa/frontend", "DELETE"), ours());
    for other in ["shop/batch", "other.domain/ns/shop/sa/frontend", ""] {
        assert_eq!(house.verdict(other, "GET"), (Verdict::Deny, None), "{other}");
    }
    let answer = house.answer(&question("shop/frontend", "GET"));
    assert_eq!((answer.cluster.as_str(), answer.workload.as_str(), answer.port), ("gke/east", "app=cartservice", 7070));

    house.push_to_main(&[("clusters/gke/east/shop/no-delete.yaml", BY_HAND)], &[]);
    house.until_main(|base| base.strays.len() == 1).await;
    assert_eq!(house.verdict("shop/frontend", "DELETE"), (Verdict::Deny, Some("shop/no-delete".to_owned())));
    assert_eq!(house.verdict("shop/frontend", "GET"), ours());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_not_found() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let right = question("shop/frontend", "GET");
    assert_eq!(
        house.answer(&Question { port: Some(7070), cluster: Some("gke/east".into()), ..right.clone() }).port,
        7070
    );
    for wrong in [
        Question { port: Some(80), ..right.clone() },
        Question { cluster: Some("gke/west".into()), ..right.clone() },
        Question { service: "frontend".into(), ..right.clone() },
        Question { namespace: "Shop!".into(), ..right },
    ] {
        assert_eq!(cause(house.desk().may(&wrong)), Cause::NotFound, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_is_named_for_is_open_to_all() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let graph = query::graph(&house.desk().view(), None);
    assert!(graph.services[0].closed, "{graph:?}");
    let server = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/inbound-intents/cart";
    let open = r#"{"metadata": {"name": "cart"}, "spec": {"app": "cart", "appLabel": "app=cartservice", "serviceName": "cartservice", "port": 7070, "protocol": "GRPC", "serviceMesh": "istio", "access": "open"}}"#;
    house.delete(&format!("{server}/clients/frontend")).await.unwrap();
    let id = house.put(server, open).await.unwrap().change.unwrap();
    house.until(&id, meshwright::change::State::Proposed).await;
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
    assert_eq!(house.verdict("", "GET"), (Verdict::Allow, None));
    let graph = query::graph(&house.desk().view(), Some("shop"));
    assert_eq!((graph.services.len(), graph.services[0].closed, graph.calls.len()), (1, false, 0), "{graph:?}");
    assert_eq!(query::graph(&house.desk().view(), Some("other")).services.len(), 0);
}
