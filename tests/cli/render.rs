//! What `render --repo --write` writes and refuses to write.

use std::fs;

use crate::checkout::Checkout;
use crate::{MESH, meshwright, write};

const POLICY: &str = "clusters/gke/east/shop/cartservice/authorizationpolicy-cartservice-allow.yaml";

#[test]
fn a_checkout_without_intents_keeps_its_manifests_and_is_told_what_to_do() {
    let checkout = Checkout::of(MESH);
    fs::remove_dir_all(checkout.root.join("intents")).unwrap();
    let written = meshwright(&checkout.root, &["render", "--repo", ".", "--write"]);
    assert_eq!(written.code, Some(1), "{written:?}");
    assert!(written.err.starts_with("error[intent/gone] intents: ") && written.err.contains("put intents/ back"));
    assert!(written.err.ends_with("nothing was written; mend the errors first\n"), "{written:?}");
    assert!(checkout.root.join(POLICY).is_file());
    let check = meshwright(&checkout.root, &["check"]);
    assert!(check.code == Some(1) && check.out.contains("error[intent/gone] intents: "), "{check:?}");
}

#[test]
fn more_removals_than_the_cap_are_not_written() {
    let checkout = Checkout::of(MESH);
    fs::write(checkout.root.join("meshwright.yaml"), "caps: {deletions: 0}\n").unwrap();
    fs::remove_file(checkout.root.join("intents/shop/boutique/v1/prod/web/inbound/cart.yaml")).unwrap();
    let refused = meshwright(&checkout.root, &["render", "--repo", ".", "--write"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.starts_with("error[plan/deletions] meshwright.yaml#/caps/deletions: "), "{refused:?}");
    assert!(refused.err.contains("raise caps.deletions in meshwright.yaml to 1"), "{refused:?}");
    assert!(refused.out.contains("--- a/clusters/"), "{refused:?}");
    let short = meshwright(&checkout.root, &["render", "--repo", ".", "--no-diff"]);
    assert!(short.code == Some(1) && short.out.is_empty() && short.err.contains("1 file out of date"), "{short:?}");
    assert!(checkout.root.join(POLICY).is_file());
    fs::write(checkout.root.join("meshwright.yaml"), "caps: {deletions: 1}\n").unwrap();
    checkout.render();
    assert!(!checkout.root.join(POLICY).exists());
}

#[test]
fn a_folder_with_intents_or_topology_is_a_config_repository_whose_settings_are_the_defaults() {
    let checkout = Checkout::of(MESH);
    fs::remove_file(checkout.root.join("meshwright.yaml")).unwrap();
    write(&checkout.root, "more.yaml", "anchor: projects\nmetadata: {name: bank}\n");
    for command in [&["check"][..], &["render", "--repo", "."], &["plan", "-f", "more.yaml"]] {
        let run = meshwright(&checkout.root, command);
        assert_eq!(run.code, Some(0), "{command:?}: {run:?}");
    }
    fs::remove_dir_all(checkout.root.join("intents")).unwrap();
    assert!(meshwright(&checkout.root, &["check"]).out.contains("error[intent/gone]"), "topology alone is read too");
    fs::remove_dir_all(checkout.root.join("topology")).unwrap();
    for command in [&["check"][..], &["render", "--repo", "."], &["plan", "-f", "more.yaml"]] {
        let run = meshwright(&checkout.root, command);
        assert!(run.code == Some(1) && run.err.contains("is no config repository, it has no intents/"), "{run:?}");
    }
}

#[test]
fn what_excludes_each_other_is_told_with_what_to_write_instead() {
    let checkout = Checkout::of(MESH);
    for (arguments, words) in [
        (&[][..], "name bundles by -f, or a checkout by --repo"),
        (&["-f", "x.yaml", "--repo", "."], "-f and --repo exclude each other"),
        (&["--repo", ".", "--out", "x"], "with --repo, --write changes the checkout"),
        (&["-f", "x.yaml", "--write"], "with -f, --out DIR writes"),
        (&["-f", "x.yaml", "--no-diff"], "--no-diff is for --repo"),
    ] {
        let run = meshwright(&checkout.root, &[&["render"], arguments].concat());
        assert!(run.code == Some(2) && run.err.contains(words), "{run:?}");
    }
    let help = meshwright(&checkout.root, &["render", "--help"]).out;
    assert!(help.contains("render [OPTIONS] (-f BUNDLE… [--out DIR] | --repo DIR [--write])"), "{help}");
}
