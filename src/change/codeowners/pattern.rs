//! Patterns of CODEOWNERS: those of gitignore without `!`, `[…]` and `\#`, and with `folder/*` for the files right in a
//! folder.

/// A pattern over paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of folders, also none.
    Any,
    /// One folder or file.
    Name(Vec<Piece>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// `*`: any characters, also none.
    Any,
    /// `?`: one character.
    One,
    /// That character.
    Just(char),
}

/// A path, taken apart for many patterns.
pub(super) struct Path(Vec<Vec<char>>);

impl Path {
    pub(super) fn new(path: &str) -> Self {
        Self(path.split('/').map(|name| name.chars().collect()).collect())
    }
}

impl Pattern {
    /// Reads a pattern, or says why GitHub cannot read it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('!') {
            return Err("`!` negates nothing here; give the path a line of its own, without owners".into());
        }
        if text.contains(['[', ']']) {
            return Err("`[…]` stands for no characters here".into());
        }
        if text.starts_with("\\#") {
            return Err("a pattern cannot begin with `#`".into());
        }
        let inner = text.strip_prefix('/').unwrap_or(text);
        let (inner, folder) = inner.strip_suffix('/').map_or((inner, false), |inner| (inner, true));
        let names = inner.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        let mut segments = vec![];
        // A name without a slash before its end is looked for everywhere.
        if names.len() == 1 && !text.starts_with('/') {
            segments.push(Segment::Any);
        }
        segments.extend(names);
        let only_files = Segment::Name(vec![Piece::Any]);
        match segments.last() {
            // What a folder holds is below it: at least one name more.
            _ if folder => segments.extend([Segment::Any, only_files]),
            Some(Segment::Any) => segments.push(only_files),
            Some(last) if *last == only_files => {}
            _ => segments.push(Segment::Any),
        }
        Ok(Self(segments))
    }

    /// Whether it matches the path of a file. Time: at most in proportion to the product of both lengths.
    pub(super) fn matches(&self, path: &Path) -> bool {
        let names = |segment: &Segment, name: &Vec<char>| match segment {
            Segment::Any => false,
            Segment::Name(pieces) => fits(pieces, name, |piece| *piece == Piece::Any, Piece::stands_for),
        };
        fits(&self.0, &path.0, |segment| *segment == Segment::Any, names)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => return Err("its pattern has no name between two slashes, so that it matches nothing".into()),
            "**" => return Ok(Self::Any),
            _ => {}
        }
        let (mut pieces, mut chars) = (vec![], text.chars());
        while let Some(c) = chars.next() {
            let piece = match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Just(chars.next().ok_or("its pattern ends with a backslash")?),
                c => Piece::Just(c),
            };
            if piece != Piece::Any || pieces.last() != Some(&Piece::Any) {
                pieces.push(piece);
            }
        }
        Ok(Self::Name(pieces))
    }
}

impl Piece {
    fn stands_for(&self, c: &char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Just(just) => just == c,
        }
    }
}

