use proptest::prelude::*;

use super::*;
use crate::finding::Place;
use crate::review::{AccessChange, FileChange, Happening, ResourceChange, Shift};

fn meta() -> PullMeta {
    PullMeta {
        change: "c42".into(),
        requesters: vec!["github:alice".into()],
        unverified: true,
        server: String::new(),
        intents: vec!["projects/shop/composite-apps/a/v1".into()],
    }
}

#[test]
fn a_small_plan_makes_this_page() {
    let plan = crate::review::tests::small();
    assert_eq!(
        body(&plan, &meta()).replace('\u{200b}', ""),
        "\
**2 added, 1 removed in 2 clusters, 3 files; blocked**

### Who may call what

- shop/old opens, because its intent is deleted: every caller in the mesh may call it; until now nobody could (on gke/west)
- shop/httpbin closes: only shop/frontend (GET /status/\\*) may call it; every other caller in the mesh loses access, as \
         far as this repository shows (on gke/east and gke/west)

### Resources

| cluster | added | changed | removed |
|---|---|---|---|
| gke/east | 1 | 0 | 0 |
| gke/west | 1 | 0 | 1 |

<details><summary>Which ones</summary>

- gke/east
  - `+ AuthorizationPolicy shop/httpbin`
- gke/west
  - `+ AuthorizationPolicy shop/httpbin`
  - `- AuthorizationPolicy shop/old`

</details>

### What blocks

- no address is known — `intents/b#/spec` (`topology/x`)
  **What to do:** post one

### Warnings

- TCP is taken as HTTP — `intents/a` (`render/tcp`)
  **What to do:** name the port http

### Where this comes from

Change `c42`, asked for by `github:alice` (unverified: nobody proved to be who they say).

<details><summary>Intents</summary>

- `projects/shop/composite-apps/a/v1`

</details>

The full diff: `GET /v2/changes/c42/diff`

<details><summary>Diff</summary>

`clusters/gke/east/shop/httpbin/authorizationpolicy-httpbin.yaml` added, same in 2 clusters

```diff
@@ -0,0 +1,6 @@
+apiVersion: security.istio.io/v1
+kind: AuthorizationPolicy
+metadata:
+  name: httpbin
+  namespace: shop
+spec: {selector: {matchLabels: {app: httpbin}}, rules: [{from: [{source: {principals: \
         [cluster.local/ns/shop/sa/frontend]}}], to: [{operation: {methods: [GET], paths: [/status/*]}}]}]}
```

`clusters/gke/west/shop/old/authorizationpolicy-old.yaml` removed

```diff
@@ -1,6 +0,0 @@
-apiVersion: security.istio.io/v1
-kind: AuthorizationPolicy
-metadata:
-  name: old
-  namespace: shop
-spec: {selector: {matchLabels: {app: old}}, rules: []}
```


</details>
"
    );
}

#[test]
fn a_title_is_one_line_that_mentions_nobody() {
    let plan = crate::review::tests::small();
    assert_eq!(title(&plan, &["shop/prod"]), "shop/prod: httpbin, old");
    assert_eq!(title(&Plan::default(), &["@a\nb"]), "@\u{200b}a b: intents only");
    assert_eq!(title(&plan, &["a", "b", "c", "d"]), "a, b and 2 more: httpbin, old");
    assert_eq!(title(&plan, &[&"x".repeat(500)]).chars().count(), LONGEST_TITLE);
}

#[test]
fn a_plan_without_files_shows_no_diff() {
    let page = body(&Plan::default(), &PullMeta::default());
    assert!(!page.contains("diff") && page.contains("asked for by nobody by name"), "{page}");
}

