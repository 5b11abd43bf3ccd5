//! A page that never grows over its limit.

/// What is kept for closing a section and for the lines that say how much is left out.
const RESERVE: usize = 4_000;

/// A page being written: what does not fit is left out, never cut in the middle.
pub(super) struct Page {
    text: String,
    limit: usize,
}

impl Page {
    /// An empty page of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// The bytes that lists may still take.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.text.len() + RESERVE)
    }

    /// Writes a short text of ours, if it fits at all.
    pub(super) fn push(&mut self, text: &str) {
        if self.text.len() + text.len() <= self.limit {
            self.text.push_str(text);
        }
    }

    /// Writes lines up to a share of the page, and then how many are left out.
    pub(super) fn list(&mut self, share: usize, lines: impl Iterator<Item = String>, more: impl Fn(usize) -> String) {
        let mut share = share.min(self.left());
        let mut omitted = 0;
        for line in lines {
            match share.checked_sub(line.len()) {
                Some(left) if omitted == 0 => {
                    share = left;
                    self.text.push_str(&line);
                }
                _ => omitted += 1,
            }
        }
        if omitted > 0 {
            self.push(&more(omitted));
        }
    }

    /// Writes a collapsed section; left out when there is no room for it to be closed.
    pub(super) fn section(&mut self, title: &str, write: impl FnOnce(&mut Self)) {
        const CLOSE: &str = "\n</details>\n";
        let open = format!("\n<details><summary>{title}</summary>\n\n");
        if self.left() < open.len() + CLOSE.len() {
            return;
        }
        self.text.push_str(&open);
        self.limit -= CLOSE.len();
        write(self);
        self.limit += CLOSE.len();
        self.text.push_str(CLOSE);
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
