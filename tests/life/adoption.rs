//! Taking over what is open when the journal is lost.

use meshwright::change::State;
use meshwright::intent::Anchor;

use crate::desk::{PATIENT, open_with, stop};
use crate::{TG, lose_journal};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_only_client_came_and_went_stays_closed_when_its_change_is_taken_over() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let server = |name: &str| format!("{TG}/inbound-intents/{name}");
    let body = |name: &str| {
        format!(
            r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"app": "cart", "appLabel": "app={name}", "serviceName": "{name}", "port": 80, "protocol": "HTTP", "serviceMesh": "istio"}}}}"#
        )
    };
    // One that is on main, and one that is new.
    let old = house.put(&server("old"), &body("old")).await.unwrap().change.unwrap();
    house.pass_time();
    house.until(&old, State::Proposed).await;
    house.approve(&old).await;
    house.merge(&old).await.unwrap();
    let id = house.put(&server("new"), &body("new")).await.unwrap().change.unwrap();
    for name in ["old", "new"] {
        let client = format!("{}/clients/frontend", server(name));
        let body = r#"{"metadata": {"name": "frontend"}, "spec": {"app": "frontend", "appLabel": "app=frontend", "serviceName": "frontend", "namespaces": [], "cidrs": [], "serviceAccounts": ["shop/frontend"]}}"#;
        assert_eq!(house.put(&client, body).await.unwrap().change.as_ref(), Some(&id));
        house.delete(&client).await.unwrap();
    }
    house.pass_time();
    let before = house.until(&id, State::Proposed).await;
    stop(house).await;
    lose_journal(data.path());
    let house = open_with(data.path(), PATIENT).await;
    let after = house.until(&id, State::Proposed).await;
    assert_eq!((after.head, &after.digest), (before.head, &before.digest), "nothing had to be pushed");
    let view = house.desk().view();
    for name in ["old", "new"] {
        assert!(view.proposed.get(&Anchor::parse(&server(name)).unwrap()).unwrap().state.closed, "{name}");
    }
}
