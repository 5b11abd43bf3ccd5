//! Where values stand in a text.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Options, Parser, Span, StrInput};

/// Line and column, both from 1.
pub type Position = (u32, u32);

/// Where the value at a JSON pointer (RFC 6901) stands in the first document of `text`; see [`positions`].
pub fn position(text: &str, pointer: &str) -> Option<Position> {
    positions(text, &[pointer]).pop().flatten()
}

/// Where the values at JSON pointers (RFC 6901) stand in the first document of `text`, found in one pass over it.
///
/// A member of a map stands where its key stands. Where a pointer leads past what is written, or past what can be read,
/// the answer is the innermost part before; `None` only when nothing can be read. Aliases and merge keys are not
/// followed.
pub fn positions(text: &str, pointers: &[&str]) -> Vec<Option<Position>> {
    let (mut sought, ends) = Sought::of(pointers);
    let mut options = Options::default();
    options.set_emit_comments(false);
    // What cannot be read ends the walk: what was met before it is known.
    let _ = Walk { parser: Parser::new_from_str_with_options(text, options), sought: &mut sought }.run();
    ends.into_iter().map(|end| sought.place(end)).collect()
}

/// The values that are looked for, as a tree of the tokens of their pointers; the first is the whole document.
struct Sought {
    values: Vec<SoughtValue>,
    /// How many have not been met yet.
    left: usize,
}

#[derive(Default)]
struct SoughtValue {
    parent: Option<usize>,
    members: HashMap<String, usize>,
    place: Option<Position>,
}

impl Sought {
    /// The tree of some pointers, and where in it each of them leads.
    fn of(pointers: &[&str]) -> (Self, Vec<usize>) {
        let mut values = vec![SoughtValue::default()];
        let mut ends = Vec::with_capacity(pointers.len());
        for pointer in pointers {
            let mut at = 0;
            for token in pointer.split('/').skip(1) {
                let token = token.replace("~1", "/").replace("~0", "~");
                let next = values.len();
                let member = *values[at].members.entry(token).or_insert(next);
                if member == next {
                    values.push(SoughtValue { parent: Some(at), ..SoughtValue::default() });
                }
                at = member;
            }
            ends.push(at);
        }
        let left = values.len();
        (Self { values, left }, ends)
    }

    fn meet(&mut self, value: usize, at: Span) {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        if self.values[value].place.is_none() {
            self.values[value].place = Some((number(at.start.line()), number(at.start.col() + 1)));
            self.left -= 1;
        }
    }

    /// The place of a value, or of the innermost part around it that was met.
    fn place(&self, value: usize) -> Option<Position> {
        let ancestors = std::iter::successors(Some(value), |value| self.values[*value].parent);
        ancestors.map(|value| self.values[value].place).find(Option::is_some).flatten()
    }

    /// A member that was not met before: of a key that is repeated the first counts.
    fn member(&self, of: usize, token: &str) -> Option<usize> {
        self.values[of].members.get(token).copied().filter(|member| self.values[*member].place.is_none())
    }
}

/// A map or list that is being walked through, and the value that is looked for there.
enum Within {
    Map(usize),
    List(usize, usize),
}

struct Walk<'a, 's> {
    parser: Parser<'a, StrInput<'a>>,
    sought: &'s mut Sought,
}