/// Checks a page as a reader of Markdown would: fences and sections close, and nothing of others stands outside.
fn sound(page: &str) -> Result<(), String> {
    let mut fence: Option<usize> = None;
    let mut sections = 0_i32;
    for line in page.split(['\n', '\r']) {
        let ticks = line.trim_start_matches(' ').chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) if ticks >= open && line.trim_matches([' ', '`']).is_empty() => fence = None,
            Some(_) => {}
            None if line.starts_with("```") && line.ends_with("diff") => fence = Some(ticks),
            None => {
                sections += i32::from(line.starts_with("<details>")) - i32::from(line == "</details>");
                let ours = line.starts_with("<details><summary>") || line == "</details>";
                let outside_code: String = line.split('`').step_by(2).collect();
                if !ours && outside_code.contains('<') && !line.contains("``") {
                    return Err(format!("HTML: {line}"));
                }
            }
        }
    }
    match (fence, sections) {
        (None, 0) => Ok(()),
        open => Err(format!("left open: {open:?}")),
    }
}

fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "`",
        "```",
        "````\n",
        "\n",
        "\r",
        "</details>",
        "<details>",
        "@all",
        "~~~",
        "a",
        "/b",
        "|",
        "é",
        "\u{202e}",
        " ",
        "#1",
        "x: y\n",
        "-",
        "\\",
        "``````````````````````````````````````````",
    ]);
    (prop::collection::vec(pieces, 0..40), 1_usize..60).prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

fn happening() -> impl Strategy<Value = Happening> {
    prop::sample::select(vec![Happening::Added, Happening::Changed, Happening::Removed])
}

prop_compose! {
    fn files()(one in (nasty(), nasty(), nasty(), happening()), times in 0_usize..12) -> Vec<FileChange> {
        let (path, old, new, happening) = one;
        (0..times).map(|n| FileChange {
            path: format!("clusters/a/c{}/{path}", n / 2),
            happening,
            old: old.clone(),
            new: format!("{new}{}", n % 3),
        }).collect()
    }
}

prop_compose! {
    fn plans()(files in files(), texts in prop::collection::vec(nasty(), 1..4), times in 0_usize..120) -> (Plan, PullMeta) {
        let text = |n: usize| texts[n % texts.len()].clone();
        let access = (0..times).map(|n| AccessChange {
            shift: Shift::Gained,
            target: text(n),
            clusters: vec![],
            caller: text(n + 1),
            words: text(n),
            intents: [].into(),
        });
        let resources = (0..times).map(|n| ResourceChange {
            cluster: format!("p/{}{n}", text(n)),
            kind: text(n),
            name: text(n + 1),
            happening: Happening::Added,
            path: text(n),
        });
        let place = |n| Place::at(text(n));
        let findings = (0..times).map(|n| match n % 3 {
            0 => Finding::error("a/b", place(n), text(n), text(n + 1)),
            1 => Finding::warning("a/b", place(n), text(n), text(n + 1)),
            _ => Finding::note("a/b", place(n), text(n)),
        });
        let plan = Plan {
            digest: text(0),
            access: access.collect(),
            resources: resources.collect(),
            findings: findings.collect(),
            files,
        };
        let names = || (0..times).map(text).collect();
        (plan, PullMeta { change: text(0), requesters: names(), unverified: true, server: String::new(), intents: names() })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_page_never_exceeds_the_limit_and_closes_what_it_opens((plan, meta) in plans()) {
        let page = body(&plan, &meta);
        prop_assert!(page.len() <= LIMIT, "{} bytes", page.len());
        prop_assert!(page.contains("### Where this comes from"));
        prop_assert!(plan.files.is_empty() || page.contains("The full diff"));
        prop_assert_eq!(sound(&page), Ok(()));
    }
}

#[test]
fn where_the_server_can_be_reached_the_full_diff_is_a_link() {
    let text = |text: &str| text.to_owned();
    let file =
        FileChange { path: text("a.yaml"), happening: Happening::Changed, old: text("old\n"), new: text("new\n") };
    let plan = Plan { files: vec![file], ..Plan::default() };
    let page = |server: &str| body(&plan, &PullMeta { server: server.to_owned(), ..meta() });
    let change = meta().change;
    assert!(page("").contains(&format!("The full diff: `GET /v2/changes/{change}/diff`")));
    let link = format!("[`/v2/changes/{change}/diff`](https://mesh.example/v2/changes/{change}/diff)");
    assert!(page("https://mesh.example").contains(&link), "{}", page("https://mesh.example"));
}
