//! CODEOWNERS: who owns which paths, read and matched as GitHub does.
//!
//! Source of the rules: GitHub Docs, "About code owners".

mod pattern;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};

use serde::Serialize;

use rayon::prelude::*;

use crate::finding::{Finding, Place};
use crate::repo::{Files, RepoError};
use crate::review::words::many;
use pattern::{Path, Pattern};

/// Where the file may be; the first that is there counts.
pub(super) const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// The longest file that is read, in bytes; GitHub reads no longer one either.
const LONGEST: u64 = 3 << 20;

/// How many lines that cannot be read are told one by one.
const MOST_SAID: usize = 10;

/// Who owns which paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeOwners {
    rules: Vec<Rule>,
    /// The lines that cannot be read and are passed over, as warnings.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    owners: BTreeSet<Owner>,
}

/// Somebody who owns paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Owner {
    /// A login, in lower case, without `@`.
    User(String),
    /// A team as `organisation/team`, in lower case.
    Team(String),
    /// An e-mail address.
    Email(String),
}

/// Changed paths that the same people own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Their owners, at least one.
    pub owners: BTreeSet<Owner>,
    /// The first of the paths.
    pub first: String,
    /// How many others there are.
    pub more: usize,
}

impl CodeOwners {
    /// Reads the file of a repository; one that is too long is a finding that blocks, because nobody knows whom to ask.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn read(files: &dyn Files) -> Result<Result<Self, Finding>, RepoError> {
        for path in PLACES {
            let bytes = match files.read(path) {
                Err(RepoError::TooLong { bytes, .. }) => return Ok(Err(too_long(path, bytes))),
                read => read?,
            };
            match bytes {
                None => {}
                Some(bytes) if bytes.len() as u64 > LONGEST => return Ok(Err(too_long(path, bytes.len() as u64))),
                Some(bytes) => return Ok(Ok(Self::parse(path, &bytes))),
            }
        }
        Ok(Ok(Self::default()))
    }

    /// Reads the text of the file at `path`; a line that cannot be read is passed over, as GitHub does, and told.
    #[must_use]
    pub fn parse(path: &str, text: &[u8]) -> Self {
        let mut read = Self::default();
        let mut unread = 0;
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            match Rule::parse(line) {
                Ok(rule) => read.rules.extend(rule),
                Err(why) => {
                    unread += 1;
                    if unread <= MOST_SAID {
                        let place = Place { line: number, ..Place::at(path) };
                        let message = format!("this line names no owners, because {why}");
                        read.findings.push(Finding::warning(
                            "codeowners/line",
                            place,
                            message,
                            "mend the line on main",
                        ));
                    }
                }
            }
        }
        if let (Some(last), Some(more)) = (read.findings.last_mut(), unread.checked_sub(MOST_SAID).filter(|n| *n > 0)) {
            last.message.push_str(&format!("; and so it is with {} after it", many(more, "line")));
        }
        read
    }

    /// The owners of a path: those of the last line whose pattern matches it, who may be nobody.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<&BTreeSet<Owner>> {
        let path = Path::new(path);
        let last = self.rules.iter().rfind(|rule| rule.pattern.matches(&path))?;
        Some(&last.owners).filter(|owners| !owners.is_empty())
    }

    /// The owned ones among `paths`, those with equal owners as one, in the order of the first of each.
    #[must_use]
    pub fn owned(&self, paths: &[&str]) -> Vec<Owned> {
        if self.rules.is_empty() {
            return vec![];
        }
        let found: Vec<_> = paths.par_iter().map(|path| (*path, self.of(path))).collect();
        let (mut all, mut places): (Vec<Owned>, BTreeMap<&BTreeSet<Owner>, usize>) = Default::default();
        for (path, owners) in found.into_iter().filter_map(|(path, owners)| Some((path, owners?))) {
            match places.get(owners) {
                Some(place) => all[*place].more += 1,
                None => {
                    places.insert(owners, all.len());
                    all.push(Owned { owners: owners.clone(), first: path.to_owned(), more: 0 });
                }
            }
        }
        all
    }
}

fn too_long(path: &str, bytes: u64) -> Finding {
    let message = format!("the file has {bytes} bytes and is not read, as GitHub reads none of more than {LONGEST}");
    let remedy = "say the same in fewer lines, or say `codeOwners: false` in meshwright.yaml";
    Finding::error("codeowners/long", Place::at(path), message, remedy)
}

impl Rule {
    /// What a line says: nothing where it is empty or a comment.
    fn parse(line: &[u8]) -> Result<Option<Self>, String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut words = words(line);
        let Some(pattern) = words.next() else { return Ok(None) };
        let pattern = Pattern::parse(pattern)?;
        let owner = |word| {
            Owner::parse(word)
                .ok_or_else(|| format!("{word} is no @login, no @organisation/team and no e-mail address"))
        };
        Ok(Some(Self { pattern, owners: words.map(owner).collect::<Result<_, _>>()? }))
    }
}

/// The words of a line up to its comment; a space behind a backslash belongs to its word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let mut escaped = false;
        let ends = |c: char| {
            let ends = c.is_whitespace() && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        };
        let (word, left) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        rest = left;
        Some(word).filter(|word| !word.is_empty() && !word.starts_with('#'))
    })
    .fuse()
}

impl Owner {
    fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let named = |name: &str| !name.is_empty() && name.bytes().all(allowed);
        let (before, after) = text.split_once('@')?;
        let (sane, owner): (bool, fn(String) -> Self) = match (before, after.split_once('/')) {
            ("", None) => (named(after), Self::User),
            ("", Some((organisation, team))) => (named(organisation) && named(team), Self::Team),
            (_, None) => (named(after), Self::Email),
            (_, Some(_)) => (false, Self::Email),
        };
        let text = text.trim_start_matches('@');
        sane.then(|| owner(text.to_ascii_lowercase()))
    }
}

