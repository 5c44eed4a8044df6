use std::borrow::Cow;
use std::ops::Range;

use super::Place;
use crate::gateway::document::line_begins;

/// A text by its lines, which are counted from 0.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
    /// Where each line begins, and the end of the text.
    begins: Vec<usize>,
    /// What ends a line of this text.
    pub(super) end: &'static str,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, begins: line_begins(text), end: if text.contains("\r\n") { "\r\n" } else { "\n" } }
    }

    pub(super) fn count(&self) -> usize {
        self.begins.len() - 1
    }

    /// The line after the last one of a document, which can be `...`.
    pub(super) fn end_of_document(&self) -> usize {
        let is_end = |number: &usize| self.line(*number).split(' ').next() == Some("...");
        (0..self.count()).find(is_end).unwrap_or(self.count())
    }

    /// The text, whose last line has an end too.
    pub(super) fn ended(&self) -> Cow<'a, str> {
        if self.text.is_empty() || self.text.ends_with('\n') {
            return self.text.into();
        }
        Cow::Owned(format!("{}{}", self.text, self.end))
    }

    /// A line without what ends it.
    pub(super) fn line(&self, number: usize) -> &'a str {
        self.whole(number).trim_end_matches(['\r', '\n'])
    }

    /// A line with what ends it.
    pub(super) fn whole(&self, number: usize) -> &'a str {
        &self.text[self.bytes(number..number + 1)]
    }

    /// The bytes of whole lines.
    pub(super) fn bytes(&self, lines: Range<usize>) -> Range<usize> {
        let begin = |number: usize| self.begins[number.min(self.count())];
        begin(lines.start)..begin(lines.end)
    }

    /// The number of the line of a place.
    pub(super) const fn number(place: Place) -> usize {
        place.line as usize - 1
    }

    /// The byte of a place.
    pub(super) fn byte(&self, place: Place) -> usize {
        let number = Self::number(place).min(self.count().saturating_sub(1));
        let line = self.whole(number);
        let column = place.column as usize - 1;
        self.begins[number] + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
    }

    /// The line of a byte, and how many bytes of the line stand before it.
    pub(super) fn place_of(&self, byte: usize) -> (usize, usize) {
        let number = self.begins.partition_point(|begin| *begin <= byte) - 1;
        (number, byte - self.begins[number])
    }

    /// What begins at a place, up to the end of its line.
    pub(super) fn rest(&self, place: Place) -> &'a str {
        let at = self.byte(place);
        self.text[at..].lines().next().unwrap_or_default()
    }

    /// The line after the last one of `lines` that is more than a comment.
    pub(super) fn end_of_contents(&self, lines: Range<usize>) -> usize {
        lines.clone().rev().find(|number| !self.is_aside(*number)).map_or(lines.start, |number| number + 1)
    }

    /// The first of the comments that stand directly above a line, or the line itself.
    pub(super) fn begin_of_comments(&self, number: usize) -> usize {
        let is_comment = |number: &usize| self.line(*number).trim_start().starts_with('#');
        (0..number).rev().take_while(is_comment).last().unwrap_or(number)
    }

    fn is_aside(&self, number: usize) -> bool {
        let line = self.line(number).trim_start();
        line.is_empty() || line.starts_with('#')
    }

    /// How far a line is indented.
    pub(super) fn indent(&self, number: usize) -> usize {
        let line = self.line(number);
        line.len() - line.trim_start_matches(' ').len()
    }

    /// Lines of this text, moved from one indentation to another one, for a text whose lines end with `end`.
    pub(super) fn moved(&self, lines: Range<usize>, from: usize, to: usize, end: &str) -> String {
        let mut text = String::new();
        for number in lines {
            let line = self.line(number);
            if !line.is_empty() {
                let indent = self.indent(number).saturating_sub(from) + to;
                text.extend(std::iter::repeat_n(' ', indent));
                text.push_str(line.trim_start_matches(' '));
            }
            text.push_str(end);
        }
        text
    }
}
