//! `--check`: a file with what the command writes.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use crate::gateway::{NoSections, Section, masked, sections};
use crate::printable::printable;
use crate::render::config::Compared;
use crate::report::{Finding, FindingId, enumeration};

/// Compares `found`, the text of the file, with what `command` writes, if it is a text of the same kind.
pub(super) fn compare(
    command: &'static str,
    path: &Path,
    found: &str,
    expected: &str,
) -> Result<Compared, NoSections> {
    let file = path.display().to_string();
    let form = Form::of(found);
    let plain = form.plain(found);
    let part = Part::of(&plain, expected)?;
    // A stanza is a part of a file with other keys.
    let has_foreign = command == WHOLE_FILE && !part.foreign.is_empty();
    let whole = part.foreign.is_empty();
    if part.own == expected && form.is_ours() && !has_foreign {
        return Ok(Compared { file, whole, differs: None, diff: None });
    }
    let command = format!("egext {command}");
    let mut finding =
        Finding::new(FindingId::ConfigDiffers, file.as_str(), message(&command, &part, &form, expected));
    if !whole {
        let names = part.foreign.iter().take(MOST_KEYS).map(|key| format!("`{}`", printable(key)));
        let more = part.foreign.len().saturating_sub(MOST_KEYS);
        let keys = names.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>();
        finding = finding
            .with_evidence("not shown", format!("{}, which `{command}` does not write", enumeration(&keys)));
    }
    let hint = match part.own == expected {
        false => "`-` is in the file, `+` would be; without `--check` the whole text is printed, for `>`",
        true if !form.is_ours() => form.hint(),
        true => "take these keys out, or compare only the extension with `config stanza --check`",
    };
    let differs = Some(finding.with_hint(hint));
    if part.own == expected {
        return Ok(Compared { file, whole, differs, diff: None });
    }
    let names = (&*printable(&file), &*command);
    let diff = match &part.place {
        None => diff(&part.own, expected, ("", ""), names),
        Some(place) => diff(&part.own, expected, (&plain[..place.start], &plain[place.end..]), names),
    };
    Ok(Compared { file, whole, differs, diff: Some(diff) })
}

fn message(command: &str, part: &Part<'_>, form: &Form, expected: &str) -> String {
    let not = format!("not what `{command}` writes for these flags");
    let rest = match part.own == expected {
        true => ", and nothing else differs",
        false if form.is_mixed => "",
        false => ", which is not shown below",
    };
    match form.words() {
        "" => not,
        words => format!("{not}: it {words}{rest}"),
    }
}

/// How the file was saved.
struct Form {
    has_mark: bool,
    has_returns: bool,
    /// Not before all line ends.
    is_mixed: bool,
}

impl Form {
    fn of(text: &str) -> Self {
        let (returns, lines) = (text.matches("\r\n").count(), text.matches('\n').count());
        Self {
            has_mark: text.starts_with(MARK),
            has_returns: returns > 0,
            is_mixed: (1..lines).contains(&returns),
        }
    }

    fn is_ours(&self) -> bool {
        !self.has_mark && !self.has_returns
    }

    /// The text as we write it, of which a difference shows more than that every line is another.
    fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = text.strip_prefix(MARK).unwrap_or(text);
        if self.has_returns && !self.is_mixed { text.replace("\r\n", "\n").into() } else { text.into() }
    }

    fn words(&self) -> &'static str {
        match (self.has_mark, self.has_returns) {
            (false, false) => "",
            (true, false) => "begins with a byte order mark",
            (false, true) => "has lines that end with CR LF",
            (true, true) => "begins with a byte order mark and has lines that end with CR LF",
        }
    }

    fn hint(&self) -> &'static str {
        "save it as UTF-8 without a byte order mark and with LF, such as by `sed -i '1s/^\\xef\\xbb\\xbf//; s/\\r$//' FILE`"
    }
}

/// What of a file can be compared.
struct Part<'a> {
    own: Cow<'a, str>,
    /// Where a stanza stands among other keys.
    place: Option<Range<usize>>,
    /// Keys that the command does not write. What they hold is none of its business, and may be secret.
    foreign: Vec<&'a str>,
}

impl<'a> Part<'a> {
    fn of(found: &'a str, expected: &str) -> Result<Self, NoSections> {
        let written: Vec<_> = sections(expected)?.iter().map(|section| section.key).collect();
        let all = sections(found)?;
        let is_own = |section: &&Section<'_>| written.contains(&section.key);
        let foreign: Vec<_> =
            all.iter().filter(|section| !is_own(section)).map(|section| section.key).collect();
        if foreign.is_empty() {
            return Ok(Self { own: found.into(), place: None, foreign });
        }
        let length =
            |sections: &[Section<'_>]| sections.iter().map(|section| section.text.len()).sum::<usize>();
        let first = all.iter().position(|section| is_own(&section)).unwrap_or(all.len());
        let together = all[first..].iter().take_while(is_own).count();
        if written.len() < WHOLE_FILE_KEYS && together == all.iter().filter(is_own).count() {
            let begin = length(&all[..first]);
            let end = begin + length(&all[first..first + together]);
            let place = pasted(&found[begin..end], expected);
            let place = begin + place.start..begin + place.end;
            return Ok(Self { own: found[place.clone()].into(), place: Some(place), foreign });
        }
        let own = all.iter().filter(is_own).map(|section| section.text).collect::<String>();
        Ok(Self { own: own.into(), place: None, foreign })
    }
}

/// Where the stanza is in its section, which begins with what the user wrote before it, and may end with blank lines.
fn pasted(text: &str, expected: &str) -> Range<usize> {
    let first = expected.lines().next().unwrap_or_default();
    let begin = match text.find(first) {
        Some(at) if at == 0 || text[..at].ends_with('\n') => at,
        _ => text.len() - text.trim_start_matches('\n').len(),
    };
    let content = text.trim_end_matches('\n').len();
    begin..text.len().min(content + 1)
}

/// A unified diff of what stands between two texts, in which what is only in the file shows no secrets. Neither do the
/// lines around it, which are not ours.
fn diff(
    found: &str,
    expected: &str,
    (before, behind): (&str, &str),
    (name, command): (&str, &str),
) -> String {
    let shown: String = TextDiff::from_lines(found, expected)
        .iter_all_changes()
        .filter(|change| change.tag() != ChangeTag::Insert)
        .map(|change| match change.tag() {
            ChangeTag::Delete => Cow::from(masked(change.value())),
            _ => change.value().into(),
        })
        .collect();
    let [old, new] = [&*shown, expected].map(|part| [before, part, behind].concat());
    let is_alone = before.is_empty() && behind.is_empty();
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(if is_alone { 3 } else { 0 })
        .header(name, command)
        .to_string()
}

/// Of a file with any number of keys, so many are named.
const MOST_KEYS: usize = 20;

const MARK: char = '\u{feff}';

const WHOLE_FILE: &str = "config gateway";

/// At least so many keys has what that command writes, and less what is pasted into a file of another origin.
const WHOLE_FILE_KEYS: usize = 4;
