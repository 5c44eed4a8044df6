use std::path::Path;
use std::{fs, io};

/// Puts the figures into `docs/performance.md`, between its two marks, and the plot next to it.
#[expect(clippy::disallowed_methods, reason = "two files of the repository, which Git has")]
pub fn write(docs: &Path, rounds: usize, table: &str, plot: &str) -> io::Result<()> {
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page)?;
    let (Some((before, rest)), true) = (text.split_once(BEGIN), text.contains(END)) else {
        return Err(io::Error::other(format!("`{}` has no place for the figures", page.display())));
    };
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    let figures = format!("Medians of {rounds} rounds, with the range of the rounds.\n\n{table}");
    fs::write(&page, format!("{before}{BEGIN}\n{figures}{END}{after}"))?;
    fs::write(docs.join("performance.svg"), plot)
}

const BEGIN: &str = "<!-- figures of bench/run -->";
const END: &str = "<!-- end of the figures -->";
