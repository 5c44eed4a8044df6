//! Names and times, as Go's parser accepts them.

use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::der::{Input, SET};

/// The two attributes that Go's messages use.
#[derive(Debug, Default)]
pub(super) struct Name {
    pub(super) common_name: String,
    /// The first one, even if it has no text.
    pub(super) organization: Option<String>,
}

/// `parseName`
pub(super) fn name(whole: &[u8]) -> Result<Name, String> {
    let malformed = |what: &str| format!("invalid RDNSequence{what}");
    let mut name = Name::default();
    let mut sequence = Input(whole).sequence().ok_or_else(|| malformed(""))?;
    while !sequence.is_empty() {
        let mut set = sequence.take(SET).ok_or_else(|| malformed(""))?;
        while !set.is_empty() {
            let mut attribute = set.sequence().ok_or_else(|| malformed(": invalid attribute"))?;
            let kind = attribute.oid().ok_or_else(|| malformed(": invalid attribute type"))?;
            let value = attribute.any().ok_or_else(|| malformed(": invalid attribute value"))?;
            let text = string(value.tag, value.contents)
                .map_err(|reason| malformed(&format!(": invalid attribute value: {reason}")))?;
            match kind.as_str() {
                "2.5.4.3" => name.common_name = text,
                "2.5.4.10" => name.organization = name.organization.or(Some(text)),
                _ => {}
            }
        }
    }
    Ok(name)
}

/// `parseASN1String`
fn string(tag: u8, octets: &[u8]) -> Result<String, String> {
    let only = |kind: &str, allowed: fn(&u8) -> bool| {
        if octets.iter().all(allowed) {
            Ok(octets.iter().copied().map(char::from).collect())
        } else {
            Err(format!("invalid {kind}"))
        }
    };
    match tag {
        12 => std::str::from_utf8(octets).map(str::to_owned).map_err(|_| "invalid UTF-8 string".to_owned()),
        18 => only("NumericString", |octet| octet.is_ascii_digit() || *octet == b' '),
        19 => only("PrintableString", |octet| {
            octet.is_ascii_alphanumeric() || b"'() +,-./:=?*&".contains(octet)
        }),
        20 => Ok(octets.iter().copied().map(char::from).collect()),
        22 => only("IA5String", u8::is_ascii),
        30 => two_octets(octets).ok_or_else(|| "invalid BMPString".to_owned()),
        other => Err(format!("unsupported string type: {other}")),
    }
}

/// BMPString, without the code points that are no characters.
fn two_octets(octets: &[u8]) -> Option<String> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let pairs = if let [start @ .., [0, 0]] = pairs { start } else { pairs };
    let character = |pair: &[u8; 2]| match u16::from_be_bytes(*pair) {
        0xfffe | 0xffff | 0xfdd0..=0xfdef => None,
        unit => char::from_u32(u32::from(unit)),
    };
    rest.is_empty().then(|| pairs.iter().map(character).collect())?
}

/// `parseValidity`
pub(super) fn validity(mut input: Input<'_>) -> Result<(OffsetDateTime, OffsetDateTime), String> {
    Ok((moment(&mut input)?, moment(&mut input)?))
}

fn moment(input: &mut Input<'_>) -> Result<OffsetDateTime, String> {
    for (tag, name, digits) in [(23, "UTCTime", 2), (24, "GeneralizedTime", 4)] {
        if input.starts_with(tag) {
            let read = || parse(input.take(tag)?.0, digits);
            return { read }().ok_or_else(|| format!("malformed {name}"));
        }
    }
    Err("unsupported time format".to_owned())
}

/// Digits, and `Z` or an offset; UTCTime may leave out its seconds.
fn parse(text: &[u8], year_digits: usize) -> Option<OffsetDateTime> {
    let end = text.iter().position(|octet| !octet.is_ascii_digit())?;
    let (digits, zone) = text.split_at(end);
    let number =
        |octets: &[u8]| octets.iter().fold(0_i32, |number, octet| number * 10 + i32::from(octet - b'0'));
    let (year, rest) = digits.split_at_checked(year_digits)?;
    let two = |index: usize| rest.get(2 * index..2 * index + 2).map(number);
    let seconds = match rest.len() {
        10 => two(4)?,
        8 if year_digits == 2 => 0,
        _ => return None,
    };
    let year = match (year_digits, number(year)) {
        (2, year @ 0..50) => 2000 + year,
        (2, year) => 1900 + year,
        (_, year) => year,
    };
    let small = |value: Option<i32>| u8::try_from(value?).ok();
    let month = Month::try_from(small(two(0))?).ok()?;
    let date = Date::from_calendar_date(year, month, small(two(1))?).ok()?;
    let time = Time::from_hms(small(two(2))?, small(two(3))?, u8::try_from(seconds).ok()?).ok()?;
    let offset = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), rest @ ..] if rest.len() == 4 && rest.iter().all(u8::is_ascii_digit) => {
            let (hours, minutes) = (number(&rest[..2]), number(&rest[2..]));
            let minutes = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
            // Zero is written as `Z`.
            if minutes == 0 {
                return None;
            }
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    OffsetDateTime::new_utc(date, time).checked_sub(Duration::minutes(offset.into()))
}
