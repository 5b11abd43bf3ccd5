//! Text of others inside our Markdown.

use crate::review::words::visible;

/// A character that keeps `@name` and `#1` from being read as a mention or a reference, and is not seen.
const BREAK: char = '\u{200b}';

/// The most characters of one piece of text.
const LONGEST: usize = 2_000;

/// A text in one line that Markdown shows as it is: no markup, HTML, mention, reference or link comes of it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let line = plain_line(text);
    let mut rest = line.as_str();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', c]),
            '@' => out.extend([c, BREAK]),
            '#' => out.extend(['\\', c, BREAK]),
            ':' if rest.starts_with("//") => out.extend([c, BREAK]),
            'w' | 'W' if rest.get(..3).is_some_and(|next| next.eq_ignore_ascii_case("ww.")) => out.extend([c, BREAK]),
            'g' | 'G' if rest.get(..2).is_some_and(|next| next.eq_ignore_ascii_case("h-")) => out.extend([c, BREAK]),
            c => out.push(c),
        }
    }
    out
}

/// A text in one line between backticks, which Markdown shows as it is.
pub(super) fn code(text: &str) -> String {
    let line = plain_line(text);
    if line.is_empty() {
        return "–".into();
    }
    let fence = "`".repeat(longest_run(&line) + 1);
    let space = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

/// A text in one line for where there is no Markdown, but mentions and references are read.
pub(super) fn plain(text: &str) -> String {
    plain_line(text).replace('@', "@\u{200b}").replace('#', "#\u{200b}")
}

/// The longest run of backticks.
pub(super) fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// White space as single blanks, at most [`LONGEST`] characters.
fn plain_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().map(visible).take(LONGEST).collect();
    if line.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_becomes_markup() {
        for (text, shown) in [
            ("ask @alice or @org/team", "ask @\u{200b}alice or @\u{200b}org/team"),
            ("fixes #1 and gh-2", "fixes \\#\u{200b}1 and g\u{200b}h-2"),
            ("<img src=x> &amp;", "&lt;img src=x&gt; &amp;amp;"),
            ("[a](https://b.c) ![i](x)", "\\[a\\](https:\u{200b}//b.c) !\\[i\\](x)"),
            ("**b** `c` ~~d~~ | $e$ \\", "\\*\\*b\\*\\* \\`c\\` \\~\\~d\\~\\~ \\| \\$e\\$ \\\\"),
            ("a\n\n# b\r\n- c", "a \\#\u{200b} b - c"),
            ("www.a.b", "w\u{200b}ww.a.b"),
            ("a\u{202e}b\u{7}", "a\u{fffd}b\u{fffd}"),
            ("*.example.com", "\\*.example.com"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn code_holds_backticks_and_bars() {
        for (text, shown) in
            [("a", "`a`"), ("a``b", "```a``b```"), ("`a", "`` `a ``"), ("a|b\nc", "`a|b c`"), (" ", "–")]
        {
            assert_eq!(code(text), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(escaped(&"a".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
