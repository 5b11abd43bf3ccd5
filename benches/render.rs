//! Rendering everything, with sizes growing tenfold; the yardstick is hashing the bytes that come out.
//!
//! `cargo bench --bench render`

#![expect(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, for people to read")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use meshwright::intent::{Anchor, Bundle, Resource, Settings, Tree};
use meshwright::render::{Scope, render};
use sha2::{Digest, Sha256};

const GROUP: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod";

/// Two clusters; every service on one is called from its own cluster and from the other, which takes four manifests.
fn mesh(services: usize) -> Tree {
    let app = "projects/shop/composite-apps/boutique/v1";
    let mut text = format!(
        "base: {GROUP}
---
{{anchor: cluster-providers, metadata: {{name: gke}}}}
---
{{anchor: projects, metadata: {{name: shop}}}}
---
{{anchor: projects/shop/logical-clouds, metadata: {{name: lc}}, spec: {{namespace: shop}}}}
---
{{anchor: projects/shop/composite-apps, metadata: {{name: boutique}}, spec: {{compositeAppVersion: v1}}}}
---
{{anchor: {app}/deployment-intent-groups, metadata: {{name: prod}}, spec: {{logicalCloud: lc}}}}
"
    );
    for (n, cluster) in ["east", "west"].into_iter().enumerate() {
        let anchor = "cluster-providers/gke/clusters";
        write!(
            text,
            "---
{{anchor: {anchor}, metadata: {{name: {cluster}}}, spec: {{dnsProxy: true}}}}
---
anchor: {anchor}/{cluster}/kv-pairs
metadata: {{name: istio}}
spec: {{kv: [{{istioIngressGatewayAddress: 192.0.2.{n}}}, {{istioIngressGatewayPort: 15443}}]}}
"
        )
        .unwrap();
    }
    let mut resources = read(&text);
    for n in 0..services {
        let mut text = format!("base: {GROUP}\n");
        let [here, there] = if n % 2 == 0 { ["east", "west"] } else { ["west", "east"] };
        for (name, cluster) in [(format!("app-{n}"), here), (format!("far-{n}"), there)] {
            write!(
                text,
                "---
{{anchor: {app}/apps, metadata: {{name: {name}}}}}
---
anchor: generic-placement-intents/placement/app-intents
metadata: {{name: {name}}}
spec: {{app: {name}, intent: {{allOf: [{{clusterProvider: gke, cluster: {cluster}}}]}}}}
"
            )
            .unwrap();
        }
        server(&mut text, n);
        resources.extend(read(&text));
    }
    resources.into_iter().collect()
}

fn read(text: &str) -> Vec<Resource> {
    let bundle = Bundle::read(text).unwrap_or_else(|rejected| panic!("{}", rejected[0]));
    bundle.documents.into_iter().map(|posted| posted.resource).collect()
}

fn server(text: &mut String, n: usize) {
    let inbound = "traffic-group-intents/web/inbound-intents";
    write!(
        text,
        "---
anchor: {inbound}
metadata: {{name: service-{n}}}
spec: {{app: app-{n}, appLabel: app=service-{n}, serviceName: service-{n}, port: 80, targetPort: 8080, protocol: HTTP,
  serviceMesh: istio, serviceAccount: service-{n}}}
"
    )
    .unwrap();
    for client in ["app", "far"] {
        write!(
            text,
            "---
anchor: {inbound}/service-{n}/clients
metadata: {{name: {client}}}
spec: {{app: {client}-{n}, appLabel: app={client}-{n}, serviceName: {client}-{n}, namespaces: [], cidrs: [],
  serviceAccounts: [shop/{client}-{n}]}}
---
anchor: {inbound}/service-{n}/clients/{client}/access-points
metadata: {{name: read}}
spec: {{url: [\"/items/*\", \"/health\"], access: [GET, HEAD]}}
"
        )
        .unwrap();
    }
}

/// The shortest of several runs.
fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut timed = (0..runs).map(|_| {
        let start = Instant::now();
        let result = work();
        (start.elapsed(), result)
    });
    let first = timed.next().unwrap();
    timed.fold(first, |best, next| if next.0 < best.0 { next } else { best })
}

fn main() {
    let settings = Settings::default();
    println!(
        "{:>9} {:>10} {:>8} {:>10} {:>12} {:>8} {:>10} {:>7}",
        "services", "manifests", "MB", "render", "per file", "MB/s", "sha256", "ratio"
    );
    for services in [100, 1_000, 10_000] {
        let tree = mesh(services);
        let (took, rendered) = best(3, || render(&tree, &settings, &Scope::everything(&tree)));
        let errors = rendered.findings.iter().filter(|f| f.severity == meshwright::finding::Severity::Error).count();
        assert_eq!(errors, 0, "{:?}", rendered.findings.first());
        let bytes: usize = rendered.manifests.values().map(|manifest| manifest.text.len()).sum();
        let (hashed, _) = best(3, || {
            for manifest in rendered.manifests.values() {
                black_box(Sha256::digest(&manifest.text));
            }
        });
        let mb = bytes as f64 / 1e6;
        let files = rendered.manifests.len();
        println!(
            "{services:>9} {files:>10} {mb:>8.1} {took:>10.1?} {:>12.1?} {:>8.0} {hashed:>10.1?} {:>7.1}",
            took / u32::try_from(files).unwrap(),
            mb / took.as_secs_f64(),
            took.as_secs_f64() / hashed.as_secs_f64(),
        );
        one(&tree, &settings);
    }
}

/// One client of one service changed: found by index, whatever the size of the rest.
fn one(tree: &Tree, settings: &Settings) {
    let changed =
        Anchor::parse(&format!("{GROUP}/traffic-group-intents/web/inbound-intents/service-7/clients/far")).unwrap();
    let (took, rendered) = best(20, || {
        let scope = Scope::concerned(tree, tree, std::slice::from_ref(&changed));
        render(tree, settings, &scope)
    });
    println!("{:>9} {:>10} {:>8} {took:>10.1?}", "one", rendered.manifests.len(), "");
}