impl<'a> Walk<'a, '_> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.parser.next_event()?.ok()
    }

    /// Meets what is looked for, until all is met or the document ends; `None` when it cannot be read on.
    fn run(&mut self) -> Option<()> {
        let (first, at) = loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return None,
                node => break node,
            }
        };
        let mut open = vec![];
        self.enter(&first, at, Some(0), &mut open)?;
        while let Some(within) = open.last_mut().filter(|_| self.sought.left > 0) {
            let (event, at) = self.parser.next_event()?.ok()?;
            match (&event, within) {
                (Event::MappingEnd | Event::SequenceEnd, _) => _ = open.pop(),
                (_, Within::List(list, index)) => {
                    let item = self.sought.member(*list, &index.to_string());
                    *index += 1;
                    self.enter(&event, at, item, &mut open)?;
                }
                (key, Within::Map(map)) => {
                    let member = match key {
                        Event::Scalar(text, ..) => self.sought.member(*map, text),
                        _ => None,
                    };
                    self.skip(key)?;
                    // A member stands where its key stands.
                    let value = self.next()?.0;
                    self.enter(&value, at, member, &mut open)?;
                }
            }
        }
        Some(())
    }

    /// Meets the node that `begun` began, and goes into it where more is looked for there; else passes over it.
    fn enter(&mut self, begun: &Event<'_>, at: Span, value: Option<usize>, open: &mut Vec<Within>) -> Option<()> {
        let Some(value) = value else { return self.skip(begun) };
        self.sought.meet(value, at);
        match begun {
            _ if self.sought.values[value].members.is_empty() => return self.skip(begun),
            Event::MappingStart(..) => open.push(Within::Map(value)),
            Event::SequenceStart(..) => open.push(Within::List(value, 0)),
            _ => {}
        }
        Some(())
    }

    /// Passes over the rest of the node that `begun` began.
    fn skip(&mut self, begun: &Event<'_>) -> Option<()> {
        let mut depth = usize::from(matches!(begun, Event::MappingStart(..) | Event::SequenceStart(..)));
        while depth > 0 {
            match self.next()?.0 {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{position, positions};

    const TEXT: &str = "# comment\nkind: Gateway\nspec:\n  servers:\n  - hosts: [a, b]\n    port:\n      number: 80\n  - \
                        hosts:\n      - c\n  a/b: {x~y: 1}\n";

    #[test]
    fn maps_lists_and_flow() {
        assert_eq!(position(TEXT, ""), Some((2, 1)));
        assert_eq!(position(TEXT, "/spec"), Some((3, 1)));
        assert_eq!(position(TEXT, "/spec/servers/0/port/number"), Some((7, 7)));
        assert_eq!(position(TEXT, "/spec/servers/0/hosts/1"), Some((5, 16)));
        assert_eq!(position(TEXT, "/spec/servers/1/hosts/0"), Some((9, 9)));
        assert_eq!(position(TEXT, "/spec/a~1b/x~0y"), Some((10, 9)));
    }

    #[test]
    fn what_is_not_written_stands_at_what_is() {
        assert_eq!(position(TEXT, "/spec/servers/1/tls/mode"), Some((8, 5)));
        assert_eq!(position(TEXT, "/spec/servers/5"), Some((4, 3)));
        assert_eq!(position("{", "/a"), None);
        assert_eq!(position("a:\n  b: 1\n  c: [\n", "/a/c/0"), Some((3, 3)));
        assert_eq!(position("", "/a"), None);
        assert_eq!(position("a: 1\na: 2\n", "/a"), Some((1, 1)));
    }

    #[test]
    fn many_are_found_in_one_pass() {
        let pointers = ["/spec/servers/1/hosts/0", "", "/spec/servers/0/port/number", "/spec/servers/9", "/kind"];
        let expected = [(9, 9), (2, 1), (7, 7), (4, 3), (2, 1)].map(Some);
        assert_eq!(positions(TEXT, &pointers), expected);
        let text = "- a: 1\n".repeat(100_000);
        let pointers: Vec<String> = (0..100_000).map(|index| format!("/{index}/a")).collect();
        let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
        assert_eq!(positions(&text, &pointers).last(), Some(&Some((100_000, 3))));
    }

    #[test]
    fn any_depth_is_walked_through() {
        assert_eq!(position(&format!("a: {}", "[".repeat(1 << 20)), "/b"), Some((1, 1)));
        let deep = format!("{}1{}", "{a: ".repeat(200), "}".repeat(200));
        assert_eq!(position(&deep, &"/a".repeat(200)), Some((1, 798)));
    }
}
