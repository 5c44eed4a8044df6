use std::ops::Range;

use super::lines::Lines;
use super::{Edits, Node, Place};
use crate::gateway::config_map::Shift;

/// A text that is a block of lines in another text, each of them indented.
#[derive(Debug)]
pub(super) struct Block<'a> {
    outer: &'a Lines<'a>,
    lines: Range<usize>,
    indent: usize,
}

impl<'a> Block<'a> {
    /// `None` if `node` is a text in another style.
    pub(super) fn of(outer: &'a Lines<'a>, node: &Node) -> Option<Self> {
        let Shift::Block { line, indent } = Shift::of(node) else { return None };
        let (begin, indent) = (Lines::number(Place { line, column: 1 }), indent as usize);
        // A line of blanks alone is an empty one, however many they are.
        let is_inside =
            |number: &usize| outer.line(*number).trim().is_empty() || outer.indent(*number) >= indent;
        let end = (begin..outer.count()).find(|number| !is_inside(number)).unwrap_or(outer.count());
        Some(Self { outer, lines: begin..end, indent })
    }

    /// Its lines without the indentation.
    pub(super) fn text(&self) -> String {
        self.lines.clone().map(|number| &self.outer.whole(number)[self.cut(number)..]).collect()
    }

    /// Edits of its text as edits of the text around it.
    pub(super) fn outer(&self, edits: Edits, text: &str) -> Edits {
        let inner = Lines::new(text);
        let mut outer = Edits::default();
        for (range, new) in edits.0 {
            let starts_line = inner.place_of(range.start).1 == 0;
            let [start, end] = [range.start, range.end].map(|byte| self.byte(inner.place_of(byte)));
            let mut lines = String::new();
            for (index, line) in new.split_inclusive('\n').enumerate() {
                let is_line = index > 0 || starts_line;
                let width = if is_line && !line.trim().is_empty() { self.indent } else { 0 };
                lines.extend(std::iter::repeat_n(' ', width));
                lines.push_str(line);
            }
            outer.replace(start..end, lines);
        }
        outer
    }

    /// The byte in the text around it; `column` counts bytes.
    fn byte(&self, (number, column): (usize, usize)) -> usize {
        let number = self.lines.start + number;
        let begin = self.outer.bytes(number..number).start;
        // What begins a line inside has its indentation.
        if column == 0 { begin } else { begin + self.cut(number) + column }
    }

    fn cut(&self, number: usize) -> usize {
        self.outer.indent(number).min(self.indent)
    }
}
