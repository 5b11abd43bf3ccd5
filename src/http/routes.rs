//! The paths that do not lead into the tree.

use super::metrics::Template;
use super::rights::Step;

/// The steps of a change, with the last segment of their paths.
pub(super) const STEPS: [(&str, Template, Step); 5] = [
    ("approve", "/v2/changes/{id}/approve", Step::Approve),
    ("request-changes", "/v2/changes/{id}/request-changes", Step::RequestChanges),
    ("merge", "/v2/changes/{id}/merge", Step::Merge),
    ("withdraw", "/v2/changes/{id}/withdraw", Step::Withdraw),
    ("reject", "/v2/changes/{id}/reject", Step::Reject),
];

/// Where webhooks come in.
pub(super) const WEBHOOKS: Template = "/v2/webhooks/{forge}";

/// Every other route but those into the tree.
const ROUTES: [Template; 17] = [
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/",
    "/v2/bundles",
    "/v2/plan",
    "/v2/changes",
    "/v2/changes/{id}",
    "/v2/changes/{id}/diff",
    "/v2/changes/{id}/access",
    "/v2/access",
    "/v2/graph",
    "/v2/events",
    WEBHOOKS,
];

/// The template that a path fits, if it does not lead into the tree.
pub(super) fn template(path: &str) -> Option<Template> {
    if path.strip_prefix("/v2/webhooks/").is_some_and(|forge| !forge.is_empty() && !forge.contains('/')) {
        return Some(WEBHOOKS);
    }
    let known = || ROUTES.into_iter().chain(STEPS.map(|(_, path, _)| path));
    let Some(rest) = path.strip_prefix("/v2/changes/") else { return known().find(|known| *known == path) };
    let word = rest.split_once('/').map_or("", |(_, word)| word);
    known().find(|known| known.strip_prefix("/v2/changes/{id}").is_some_and(|of| of.trim_start_matches('/') == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_template_of_its_route() {
        for (path, known) in [
            ("/livez", Some("/livez")),
            ("/v2/changes", Some("/v2/changes")),
            ("/v2/changes/abcdef012345", Some("/v2/changes/{id}")),
            ("/v2/changes/abcdef012345/diff", Some("/v2/changes/{id}/diff")),
            ("/v2/changes/abcdef012345/request-changes", Some("/v2/changes/{id}/request-changes")),
            ("/v2/changes/abcdef012345/else", None),
            ("/v2/webhooks/github", Some("/v2/webhooks/{forge}")),
            ("/v2/webhooks/github/x", None),
            ("/v2/webhooks/", None),
            ("/v2/access", Some("/v2/access")),
            ("/v2/access/x", None),
            ("/", Some("/")),
            ("/other", None),
        ] {
            assert_eq!(template(path), known, "{path}");
        }
    }
}
