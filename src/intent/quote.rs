//! Text of a caller as it is repeated: never longer than what could be meant.

use super::name::NAME_MAX;

/// What is left of a segment that is longer than any name, in characters.
const KEPT: usize = 64;

/// The most characters of all segments together; the longest anchor has fewer.
const WHOLE: usize = 2048;

/// A path or JSON pointer that somebody sent, as an answer or a log may repeat it: segments that are longer than any
/// name are cut, and so is what is longer than any anchor.
#[must_use]
pub fn quoted(path: &str) -> String {
    if path.len() <= NAME_MAX {
        return path.to_owned();
    }
    let cut = |segment: &str| match segment.char_indices().nth(NAME_MAX) {
        Some(_) => segment.chars().take(KEPT).chain(['…']).collect(),
        None => segment.to_owned(),
    };
    let path = path.split('/').map(cut).collect::<Vec<String>>().join("/");
    match path.char_indices().nth(WHOLE) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_meant_is_repeated_whole_and_nothing_longer() {
        let longest = "x".repeat(NAME_MAX);
        for path in ["", "/spec/port", &format!("projects/{longest}/composite-apps/{longest}/{longest}/apps")] {
            assert_eq!(quoted(path), path);
        }
        let long = quoted(&format!("/spec/{}/x", "ä".repeat(1000)));
        assert_eq!(long, format!("/spec/{}…/x", "ä".repeat(KEPT)));
        assert_eq!(quoted(&"a/".repeat(10_000)).chars().count(), WHOLE + 1);
    }
}
