//! A stream cut into its documents by text alone, so that what is not edited keeps its bytes.

use std::ops::{Deref, Range};

use super::{Limits, Position, YamlError};

/// One document of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    /// The bytes of the document in the stream, without its markers.
    pub range: Range<usize>,
    /// The line of the stream on which the text begins, from 1.
    pub line: u32,
    /// The text of the document, comments included.
    pub text: &'a str,
    pub(super) opening: Opening,
}

/// How a stretch between two markers began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// At the beginning of the stream or after `...`.
    Bare,
    /// After a `---` at this byte; the text before it may hold directives.
    Marker { at: usize, directives: bool },
}

/// The documents of a stream that hold more than comments, in order, and the stream they were cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents<'a> {
    pub(super) text: &'a str,
    pub(super) list: Vec<Document<'a>>,
    /// Whether a text put at the end of the stream needs a `---` before it.
    pub(super) closed: bool,
}

impl<'a> Deref for Documents<'a> {
    type Target = [Document<'a>];

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

/// Cuts a stream at its document markers.
///
/// A `---` or `...` at the beginning of a line, followed by white space or the end, is a marker wherever it stands, in
/// block scalars too (YAML 1.2.2, 9.1.2). Documents of comments and blanks alone are skipped; their bytes stay.
///
/// # Errors
/// The text is longer than the default [`Limits`] allow. Whether the documents are YAML is not looked at.
pub fn documents(text: &str) -> Result<Documents<'_>, YamlError> {
    Limits::default().admit(text)?;
    let mut list = Vec::new();
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut opening = Opening::Bare;
    let mut first_line = 1;
    let mut line = 0;
    let mut at = start;
    while at < text.len() {
        let next = end_of_line(text, at);
        line += 1;
        if let Some(marker) = marker(&text[at..next]) {
            let piece = piece(text, start..at, first_line, &opening);
            let directives = opening == Opening::Bare && has_directives(piece.text);
            if !piece.is_empty() {
                list.push(piece);
            }
            match marker {
                Marker::Start => {
                    start = at + 3;
                    first_line = line;
                    opening = Opening::Marker { at, directives };
                }
                Marker::End => {
                    start = next;
                    first_line = line + 1;
                    opening = Opening::Bare;
                }
            }
        }
        at = next;
    }
    let last = piece(text, start..text.len(), first_line, &opening);
    let closed = if last.is_empty() {
        opening == Opening::Bare && (!list.is_empty() || has_directives(last.text))
    } else {
        list.push(last);
        true
    };
    Ok(Documents { text, list, closed })
}

fn piece<'a>(text: &'a str, range: Range<usize>, line: u32, opening: &Opening) -> Document<'a> {
    Document { text: &text[range.clone()], range, line, opening: opening.clone() }
}

impl Document<'_> {
    /// Whether there are only comments and blanks, and directives where they may stand.
    fn is_empty(&self) -> bool {
        self.text.split(['\n', '\r']).all(|line| {
            let content = line.trim_start_matches([' ', '\t']);
            content.is_empty() || content.starts_with('#') || (self.opening == Opening::Bare && line.starts_with('%'))
        })
    }

    /// Where the value at `pointer` stands in the stream; see [`super::positions`].
    pub fn position(&self, pointer: &str) -> Option<Position> {
        self.positions(&[pointer]).pop().flatten()
    }

    /// Where the values at `pointers` stand in the stream; see [`super::positions`].
    pub fn positions(&self, pointers: &[&str]) -> Vec<Option<Position>> {
        let marker = if self.opening == Opening::Bare { 0 } else { 3 };
        let in_stream = |(line, column)| (line + self.line - 1, column + if line == 1 { marker } else { 0 });
        super::positions(self.text, pointers).into_iter().map(|place| place.map(in_stream)).collect()
    }
}

enum Marker {
    Start,
    End,
}

fn marker(line: &str) -> Option<Marker> {
    let (marker, rest) = match line.strip_prefix("---") {
        Some(rest) => (Marker::Start, rest),
        None => (Marker::End, line.strip_prefix("...")?),
    };
    (rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r'])).then_some(marker)
}

fn has_directives(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| line.starts_with('%'))
}

/// The byte after the line break that ends the line at `start`.
fn end_of_line(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    match bytes[start..].iter().position(|&byte| byte == b'\n' || byte == b'\r') {
        Some(offset) => {
            let at = start + offset;
            at + if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 }
        }
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(u32, &str)> {
        documents(text).unwrap().list.iter().map(|document| (document.line, document.text)).collect()
    }

    #[test]
    fn one_document_needs_no_marker() {
        assert_eq!(texts("a: 1\n"), [(1, "a: 1\n")]);
        assert_eq!(texts("# hi\na: 1"), [(1, "# hi\na: 1")]);
        assert_eq!(texts(""), []);
        assert_eq!(texts("# only a comment\n"), []);
    }

    #[test]
    fn markers_cut() {
        assert_eq!(texts("# head\n---\na: 1\n---\n---\nb: 2\n...\n# tail\n"), [(2, "\na: 1\n"), (5, "\nb: 2\n")]);
        assert_eq!(texts("--- {a: 1}\n--- # comment\nb: 2\n"), [(1, " {a: 1}\n"), (2, " # comment\nb: 2\n")]);
        assert_eq!(texts("a: |\n  ---\n---x: 1\n"), [(1, "a: |\n  ---\n---x: 1\n")]);
    }

    #[test]
    fn line_breaks_and_byte_order_marks() {
        assert_eq!(texts("\u{feff}a: 1\r\n---\r\nb: 2\r\n"), [(1, "a: 1\r\n"), (2, "\r\nb: 2\r\n")]);
        assert_eq!(texts("a: 1\r---\rb: 2\r"), [(1, "a: 1\r"), (2, "\rb: 2\r")]);
    }

    #[test]
    fn directives_are_not_documents() {
        assert_eq!(texts("%YAML 1.2\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2"), [(2, "\na: 1\n"), (6, "\nb: 2")]);
    }

    #[test]
    fn positions_count_from_the_beginning_of_the_stream() {
        let text = "# head\n---\na: 1\n---\nb:\n  c: 2\n--- {d: 1}\n";
        let documents = documents(text).unwrap();
        assert_eq!(documents[1].position("/b/c"), Some((6, 3)));
        assert_eq!(documents[2].position("/d"), Some((7, 6)));
    }
}
