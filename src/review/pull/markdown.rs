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
            'g' | 'G' if is_numbered(rest) => out.extend([c, BREAK]),
            c => out.push(c),
        }
    }
    out
}

/// Whether what follows a `g` makes it refer to an issue, as `gh-1` does.
fn is_numbered(rest: &str) -> bool {
    let mark = rest.get(..2).is_some_and(|next| next.eq_ignore_ascii_case("h-"));
    mark && rest.as_bytes().get(2).is_some_and(u8::is_ascii_digit)
}

/// The same of a text in which backticks stand around code, as in findings: it is shown as code, and so is what would
/// become a link, a mention or a reference, for a reader to copy.
pub(super) fn prose(text: &str) -> String {
    let line = plain_line(text);
    let pieces: Vec<&str> = line.split('`').collect();
    let last = pieces.len() - 1;
    // Backticks that stand beside others would make longer fences of them.
    let apart = pieces.iter().enumerate().all(|(n, piece)| !piece.is_empty() || n == 0 || n == last);
    if last % 2 == 1 || !apart {
        return escaped(&line);
    }
    let shown = pieces.iter().enumerate().map(|(n, piece)| match n % 2 {
        0 => words(piece, n > 0, n < last),
        _ => code(piece),
    });
    shown.collect()
}

/// Words that may follow code, or be followed by some, without a blank between.
fn words(piece: &str, follows: bool, followed: bool) -> String {
    let words: Vec<&str> = piece.split(' ').collect();
    let last = words.len() - 1;
    let shown = words.iter().enumerate().map(|(n, word)| {
        let core = word.trim_matches(['(', ')', '.', ',', ';', ':', '!', '?', '"', '\'']);
        let beside = n == 0 && follows || n == last && followed;
        match word.split_once(core) {
            Some((before, after)) if !beside && escaped(core).contains(BREAK) => {
                format!("{}{}{}", escaped(before), code(core), escaped(after))
            }
            _ => escaped(word),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A text in one line between backticks, which Markdown shows as it is.
pub fn code(text: &str) -> String {
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_of_others_becomes_markup() {
        for (text, shown) in [
            ("ask @alice or @org/team", "ask @\u{200b}alice or @\u{200b}org/team"),
            ("fixes #1 and gh-2, not gh-pages", "fixes \\#\u{200b}1 and g\u{200b}h-2, not gh-pages"),
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
    fn what_stands_between_backticks_is_code_and_so_is_what_is_worth_copying() {
        for (text, shown) in [
            ("app `cart` is `a*b`", "app `cart` is `a*b`"),
            ("see https://b.c/d, or www.e.f.", "see `https://b.c/d`, or `www.e.f`."),
            ("ask @alice (gh-2, #1) about gh-pages", "ask `@alice` (`gh-2`, `#1`) about gh-pages"),
            ("<b> of `<b>` & *", "&lt;b&gt; of `<b>` &amp; \\*"),
            ("`a`@b c@`d`", "`a`@\u{200b}b c@\u{200b}`d`"),
            ("an odd ` one @b", "an odd \\` one @\u{200b}b"),
            ("`a``b` and ``c``", "\\`a\\`\\`b\\` and \\`\\`c\\`\\`"),
            ("` a `", "`a`"),
            ("", ""),
            ("... ?", "... ?"),
        ] {
            assert_eq!(prose(text), shown);
        }
    }

    /// What a reader of Markdown sees outside code (CommonMark, section 6.1).
    fn outside_code(text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(c) = rest.chars().next() {
            let run = rest.len() - rest.trim_start_matches('`').len();
            let behind = &rest[run.max(c.len_utf8())..];
            let end = |(at, _): &(usize, &str)| {
                let length = behind[*at..].len() - behind[*at..].trim_start_matches('`').len();
                length == run && !behind[..*at].ends_with('`')
            };
            rest = match (c, behind.match_indices('`').find(end)) {
                ('`', Some((at, _))) => &behind[at + run..],
                ('\\', _) => behind.char_indices().nth(1).map_or("", |(at, _)| &behind[at..]),
                _ => {
                    out.push(c);
                    behind
                }
            };
        }
        out
    }

    proptest! {
        #[test]
        fn nothing_of_others_steps_out_of_its_code(pieces in prop::collection::vec(
            prop::sample::select(vec!["`", "`", "a", " ", " ", "@b", "<c>", "https://d", "#1", "\\", "*", "(", ")", ".", "|"]), 0..24,
        )) {
            let text = pieces.concat();
            let seen = outside_code(&prose(&text));
            let wrong = ["@b", "<", "://", "#1"].iter().find(|mark| seen.contains(**mark));
            prop_assert_eq!(wrong, None, "{:?} is shown as {:?}", text, prose(&text));
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
