//! Changing one document of a stream and nothing else.

use super::Documents;
use super::stream::Opening;

impl Documents<'_> {
    /// The stream with the text of document `index` replaced by `body`; every other byte stays.
    ///
    /// `body` is one document without markers. Line breaks become those of the stream. An index past the end changes
    /// nothing.
    pub fn replace(&self, index: usize, body: &str) -> String {
        let Some(document) = self.list.get(index) else { return self.text.to_owned() };
        let opening = if document.opening == Opening::Bare { "" } else { self.line_break() };
        let (before, after) = (&self.text[..document.range.start], &self.text[document.range.end..]);
        [before, opening, &self.fitted(body), after].concat()
    }

    /// The stream without document `index` and the `---` before it; every other byte stays.
    ///
    /// The marker stays where directives stand before it. An index past the end changes nothing.
    pub fn remove(&self, index: usize) -> String {
        let Some(document) = self.list.get(index) else { return self.text.to_owned() };
        let start = match document.opening {
            Opening::Marker { at, directives: false } => at,
            Opening::Bare | Opening::Marker { .. } => document.range.start,
        };
        let kept =
            if matches!(document.opening, Opening::Marker { directives: true, .. }) { self.line_break() } else { "" };
        [&self.text[..start], kept, &self.text[document.range.end..]].concat()
    }

    /// The stream with one more document at its end, behind a `---` where there are others.
    pub fn append(&self, body: &str) -> String {
        let line_break = self.line_break();
        let ends = self.text.is_empty() || self.text.ends_with(['\n', '\r', '\u{feff}']);
        let gap = if ends { "" } else { line_break };
        let marker = if self.closed { ["---", line_break].concat() } else { String::new() };
        [self.text, gap, &marker, &self.fitted(body)].concat()
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

    const STREAM: &str = "# head\n---\na: 1 # one\n---\nb: 2\n---\n# three\nc: 3\n";

    #[test]
    fn replacing_keeps_every_other_byte() {
        assert_eq!(
            documents(STREAM).unwrap().replace(1, "b: two\n"),
            "# head\n---\na: 1 # one\n---\nb: two\n---\n# three\nc: 3\n"
        );
        assert_eq!(documents("--- {a: 1}\n---\nb: 2").unwrap().replace(0, "a: 2"), "---\na: 2\n---\nb: 2");
        assert_eq!(
            documents("a: 1\r\n---\r\nb: 2\r\n").unwrap().replace(0, "x:\n  y: 1\n"),
            "x:\r\n  y: 1\r\n---\r\nb: 2\r\n"
        );
        assert_eq!(documents(STREAM).unwrap().replace(7, "x"), STREAM);
    }

    #[test]
    fn removing_takes_the_marker_along() {
        assert_eq!(documents(STREAM).unwrap().remove(1), "# head\n---\na: 1 # one\n---\n# three\nc: 3\n");
        assert_eq!(documents(STREAM).unwrap().remove(0), "# head\n---\nb: 2\n---\n# three\nc: 3\n");
        assert_eq!(documents("a: 1\n---\nb: 2\n").unwrap().remove(0), "---\nb: 2\n");
        assert_eq!(documents("%YAML 1.2\n---\na: 1\n").unwrap().remove(0), "%YAML 1.2\n---\n");
        assert_eq!(documents("a: 1\n").unwrap().remove(0), "");
    }

    #[test]
    fn appending_adds_a_marker_where_one_is_needed() {
        assert_eq!(documents("").unwrap().append("a: 1"), "a: 1\n");
        assert_eq!(documents("# head\n").unwrap().append("a: 1\n"), "# head\na: 1\n");
        assert_eq!(documents("a: 1").unwrap().append("b: 2\n"), "a: 1\n---\nb: 2\n");
        assert_eq!(documents("a: 1\n---\n").unwrap().append("b: 2\n"), "a: 1\n---\nb: 2\n");
        assert_eq!(documents("a: 1\n...\n").unwrap().append("b: 2\n"), "a: 1\n...\n---\nb: 2\n");
        assert_eq!(documents("a: 1\r\n").unwrap().append("b: 2\n"), "a: 1\r\n---\r\nb: 2\r\n");
    }
}
