//! What people ask for below a pull request.

/// What begins a command.
const MARK: &str = "/meshwright";

/// The longest argument that is read, in bytes.
const LONGEST: usize = 1000;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Show the plan again.
    Plan,
    /// Render it again on the newest main, over whatever stands on the branch.
    Rebase,
    /// Keep it from being merged, for this reason.
    Hold(String),
    /// Undo that.
    Resume,
    /// Propose the inverse of what was merged.
    Revert,
    /// Say which intents a file comes from.
    Explain(String),
    /// Say what can be asked for.
    Help,
    /// Something else, which nobody knows.
    Unknown(String),
}

/// What can be asked for, in Markdown.
pub(super) const HELP: &str = "\
| write | and |
|---|---|
| `/meshwright plan` | the plan is shown here, as it is by then |
| `/meshwright rebase` | it is rendered again on the newest main, over whatever stands on the branch |
| `/meshwright hold WHY` | it is not merged until somebody resumes it |
| `/meshwright resume` | it goes on |
| `/meshwright revert` | of a merged pull request: the inverse is proposed |
| `/meshwright explain FILE` | the intents are named that a changed file comes from |
| `/meshwright help` | this is shown |

Who may write to this repository may ask for these.";

impl Command {
    /// Reads the first command of a comment: a line that begins with `/meshwright`, outside of quotes and code.
    #[must_use]
    pub(super) fn read(comment: &str) -> Option<Self> {
        let mut fenced = false;
        for line in comment.lines() {
            let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
            fenced ^= is_fence;
            // What is indented by four is code.
            if fenced || is_fence || line.starts_with("    ") || line.starts_with('\t') {
                continue;
            }
            let Some(rest) = line.trim().strip_prefix(MARK) else { continue };
            if rest.is_empty() || rest.starts_with(char::is_whitespace) {
                return Some(Self::of(rest.trim()));
            }
        }
        None
    }

    fn of(text: &str) -> Self {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let rest = rest[..rest.floor_char_boundary(LONGEST)].to_owned();
        match word.to_ascii_lowercase().as_str() {
            "plan" => Self::Plan,
            "rebase" => Self::Rebase,
            "hold" => Self::Hold(rest),
            "resume" => Self::Resume,
            "revert" => Self::Revert,
            "explain" if !rest.is_empty() => Self::Explain(rest.trim_matches('`').to_owned()),
            "help" | "" => Self::Help,
            _ => Self::Unknown(text[..text.floor_char_boundary(LONGEST)].to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_begins_with_the_mark_is_the_command() {
        for (comment, expected) in [
            ("/meshwright plan", Some(Command::Plan)),
            ("Looks good.\r\n\r\n  /meshwright REBASE  \r\n/meshwright plan", Some(Command::Rebase)),
            ("/meshwright hold  until Monday ", Some(Command::Hold("until Monday".into()))),
            ("/meshwright hold", Some(Command::Hold(String::new()))),
            ("/meshwright resume now", Some(Command::Resume)),
            ("/meshwright revert", Some(Command::Revert)),
            ("/meshwright explain `clusters/a b.yaml`", Some(Command::Explain("clusters/a b.yaml".into()))),
            ("/meshwright", Some(Command::Help)),
            ("/meshwright explain", Some(Command::Unknown("explain".into()))),
            ("/meshwright merge it", Some(Command::Unknown("merge it".into()))),
            ("/meshwrights plan", None),
            ("please write /meshwright plan", None),
            ("> /meshwright rebase", None),
            ("```\n/meshwright rebase\n```\n", None),
            ("    /meshwright rebase", None),
            ("```\n/meshwright rebase\n```\n/meshwright help", Some(Command::Help)),
            ("", None),
        ] {
            assert_eq!(Command::read(comment), expected, "{comment:?}");
        }
    }

    #[test]
    fn arguments_are_bounded() {
        let Some(Command::Hold(why)) = Command::read(&format!("/meshwright hold {}", "ä".repeat(5000))) else {
            panic!("it is a hold");
        };
        assert_eq!(why.len(), LONGEST);
    }
}
