//! Who may call what in the whole mesh, and what one changed intent does to it, with sizes growing tenfold; the yardsticks
//! are hashing the policies, and reading one request.

use std::hint::black_box;

use meshwright::access::{Destination, Matrix, Mesh, Policies, Request};
use meshwright::intent::Settings;
use meshwright::istio::{self, Resource, Spec};
use meshwright::render::{Outside, Scope, render};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::plan::Plan;
use crate::report::{best, ratio, target};
use crate::{Outcome, Setting};

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    println!(
        "shortest of 5; five policies for each service, one of them rendered; yardsticks: SHA-256 of the policies on one"
    );
    println!("core for reading rules and for the matrix, reading the request for the decision");
    println!(
        "{:>9} {:>9} {:>9} {:>10} {:>10} {:>10} {:>6} {:>11} {:>11} {:>11} {:>6}",
        "services",
        "policies",
        "entries",
        "rules",
        "matrix",
        "sha256",
        "ratio",
        "difference",
        "decision",
        "request",
        "ratio"
    );
    let sizes: &[usize] = if setting.quick { &[100, 1_000] } else { &[100, 1_000, 10_000] };
    for services in sizes {
        one_size(*services)?;
    }
    Ok(())
}

fn one_size(services: usize) -> Outcome {
    let plan = Plan::of(services);
    let tree = plan.tree()?;
    let rendered = render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None);
    let (mut policies, mut workloads, mut bytes) = (vec![], vec![], 0);
    for manifest in rendered.manifests.values() {
        for resource in read(&manifest.text)? {
            let Spec::AuthorizationPolicy(policy) = &resource.spec else { continue };
            let Some(labels) = policy.selector.as_ref().map(|selector| selector.match_labels.clone()) else { continue };
            let Some(app) = labels.get("app") else { continue };
            let (own, more) = (manifest.text.len(), beside(&resource.metadata.namespace, app));
            bytes += own + more.len();
            let namespace = resource.metadata.namespace.clone();
            workloads.push(Destination { namespace, labels, port: Some(8080), ..Destination::default() });
            policies.push(resource);
            policies.extend(read(&more)?);
        }
    }
    let text = vec![b'a'; bytes];
    let (hashed, _) = best(5, || black_box(Sha256::digest(&text)));
    let (rules, matrix) = best(5, || Matrix::new(Mesh::default(), &policies, workloads.clone()));
    let (whole, access) = best(5, || matrix.whole());
    let entries: usize = access.iter().map(|access| access.grants.len()).sum();
    // One caller of one service more: its policy in another form.
    let taken = policies.first().cloned().into_iter().collect::<Vec<Resource>>();
    let put: Vec<Resource> = read(&istio::to_yaml(&taken[0]).replace("/health", "/health/*"))?;
    let (difference, found) = best(20, || matrix.difference(&taken, &put));
    if found.len() != 1 {
        return Err(format!("{} workloads differ", found.len()).into());
    }
    let deciding = Policies::new(Mesh::default(), &policies);
    let to = &workloads[workloads.len() / 2];
    let line = json!({
        "from": {"principal": format!("cluster.local/ns/{}/sa/app-0", to.namespace), "ip": "10.1.2.3"},
        "to": {"namespace": to.namespace, "labels": to.labels, "port": 8080, "protocol": "http"},
        "method": "GET", "path": "/items/1", "host": "service-0:80",
    })
    .to_string();
    let (reading, request) = best(1000, || serde_json::from_str::<Request>(&line));
    let request = request?;
    let (decision, _) = best(1000, || deciding.decide(&request));
    println!(
        "{services:>9} {:>9} {entries:>9} {rules:>10.1?} {whole:>10.1?} {hashed:>10.1?} {:>6.1} {difference:>11.1?} \
         {decision:>11.1?} {reading:>11.1?} {:>6.1}",
        policies.len(),
        ratio(rules + whole, hashed),
        ratio(decision, reading),
    );
    target("rules and matrix within a second", (rules + whole).as_secs_f64() <= 1.0);
    target("the difference of one intent within 5 ms", difference.as_secs_f64() <= 0.005);
    Ok(())
}

/// What people write by hand beside the policy of a service.
fn beside(namespace: &str, app: &str) -> String {
    let policy = |name: &str, spec: &str| {
        format!(
            "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}-{app}, namespace: {namespace}}}
spec: {{selector: {{matchLabels: {{app: {app}}}}}, {spec}}}
---
"
        )
    };
    let scraped = "rules: [{from: [{source: {namespaces: [monitoring]}}], to: [{operation: {paths: [/metrics]}}]}]";
    let reviews = "rules: [{from: [{source: {principals: [cluster.local/ns/web/sa/front]}}], \
                   to: [{operation: {methods: [GET], paths: ['/items/{*}/reviews', '/items/{*}/offers/{**}']}}]}]";
    let admin = "action: DENY, rules: [{from: [{source: {notNamespaces: [admin]}}], \
                 to: [{operation: {paths: ['/admin*', '*/internal']}}]}]";
    let plain = "action: DENY, rules: [{from: [{source: {notPrincipals: ['*']}}]}]";
    [("scraped", scraped), ("reviews", reviews), ("admin", admin), ("plain", plain)]
        .map(|(name, spec)| policy(name, spec))
        .concat()
}

fn read(text: &str) -> Outcome<Vec<Resource>> {
    let read = istio::read(text).into_iter().map(|parsed| parsed.map(|parsed| parsed.resource));
    read.collect::<Result<_, _>>().map_err(|error| format!("{error:?}").into())
}
