//! Tabs where go-yaml refuses them, and the parser that we use does not: YAML 1.2 takes them there.

use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::Place;

/// The parts of a text in which a tab is as good as a space: scalars and flow collections.
#[derive(Default)]
pub(super) struct Covered {
    all: Vec<Range<usize>>,
    /// The ends of plain scalars, which may be followed by lines of blanks.
    plain: Vec<usize>,
    /// The collections that are open, with the place where a flow collection begins.
    open: Vec<Option<usize>>,
}

impl Covered {
    pub(super) fn note(&mut self, event: &Event<'_>, span: Span) {
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else { return };
        match event {
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                self.open.push((*style == StructureStyle::Flow).then_some(start));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let begun = self.open.pop().flatten();
                if let Some(start) = begun.filter(|_| !self.is_in_flow()) {
                    self.all.push(start..end);
                }
            }
            Event::Scalar(_, style, ..) if !self.is_in_flow() => {
                self.all.push(start..end);
                if *style == ScalarStyle::Plain {
                    self.plain.push(end);
                }
            }
            _ => {}
        }
    }

    fn is_in_flow(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// The first tab in the place of an indentation, also after `-`, `?` or `:` at the beginning of a line.
    pub(super) fn misplaced(&self, text: &str) -> Option<Place> {
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            if let Some(at) = indenting(line)
                && !self.covers(offset + at)
                && !(at > 0 && self.goes_on(text, offset + at))
            {
                return Some(Place::of(text.as_bytes(), offset + at));
            }
            offset += line.len();
        }
        None
    }

    fn covers(&self, at: usize) -> bool {
        let before = self.all.partition_point(|range| range.start <= at);
        before.checked_sub(1).is_some_and(|index| self.all[index].end > at)
    }

    /// Is there nothing but blanks between a plain scalar and this place, and in the rest of its line?
    fn goes_on(&self, text: &str, at: usize) -> bool {
        let before = self.plain.partition_point(|end| *end <= at);
        let end = before.checked_sub(1).map(|index| self.plain[index]);
        let is_blank_after = text[at..].lines().next().is_none_or(|rest| rest.trim().is_empty());
        is_blank_after && end.is_some_and(|end| text[end..at].trim().is_empty())
    }
}

/// Where a tab stands before the first thing of a line that is not one of these indicators.
fn indenting(line: &str) -> Option<usize> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.starts_with('\t') {
            return Some(line.len() - rest.len());
        }
        rest = rest.strip_prefix(['-', '?', ':'])?;
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
    }
}
