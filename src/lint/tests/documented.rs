//! `docs/lint.md` shows the table of rules; `MESHWRIGHT_BLESS=1` writes it anew.

use std::fs;
use std::path::Path;

use crate::finding::Severity;
use crate::lint::{Rule, rules};

const BEGIN: &str = "<!-- The table of src/lint/rules.rs: MESHWRIGHT_BLESS=1 cargo test writes it. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// The groups of rules, by how their ids begin and up to which number.
const GROUPS: [(&str, &str, &str); 12] = [
    ("Every kind", "istio/001", "istio/009"),
    ("Gateway", "istio/010", "istio/025"),
    ("ServiceEntry", "istio/026", "istio/041"),
    ("WorkloadEntry and WorkloadGroup", "istio/042", "istio/043"),
    ("VirtualService", "istio/044", "istio/063"),
    ("DestinationRule", "istio/065", "istio/073"),
    ("Sidecar", "istio/074", "istio/075"),
    ("AuthorizationPolicy", "istio/076", "istio/084"),
    ("PeerAuthentication and RequestAuthentication", "istio/085", "istio/086"),
    ("By the codes of istioctl analyze", "istio/IST0000", "istio/IST9999"),
    ("DNSEndpoint", "dns/", "dns/~"),
    ("Files", "lint/", "lint/~"),
];

fn row(rule: &Rule) -> String {
    let name = |severity: &Severity| match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let severities: Vec<_> = rule.severities.iter().map(name).collect();
    let codes: Vec<_> = rule.severities.iter().filter_map(|severity| rule.code(*severity)).collect();
    let mut codes = codes;
    codes.dedup();
    let title = rule.title.replace('|', "\\|").replace('*', "\\*");
    format!("| `{}` | {title} | {} | {} | {} |\n", rule.id, severities.join(", "), codes.join(", "), rule.source)
}

fn table() -> String {
    let mut text = String::new();
    for (title, from, to) in GROUPS {
        let rules: Vec<_> = rules().iter().filter(|rule| (from..=to).contains(&rule.id)).collect();
        if !rules.is_empty() {
            text += &format!(
                "\n### {title}\n\n| rule | what it asks for | severity | Istio's code | source |\n|---|---|---|---|---|\n"
            );
            text.extend(rules.into_iter().map(row));
        }
    }
    text + "\n"
}

#[test]
fn the_page_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let (shown, after) = rest.split_once(END).expect("the page says where the table ends");
    let table = table();
    assert!(rules().iter().all(|rule| table.contains(&format!("| `{}` |", rule.id))), "a rule is in no group");
    if std::env::var_os("MESHWRIGHT_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "{}: MESHWRIGHT_BLESS=1 cargo test writes it", path.display());
    }
}
