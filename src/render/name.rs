//! Names of generated resources: DNS labels made of service and role, the same every time.

use sha2::{Digest, Sha256};

/// The longest a name may be (RFC 1123, a DNS label).
const LONGEST: usize = 63;

/// Hexadecimal digits of the hash.
const HASH: usize = 8;

/// A DNS label made of `parts`.
///
/// When it had to be shortened, or a character had to be replaced, it ends in a short hash of the parts, so that
/// different parts never share a name.
pub(super) fn resource_name(parts: &[&str]) -> String {
    let whole = parts.join("-");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if whole.len() <= LONGEST && whole.chars().all(fits) {
        return whole;
    }
    let mut name: String = whole.chars().map(|c| if fits(c) { c } else { '-' }).take(LONGEST - HASH - 1).collect();
    name.truncate(name.trim_end_matches('-').len());
    let digest = Sha256::digest(parts.join("/"));
    name.push('-');
    for byte in digest.iter().take(HASH / 2) {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::scalar::DnsLabel;

    #[test]
    fn a_name_that_fits_stays_readable() {
        assert_eq!(resource_name(&["cartservice", "allow"]), "cartservice-allow");
    }

    #[test]
    fn a_name_with_other_characters_ends_in_a_hash() {
        let name = resource_name(&["httpbin", "httpbin.example.com"]);
        assert!(name.starts_with("httpbin-httpbin-example-com-") && name.len() == 36, "{name}");
        assert_ne!(resource_name(&["a", "b-c.d"]), resource_name(&["a", "b.c.d"]));
        assert_ne!(resource_name(&["a", "b.c"]), resource_name(&["a-b", "c."]));
    }

    #[test]
    fn a_long_name_is_shortened_and_stays_a_label_of_its_own() {
        let long = |last: &str| resource_name(&[&format!("{}{last}", "x".repeat(62)), "east-west"]);
        assert_ne!(long("a"), long("b"));
        for name in [long("a"), resource_name(&[&format!("{}-{}", "x".repeat(53), "y".repeat(9)), "allow"])] {
            assert!(DnsLabel::parse(&name).is_ok(), "{name}");
        }
    }
}