/// Whether all of `pattern` stands for all of `text`, where `is_any` tells what stands for any part of it and `stands_for`
/// what stands for one item. Going back to the last wildcard is enough: whatever an earlier one could take, it can too.
fn fits<P, T>(pattern: &[P], text: &[T], is_any: impl Fn(&P) -> bool, stands_for: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut wildcard = None;
    while let Some(item) = text.get(read) {
        match pattern.get(at) {
            Some(piece) if is_any(piece) => {
                at += 1;
                wildcard = Some((at, read));
            }
            Some(piece) if stands_for(piece, item) => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((after, taken)) = wildcard else { return false };
                (at, read) = (after, taken + 1);
                wildcard = Some((after, taken + 1));
            }
        }
    }
    pattern[at..].iter().all(is_any)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&Path::new(path))
    }

    #[test]
    fn patterns_match_as_those_of_gitignore_but_for_what_is_right_in_a_folder() {
        for (pattern, matching, others) in [
            ("*", &["a", "a/b/c"][..], &[][..]),
            ("/*", &["a"], &["a/b"]),
            ("**", &["a", "a/b/c"], &[]),
            ("*.js", &["x.js", "a/b/x.js", "a/x.js/y"], &["x.jsx", "a/js"]),
            ("/build/logs/", &["build/logs/x", "build/logs/a/b"], &["build/logs", "a/build/logs/x"]),
            ("docs/*", &["docs/a.md"], &["docs/b/c.md", "x/docs/a.md", "docs"]),
            ("docs/***", &["docs/a.md"], &["docs/b/c.md", "docs"]),
            ("docs/*/", &["docs/b/c.md", "docs/b/c/d"], &["docs/a.md"]),
            ("docs/*.md", &["docs/a.md", "docs/b.md/c"], &["docs/b/c.md"]),
            ("apps/", &["apps/x", "a/apps/b/c"], &["apps", "myapps/x"]),
            ("/apps", &["apps", "apps/x/y"], &["a/apps"]),
            ("**/logs", &["logs/x", "a/b/logs", "a/logs/c"], &["catalogs/x"]),
            ("/clusters/*/east/", &["clusters/gke/east/shop/x.yaml"], &["clusters/east/x", "clusters/a/b/east/x"]),
            ("clusters/**/shop", &["clusters/shop/x", "clusters/a/b/shop/x"], &["x/clusters/shop"]),
            ("clusters/**", &["clusters/a", "clusters/a/b"], &["clusters", "x/clusters/a"]),
            ("/a?c", &["abc", "aöc/x"], &["ac", "a/c", "abbc"]),
            ("/a**c", &["ac", "abbc"], &["ab/c", "a/c"]),
            ("/Docs/", &["Docs/a"], &["docs/a"]),
            ("a\\ b/", &["a b/c"], &["a/c"]),
            ("/a\\*", &["a*"], &["ab"]),
            ("a#b", &["a#b"], &["a"]),
        ] {
            for path in matching {
                assert!(matches(pattern, path), "{pattern} matches {path}");
            }
            for path in others {
                assert!(!matches(pattern, path), "{pattern} does not match {path}");
            }
        }
        for pattern in ["!a", "a[b]", "\\#a", "/", "//a", "a//b", "a//", "a\\"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_the_product_of_the_lengths() {
        let begin = std::time::Instant::now();
        assert!(!matches(&format!("/{}b", "*a".repeat(2000)), &"a".repeat(4000)));
        assert!(!matches(&format!("{}/b", "/**/a".repeat(2000)), &vec!["a"; 4000].join("/")));
        assert!(!matches(&format!("{}/b", "/**/*a".repeat(500)), &vec!["aaa"; 1000].join("/")));
        assert!(begin.elapsed().as_secs() < 20, "it took {:?}", begin.elapsed());
    }

    /// The rules, said as plainly as possible and as slowly as need be.
    fn plainly(pattern: &str, path: &str) -> bool {
        let anchored = pattern.trim_end_matches('/').contains('/');
        let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
        let anywhere = if anchored { vec![] } else { vec!["**"] };
        let whole: Vec<&str> = anywhere.into_iter().chain(pattern.split('/')).collect();
        let path: Vec<&str> = path.split('/').collect();
        match whole.split_last() {
            Some((&"" | &"**", above)) => (0..path.len()).any(|at| names(above, &path[..at])),
            Some((&"*", _)) => names(&whole, &path),
            _ => (1..=path.len()).any(|at| names(&whole, &path[..at])),
        }
    }

    fn names(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| names(rest, &path[skipped..])),
            (Some((first, rest)), Some((name, below))) => letters(first, name) && names(rest, below),
            _ => false,
        }
    }

    fn letters(pattern: &str, name: &str) -> bool {
        match pattern.chars().next() {
            None => name.is_empty(),
            Some('*') => {
                name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| letters(&pattern[1..], &name[at..]))
            }
            Some(c) => name
                .chars()
                .next()
                .is_some_and(|n| (c == '?' || c == n) && letters(&pattern[c.len_utf8()..], &name[n.len_utf8()..])),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_matches_is_what_the_rules_say(
            pattern in "/?(\\*\\*|[ab*?]{1,4})(/(\\*\\*|[ab*?]{1,3})){0,3}/?",
            path in "[abö]{1,3}(/[ab]{1,3}){0,4}",
        ) {
            prop_assume!(!pattern.split('/').any(|name| name.len() > 2 && name.bytes().all(|b| b == b'*')));
            prop_assert_eq!(matches(&pattern, &path), plainly(&pattern, &path), "{} {}", pattern, path);
        }
    }
}
