//! The namespaces that see a resource.

/// The namespaces that see a resource of the namespace `own`, `*` for all.
pub(super) fn exports<'a>(own: &'a str, export_to: &'a [String]) -> impl Iterator<Item = &'a str> {
    let everybody = export_to.is_empty() || export_to.iter().any(|to| to == "*");
    let named = export_to.iter().filter(move |_| !everybody).map(move |to| if to == "." { own } else { to.as_str() });
    everybody.then_some("*").into_iter().chain(named)
}
