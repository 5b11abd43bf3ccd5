//! Changing one document of a stream and nothing else.

use std::collections::BTreeMap;

use super::Documents;
use super::stream::Opening;

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It gets this text: one document without markers.
    Replaced(String),
    /// It goes, with the `---` before it; that stays where directives stand before it.
    Removed,
}

impl Documents<'_> {
    /// The stream with documents replaced and removed, by their places; every other byte stays, and line breaks become
    /// those of the stream. A place past the end changes nothing. Cost in proportion to the stream.
    pub fn edit(&self, fates: &BTreeMap<usize, Fate>) -> String {
        let (mut text, mut kept_from) = (String::with_capacity(self.text.len()), 0);
        for (index, fate) in fates {
            let Some(document) = self.list.get(*index) else { continue };
            let start = match (fate, &document.opening) {
                (Fate::Removed, Opening::Marker { at, directives: false }) => *at,
                _ => document.range.start,
            };
            text.push_str(&self.text[kept_from..start]);
            match (fate, &document.opening) {
                (Fate::Replaced(body), opening) => {
                    text.push_str(if *opening == Opening::Bare { "" } else { self.line_break() });
                    text.push_str(&self.fitted(body));
                }
                (Fate::Removed, Opening::Marker { directives: true, .. }) => text.push_str(self.line_break()),
                (Fate::Removed, _) => {}
            }
            kept_from = document.range.end;
        }
        text.push_str(&self.text[kept_from..]);
        text
    }

    /// The stream with more documents at its end, each behind a `---` where there are others before it.
    pub fn append(&self, bodies: impl IntoIterator<Item = String>) -> String {
        let line_break = self.line_break();
        let (mut text, mut closed) = (self.text.to_owned(), self.closed);
        for body in bodies {
            if !(text.is_empty() || text.ends_with(['\n', '\r', '\u{feff}'])) {
                text.push_str(line_break);
            }
            if closed {
                text.extend(["---", line_break]);
            }
            text.push_str(&self.fitted(&body));
            closed = true;
        }
        text
    }

    fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// `body` with the stream's line breaks, the last line ended.
    fn fitted(&self, body: &str) -> String {
        let mut body = body.to_owned();
        if !body.is_empty() && !body.ends_with('\n') {
            body.push('\n');
        }
        if self.line_break() == "\r\n" { body.replace("\r\n", "\n").replace('\n', "\r\n") } else { body }
    }
}

#[cfg(test)]
mod tests {
    use super::super::documents;
    use super::Fate;

    const STREAM: &str = "# head\n---\na: 1 # one\n---\nb: 2\n---\n# three\nc: 3\n";

    fn replace(text: &str, index: usize, body: &str) -> String {
        documents(text).unwrap().edit(&[(index, Fate::Replaced(body.into()))].into())
    }

    fn remove(text: &str, index: usize) -> String {
        documents(text).unwrap().edit(&[(index, Fate::Removed)].into())
    }

    fn append(text: &str, body: &str) -> String {
        documents(text).unwrap().append([body.to_owned()])
    }

    #[test]
    fn many_edits_at_once_are_those_edits_one_after_the_other() {
        let fates = [(0, Fate::Removed), (1, Fate::Replaced("b: two".into())), (2, Fate::Removed)];
        assert_eq!(documents(STREAM).unwrap().edit(&fates.into()), "# head\n---\nb: two\n");
        let more = documents("a: 1").unwrap().append(["b: 2".to_owned(), "c: 3\n".to_owned()]);
        assert_eq!(more, "a: 1\n---\nb: 2\n---\nc: 3\n");
        assert_eq!(documents("").unwrap().append(["a: 1".to_owned(), "b: 2".to_owned()]), "a: 1\n---\nb: 2\n");
    }

    #[test]
    fn replacing_keeps_every_other_byte() {
        assert_eq!(replace(STREAM, 1, "b: two\n"), "# head\n---\na: 1 # one\n---\nb: two\n---\n# three\nc: 3\n");
        assert_eq!(replace("--- {a: 1}\n---\nb: 2", 0, "a: 2"), "---\na: 2\n---\nb: 2");
        assert_eq!(replace("a: 1\r\n---\r\nb: 2\r\n", 0, "x:\n  y: 1\n"), "x:\r\n  y: 1\r\n---\r\nb: 2\r\n");
        assert_eq!(replace(STREAM, 7, "x"), STREAM);
    }

    #[test]
    fn removing_takes_the_marker_along() {
        assert_eq!(remove(STREAM, 1), "# head\n---\na: 1 # one\n---\n# three\nc: 3\n");
        assert_eq!(remove(STREAM, 0), "# head\n---\nb: 2\n---\n# three\nc: 3\n");
        assert_eq!(remove("a: 1\n---\nb: 2\n", 0), "---\nb: 2\n");
        assert_eq!(remove("%YAML 1.2\n---\na: 1\n", 0), "%YAML 1.2\n---\n");
        assert_eq!(remove("a: 1\n", 0), "");
    }

    #[test]
    fn appending_adds_a_marker_where_one_is_needed() {
        assert_eq!(append("", "a: 1"), "a: 1\n");
        assert_eq!(append("# head\n", "a: 1\n"), "# head\na: 1\n");
        assert_eq!(append("a: 1", "b: 2\n"), "a: 1\n---\nb: 2\n");
        assert_eq!(append("a: 1\n---\n", "b: 2\n"), "a: 1\n---\nb: 2\n");
        assert_eq!(append("a: 1\n...\n", "b: 2\n"), "a: 1\n...\n---\nb: 2\n");
        assert_eq!(append("a: 1\r\n", "b: 2\n"), "a: 1\r\n---\r\nb: 2\r\n");
    }
}
