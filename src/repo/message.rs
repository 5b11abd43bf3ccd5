//! Commit messages and their trailers.

/// A commit message: a subject line, a body, and a last paragraph of trailers.
///
/// The parts may come from a requester, so nothing in them can forge a line: the subject and the values lose their line
/// breaks and control characters, and the trailers given here are the last paragraph, which is the only one
/// [`trailers`] reads. A key that is not made of letters, digits and `-` is left out.
#[must_use]
pub fn message(subject: &str, body: &str, trailers: &[(&str, String)]) -> String {
    let mut paragraphs = vec![one_line(subject)];
    let body: String = body.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || "\n\t".contains(*c)).collect();
    let body = body.trim_matches('\n').trim_end();
    if !body.is_empty() {
        paragraphs.push(body.to_owned());
    }
    let last: Vec<_> = trailers
        .iter()
        .filter(|(key, _)| is_key(key))
        .map(|(key, value)| format!("{key}: {}", one_line(value)).trim_end().to_owned())
        .collect();
    if !last.is_empty() {
        paragraphs.push(last.join("\n"));
    }
    paragraphs.join("\n\n") + "\n"
}

/// The trailers of a message, in order: the last paragraph, if each of its lines is `Key: value` or continues one.
///
/// The rules are those of `git interpret-trailers` for messages whose trailer paragraph holds nothing else; the
/// subject is never taken for a trailer.
#[must_use]
pub fn trailers(message: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = message.trim_end().lines().collect();
    let Some(blank) = lines.iter().rposition(|line| line.trim().is_empty()) else { return Vec::new() };
    let mut found: Vec<(String, String)> = Vec::new();
    for line in &lines[blank + 1..] {
        if line.starts_with([' ', '\t']) {
            let Some((_, value)) = found.last_mut() else { return Vec::new() };
            value.push(' ');
            value.push_str(line.trim());
        } else {
            match line.split_once(':') {
                Some((key, value)) if is_key(key.trim_end()) => {
                    found.push((key.trim_end().to_owned(), value.trim().to_owned()));
                }
                _ => return Vec::new(),
            }
        }
    }
    found
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text =
            message("Route checkout", "Why.\n\nMore.", &[("Change-Id", "c1".into()), ("Intents", "a, b".into())]);
        assert_eq!(text, "Route checkout\n\nWhy.\n\nMore.\n\nChange-Id: c1\nIntents: a, b\n");
        assert_eq!(trailers(&text), [("Change-Id".into(), "c1".into()), ("Intents".into(), "a, b".into())]);
    }

    #[test]
    fn a_value_cannot_forge_a_trailer_or_a_subject_a_body() {
        let text = message("a\n\nChange-Id: evil", "", &[("Requested-by", "x\nChange-Id: evil\u{2028}y".into())]);
        assert_eq!(trailers(&text), [("Requested-by".into(), "x Change-Id: evil y".into())]);
    }

    #[test]
    fn a_body_cannot_forge_a_trailer() {
        let text = message("s", "hello\n\nChange-Id: evil\n", &[("Change-Id", "good".into())]);
        assert_eq!(trailers(&text), [("Change-Id".into(), "good".into())]);
    }

    #[test]
    fn prose_and_subjects_are_no_trailers() {
        assert!(trailers("fix: a subject").is_empty());
        assert!(trailers("s\n\nSome words: here\nand there").is_empty());
        assert!(trailers("").is_empty());
    }

    #[test]
    fn continued_values_are_joined() {
        assert_eq!(trailers("s\n\nKey: one\n  two\n"), [("Key".into(), "one two".into())]);
    }
}
