//! Strings that need no quotes, told without much thought.

/// Whether `text` is this string to every reader of YAML when it stands bare on one line of a block. Says no where it
/// takes thought.
pub(super) fn is_bare(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let begins = first.is_ascii_alphabetic() || (*first == b'/' && bytes.len() > 1);
    begins && *last != b' ' && bytes.windows(2).all(|pair| goes_on(pair[0], pair[1])) && !is_word(text)
}

/// Whether `next` may follow `byte` within a bare string.
fn goes_on(byte: u8, next: u8) -> bool {
    match next {
        b'-' | b'_' | b'.' | b'/' | b'*' | b'=' | b' ' => byte != b' ',
        _ => next.is_ascii_alphanumeric(),
    }
}

/// Whether some reader takes `text` for a truth value, nothing or a number.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    text.len() <= 8 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
