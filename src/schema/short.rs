//! Rules and patterns as findings show them.

/// A rule or a pattern as findings show it.
pub(super) fn short(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The most characters of a rule or a pattern that are shown.
const SHORT: usize = 200;
