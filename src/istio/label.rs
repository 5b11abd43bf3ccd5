//! Labels of Kubernetes, and the keys that labels and annotations share.

/// The longest prefix of a key, and the longest name in it, in bytes.
const LONGEST_PREFIX: usize = 253;
const LONGEST_NAME: usize = 63;

/// Whether a label of Kubernetes has a key and a value that it can have (`pkg/config/labels`, `Instance.Validate`). Istio
/// bounds the length of keys alone.
#[must_use]
pub fn is_kubernetes_label(key: &str, value: &str) -> bool {
    is_qualified_name(key) && (value.is_empty() || is_name(value, b"-_."))
}

/// Whether `key` is a name of at most 63 bytes, which a domain name of at most 253 bytes and `/` may precede; letters of
/// either case (`pkg/config/labels`, `validateTagKey`).
#[must_use]
pub fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_label = |label: &str| label.len() <= LONGEST_NAME && is_name(label, b"-");
    prefix.is_none_or(|prefix| prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_label))
        && name.len() <= LONGEST_NAME
        && is_name(name, b"-_.")
}

/// Whether a text has letters and digits at both ends, and between them only these and what is `inner`.
fn is_name(text: &str, inner: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || inner.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_an_optional_prefix_and_a_short_name() {
        let (name, label) = ("n".repeat(63), "p".repeat(63));
        let longest = format!("{label}.{label}.{label}.{}/{name}", "p".repeat(61));
        for good in ["a", "A", "a_b.c-d", "example.com/a", "a/b", "X.y/Z", &name, &longest] {
            assert!(is_qualified_name(good), "{good}");
        }
        for bad in ["", "/", "a/", "/x", "a//b", "a/b/c", "a_", "-a", "a b", "ä", "a_b/c", "a..b/c", "-a/b", "a./b"] {
            assert!(!is_qualified_name(bad), "{bad}");
        }
        let long = format!("{label}.{label}.{label}.{}/a", "p".repeat(62));
        for bad in [format!("{name}n"), format!("{label}p/a"), long] {
            assert!(!is_qualified_name(&bad), "{bad}");
        }
    }

    #[test]
    fn values_are_empty_or_begin_and_end_with_letters_or_digits() {
        assert!(["", "a", "1", "a_b.c-D"].iter().all(|value| is_kubernetes_label("a", value)));
        assert!(!["-", "a_", ".a", "a b", "a/b", "ä"].iter().any(|value| is_kubernetes_label("a", value)));
        assert!(!is_kubernetes_label("a_", "a"));
    }
}
