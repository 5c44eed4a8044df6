//! The table as a picture: for each row a bar for each program, relative to the best of the peers.

use std::fmt::Write as _;

use crate::proxies::Proxy;
use crate::rows::Row;
use crate::table::{Table, written};

/// An SVG file that needs nothing else, for light and dark pages.
pub fn svg(table: &Table, programs: &[&'static str]) -> String {
    let block = TITLE + programs.len() * BAR + GAP;
    let height = GAP + Row::ALL.len() * block;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"system-ui, sans-serif\">\n\
         <title>The bridge next to other proxies; shorter bars are better, except for rates</title>\n\
         <style>text {{ fill: #222; font-size: 13px }} .small {{ font-size: 11px }} .peer {{ fill: #9aa5b1 }} .ours {{ fill: #2563a8 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} .peer {{ fill: #5c6773 }} .ours {{ fill: #6aa5e8 }} }}</style>\n"
    );
    for (index, row) in Row::ALL.iter().enumerate() {
        let top = GAP + index * block;
        writeln!(text, "<text x=\"0\" y=\"{}\">{}</text>", top + TITLE - 6, row.title()).expect("a string");
        let figures = programs.iter().map(|program| table.median(*row, program)).collect::<Vec<_>>();
        let longest = figures.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (place, (program, figure)) in programs.iter().zip(&figures).enumerate() {
            let Some(figure) = figure else { continue };
            let (class, y) =
                (if Proxy::is_peer(program) { "peer" } else { "ours" }, top + TITLE + place * BAR);
            let length = (figure.max(0.0) / longest * LONGEST as f64).max(1.0);
            writeln!(
                text,
                "<text class=\"small\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{program}</text>\
                 <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.0}\" height=\"{}\"/>\
                 <text class=\"small\" x=\"{:.0}\" y=\"{}\">{}</text>",
                LEFT - 6,
                y + BAR - 5,
                BAR - 3,
                LEFT as f64 + length + 5.0,
                y + BAR - 5,
                written(*figure)
            )
            .expect("a string");
        }
    }
    text.push_str("</svg>\n");
    text
}

const WIDTH: usize = 640;
/// Where bars begin, and how long one may be.
const LEFT: usize = 70;
const LONGEST: usize = 500;
/// Heights.
const TITLE: usize = 20;
const BAR: usize = 16;
const GAP: usize = 14;
