//! Where a value stands in a text.

use serde_yaml::granit_parser::{Event, Options, Parser, Span, StrInput};

/// Line and column, both from 1, of the value at a JSON pointer (RFC 6901) in the first document of `text`.
///
/// A member of a map stands where its key stands. Where the pointer leads past what is written, the answer is the
/// innermost part that is; `None` only when the text cannot be read that far. Aliases and merge keys are not followed.
pub fn position(text: &str, pointer: &str) -> Option<(u32, u32)> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut walk = Walk { parser: Parser::new_from_str_with_options(text, options) };
    let mut found = loop {
        match walk.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            node => break node,
        }
    };
    let mut place = found.1;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let member = match found.0 {
            Event::MappingStart(..) => walk.member(&token)?,
            Event::SequenceStart(..) => walk.item(&token)?,
            _ => None,
        };
        let Some((at, node)) = member else { break };
        place = at;
        found = node;
    }
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Some((number(place.start.line()), number(place.start.col() + 1)))
}

struct Walk<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

type Node<'a> = (Event<'a>, Span);

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<Node<'a>> {
        self.parser.next_event()?.ok()
    }

    /// The place of `key` in the map just begun, and its value; `Some(None)` when the map has no such key.
    fn member(&mut self, key: &str) -> Option<Option<(Span, Node<'a>)>> {
        loop {
            let (event, at) = self.next()?;
            let hit = match &event {
                Event::MappingEnd => return Some(None),
                Event::Scalar(text, ..) => text == key,
                _ => false,
            };
            self.skip(&event)?;
            let value = self.next()?;
            if hit {
                return Some(Some((at, value)));
            }
            self.skip(&value.0)?;
        }
    }

    /// The item at `index` of the list just begun; `Some(None)` when the list is shorter.
    fn item(&mut self, index: &str) -> Option<Option<(Span, Node<'a>)>> {
        let Ok(mut left) = index.parse::<usize>() else { return Some(None) };
        loop {
            let node = self.next()?;
            if node.0 == Event::SequenceEnd {
                return Some(None);
            }
            if left == 0 {
                return Some(Some((node.1, node)));
            }
            left -= 1;
            self.skip(&node.0)?;
        }
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
    use super::position;

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
    }
}