impl Display for Owner {
    /// As the file says it.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(name) | Self::Team(name) => write!(f, "@{name}"),
            Self::Email(address) => f.write_str(address),
        }
    }
}

impl Display for Owned {
    /// The paths, of which one is named.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.first)?;
        if self.more > 0 { write!(f, " and {}", many(self.more, "more path")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub Docs, "About code owners", without most of its comments.
    const DOCUMENTED: &str = "\
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
";

    fn owners(text: &str, path: &str) -> String {
        let owners = CodeOwners::parse("CODEOWNERS", text.as_bytes());
        let named = owners.of(path).into_iter().flatten().map(ToString::to_string);
        named.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_documented_examples_have_the_documented_owners() {
        for (path, expected) in [
            ("README.md", "@global-owner1 @global-owner2"),
            ("src/deep/main.rs", "@global-owner1 @global-owner2"),
            ("main.js", "@js-owner"),
            ("src/main.js", "@js-owner"),
            ("cmd/main.go", "docs@example.com"),
            ("notes/a.txt", "@octo-org/octocats"),
            ("build/readme", "@global-owner1 @global-owner2"),
            ("build/logs/a/b.txt", "@octocat"),
            ("other/apps/a/b", "@octocat"),
            ("docs/getting-started.md", "@doctocat"),
            ("docs/build-app/troubleshooting.md", "@doctocat"),
            ("scripts/a/b", "@doctocat @octocat"),
            ("scripts/logs/a", "@octocat"),
            ("deeply/nested/logs/a", "@octocat"),
            ("apps/a", "@octocat"),
            ("apps/github/a", ""),
            ("apps/githubs", "@octocat"),
        ] {
            assert_eq!(owners(DOCUMENTED, path), expected, "{path}");
        }
        // What later lines of the example hide.
        let first_lines = |count| DOCUMENTED.lines().take(count).collect::<Vec<_>>().join("\n");
        assert_eq!(owners(&first_lines(6), "build/logs/a/b.txt"), "@doctocat");
        assert_eq!(owners(&first_lines(7), "docs/getting-started.md"), "docs@example.com");
        assert_eq!(owners(&first_lines(7), "docs/build-app/a.md"), "@global-owner1 @global-owner2");
        let again = "/apps/ @octocat\n/apps/github @doctocat\n";
        assert_eq!([owners(again, "apps/github/a"), owners(again, "apps/a")], ["@doctocat", "@octocat"]);
    }

    #[test]
    fn owners_are_told_apart_without_regard_to_case() {
        assert_eq!(owners("* @Alice @ACME/Mesh Docs@Example.com @alice", "a"), "@alice @acme/mesh docs@example.com");
    }

    #[test]
    fn lines_that_cannot_be_read_are_passed_over_and_told() {
        let text =
            b"!a @x\n[ab] @x\na @\nb @x\r\n\xff @x\n\\#a @x\n  # only a comment\n\nc d @x\na @x/y/z\na x@y/z\n/ @x\n";
        let read = CodeOwners::parse("docs/CODEOWNERS", text);
        let lines: Vec<u32> = read.findings.iter().map(|finding| finding.place.line).collect();
        assert_eq!(lines, [1, 2, 3, 5, 6, 9, 10, 11, 12]);
        assert!(read.of("b").is_some() && read.of("a").is_none() && read.of("c").is_none());
        assert_eq!(
            read.findings[5].to_string(),
            "warning[codeowners/line] docs/CODEOWNERS:9:1: this line names no owners, because d is no @login, no \
             @organisation/team and no e-mail address — mend the line on main"
        );
    }

    #[test]
    fn however_many_lines_cannot_be_read_few_are_told() {
        let read = CodeOwners::parse("CODEOWNERS", "!a @x\n".repeat(5000).as_bytes());
        assert_eq!(read.findings.len(), MOST_SAID);
        assert!(read.findings[MOST_SAID - 1].message.ends_with("and so it is with 4990 lines after it"));
    }

    #[test]
    fn paths_with_equal_owners_are_one() {
        let owners = CodeOwners::parse("CODEOWNERS", b"/a/ @x @y\n/b/ @z\n/c/ @Y @X\n");
        let owned = owners.owned(&["a/1", "b/1", "c/1", "c/2", "d/1"]);
        let told: Vec<_> = owned.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["a/1 and 2 more paths", "b/1"]);
    }

    #[test]
    fn the_first_place_with_a_file_counts_and_one_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = crate::repo::WorkingTree::open(folder.path()).unwrap();
        let owner = || {
            let read = CodeOwners::read(&files).unwrap().map_err(|finding| finding.to_string());
            read.map(|read| read.of("a").map(|owners| owners.iter().map(ToString::to_string).collect::<String>()))
        };
        assert_eq!(owner(), Ok(None));
        for place in PLACES.iter().rev() {
            files.write(place, Some(&format!("* @{}\n", place.replace('/', "-")))).unwrap();
            assert_eq!(owner(), Ok(Some(format!("@{}", place.replace('/', "-").to_ascii_lowercase()))));
        }
        let long = "# x\n".repeat(LONGEST as usize / 4);
        files.write(PLACES[0], Some(&long)).unwrap();
        assert_eq!(owner(), Ok(None));
        files.write(PLACES[0], Some(&format!("{long}\n"))).unwrap();
        assert!(
            owner().unwrap_err().starts_with("error[codeowners/long] .github/CODEOWNERS: the file has 3145729 bytes")
        );
    }
}
