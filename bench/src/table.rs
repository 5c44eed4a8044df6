use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::proxies::Proxy;
use crate::rows::Row;

/// Figures by row and program, one for each round.
#[derive(Default)]
pub struct Table(BTreeMap<Row, BTreeMap<&'static str, Vec<f64>>>);

impl Table {
    pub fn note(&mut self, row: Row, program: &'static str, figure: f64) {
        self.0.entry(row).or_default().entry(program).or_default().push(figure);
    }

    /// The median of the rounds.
    pub fn median(&self, row: Row, program: &str) -> Option<f64> {
        let mut figures = self.0.get(&row)?.get(program)?.clone();
        figures.sort_by(f64::total_cmp);
        Some(figures[figures.len() / 2])
    }

    /// The programs of which something was noted, of `all`.
    pub fn programs(&self, all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        all.filter(|program| self.0.values().any(|columns| columns.contains_key(program))).collect()
    }

    /// The best of the programs that are not the bridge.
    pub fn best_peer(&self, row: Row, programs: &[&'static str]) -> Option<(&'static str, f64)> {
        let peers = programs.iter().filter(|name| Proxy::is_peer(name));
        let peers = peers.filter_map(|peer| Some((*peer, self.median(row, peer)?)));
        peers.min_by(|(_, one), (_, other)| match row.is_rate() {
            true => other.total_cmp(one),
            false => one.total_cmp(other),
        })
    }

    /// As Markdown: the medians with the range of the rounds, and the bridge's ratio to the best of the peers, for each
    /// of its builds.
    pub fn markdown(&self, programs: &[&'static str]) -> String {
        let mut text = format!(
            "| | {} | of the best peer |\n|---|{}\n",
            programs.join(" | "),
            "---|".repeat(programs.len() + 1)
        );
        for row in Row::ALL {
            let cells = programs.iter().map(|program| self.cell(*row, program)).collect::<Vec<_>>();
            let ratio = self.ratio(*row, programs).unwrap_or_default();
            writeln!(text, "| {} | {} | {ratio} |", row.title(), cells.join(" | ")).expect("a string");
        }
        text
    }

    /// `None` where only the bridge was measured.
    fn ratio(&self, row: Row, programs: &[&'static str]) -> Option<String> {
        let (peer, theirs) = self.best_peer(row, programs)?;
        let ours = programs.iter().filter(|name| !Proxy::is_peer(name));
        let ratios = ours.filter_map(|name| Some(format!("{:.2}", self.median(row, name)? / theirs)));
        Some(format!("{} ({peer})", ratios.collect::<Vec<_>>().join(", ")))
    }

    fn cell(&self, row: Row, program: &str) -> String {
        let figures = self.0.get(&row).and_then(|columns| columns.get(program));
        let Some((figures, median)) = figures.zip(self.median(row, program)) else { return "-".to_owned() };
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match figures.len() {
            1 => written(median),
            _ => format!("{} ({} to {})", written(median), written(least), written(most)),
        }
    }
}

/// With as many digits as say something.
pub fn written(figure: f64) -> String {
    match figure.abs() {
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
