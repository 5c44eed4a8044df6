//! Names and addresses that a CA may, or may not, sign for (`crypto/x509/constraints.go`).
//!
//! Go sorts the constraints of one kind, leaves out those within others, and looks for a name by bisection. Which constraint
//! a message names follows from that, and in odd cases the verdict as well.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::net::{self, Net};
use super::quote::quote;

/// All constraints of one certificate, with or without a list for each kind.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    pub(super) permitted: Subtrees,
    pub(super) excluded: Subtrees,
}

/// One of the two lists, by kinds.
#[derive(Debug, Default)]
pub(super) struct Subtrees {
    dns: Vec<String>,
    emails: Vec<String>,
    nets: Vec<Net>,
    uris: Vec<String>,
}

impl Subtrees {
    /// Adds one; false for a kind that Go does not handle.
    pub(super) fn add(&mut self, tag: u8, contents: &[u8]) -> Result<bool, String> {
        let text = || match std::str::from_utf8(contents).ok().filter(|text| text.is_ascii()) {
            Some(text) => Ok(text.to_owned()),
            None => Err(format!(
                "invalid constraint value: x509: {} cannot be encoded as an IA5String",
                quote(contents)
            )),
        };
        let failed = |kind: &str, text: &str| format!("failed to parse {kind} constraint {}", quote(text));
        match tag ^ 0x80 {
            1 => {
                let text = text()?;
                let valid =
                    if text.contains('@') { mailbox(&text).is_some() } else { is_domain(&text, true) };
                if !valid {
                    return Err(failed("rfc822Name", &text));
                }
                self.emails.push(text);
            }
            2 => {
                let text = text()?;
                if !is_domain(&text, true) {
                    return Err(failed("dnsName", &text));
                }
                self.dns.push(text);
            }
            6 => {
                let text = text()?;
                if text.parse::<std::net::IpAddr>().is_ok() {
                    return Err(format!("{}: cannot be IP address", failed("URI", &text)));
                }
                if !is_domain(&text, true) {
                    return Err(failed("URI", &text));
                }
                self.uris.push(text);
            }
            7 => self.nets.push(network(contents)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Constraints {
    /// As they are asked, name by name.
    pub(super) fn prepare(&self) -> Prepared<'_> {
        let (permitted, excluded) = (&self.permitted, &self.excluded);
        let domains = |list| Domains::of(list, true);
        let outside = |list| Domains::of(list, false);
        Prepared {
            ip: [nets(&permitted.nets), nets(&excluded.nets)],
            dns: [domains(&permitted.dns), outside(&excluded.dns)],
            uri: [domains(&permitted.uris), outside(&excluded.uris)],
            email: [Mailboxes::of(&permitted.emails, true), Mailboxes::of(&excluded.emails, false)],
        }
    }
}

/// The constraints of one certificate, sorted: of each kind those that permit and those that exclude.
pub(super) struct Prepared<'a> {
    ip: [Option<Vec<&'a Net>>; 2],
    dns: [Option<Domains<'a>>; 2],
    uri: [Option<Domains<'a>>; 2],
    email: [Option<Mailboxes<'a>>; 2],
}

impl Prepared<'_> {
    pub(super) fn check_ip(&self, address: &[u8]) -> Result<(), String> {
        let query = |list: &Vec<&Net>| {
            let list = list.iter().copied().filter(|net| net.length() == address.len()).collect();
            let list = pruned(list, Net::compare, Net::has_subnet);
            let found = search(&list, |net| net.compare_to(address), |net| net.contains(address));
            found.map(ToString::to_string)
        };
        check("IP address", &net::text(address), &self.ip, query)
    }

    pub(super) fn check_dns(&self, name: &str) -> Result<(), String> {
        check("DNS name", name, &self.dns, |list| list.query(name))
    }

    /// The host of a URI, which is called `text` in messages.
    pub(super) fn check_uri(&self, text: &str, host: &str) -> Result<(), String> {
        check("URI", text, &self.uri, |list| list.query(host))
    }

    pub(super) fn check_email(&self, local: &str, domain: &str) -> Result<(), String> {
        check("email address", &format!("{local}@{domain}"), &self.email, |list| list.query(local, domain))
    }
}

/// `checkConstraints`; a kind of name that nothing is said about is permitted.
fn check<T>(
    kind: &str,
    name: &str,
    [permitted, excluded]: &[Option<T>; 2],
    query: impl Fn(&T) -> Option<String>,
) -> Result<(), String> {
    if permitted.as_ref().is_some_and(|permitted| query(permitted).is_none()) {
        return Err(format!("{kind} {} is not permitted by any constraint", quote(name)));
    }
    match excluded.as_ref().and_then(query) {
        Some(constraint) => {
            Err(format!("{kind} {} is excluded by constraint {}", quote(name), quote(&constraint)))
        }
        None => Ok(()),
    }
}

fn nets(list: &[Net]) -> Option<Vec<&Net>> {
    (!list.is_empty()).then(|| list.iter().collect())
}

/// `dnsConstraints`
struct Domains<'a> {
    /// One of them has no text, which stands for all names.
    all: bool,
    sorted: Vec<&'a str>,
    /// What stands behind the first label, where a wildcard can stand for that one; only of those that exclude.
    parents: BTreeMap<String, String>,
}

impl<'a> Domains<'a> {
    fn of(list: &'a [String], permitted: bool) -> Option<Self> {
        Self::among(list.iter().map(String::as_str).collect(), permitted)
    }

    fn among(list: Vec<&'a str>, permitted: bool) -> Option<Self> {
        if list.is_empty() {
            return None;
        }
        if list.contains(&"") {
            return Some(Self { all: true, sorted: Vec::new(), parents: BTreeMap::new() });
        }
        let sorted = pruned(list, compare, has_suffix);
        let mut parents = BTreeMap::new();
        for name in sorted.iter().filter(|_| !permitted).map(|name| name.to_ascii_lowercase()) {
            if let Some(parent) = behind_first_label(&name) {
                parents.insert(parent.to_owned(), name);
            }
        }
        Some(Self { all: false, sorted, parents })
    }

    fn query(&self, name: &str) -> Option<String> {
        if self.all {
            return Some(String::new());
        }
        let found = search(&self.sorted, |own| compare(own, name), |own| has_suffix(own, name));
        found.map(|found| (*found).to_owned()).or_else(|| {
            let wildcard = Some(name).filter(|name| name.starts_with('*'))?.to_ascii_lowercase();
            self.parents.get(behind_first_label(&wildcard)?).cloned()
        })
    }
}

/// `emailConstraints`
struct Mailboxes<'a> {
    whole: Vec<(String, String)>,
    domains: Option<Domains<'a>>,
}

impl<'a> Mailboxes<'a> {
    fn of(list: &'a [String], permitted: bool) -> Option<Self> {
        if list.is_empty() {
            return None;
        }
        let (whole, domains) =
            list.iter().map(String::as_str).partition::<Vec<_>, _>(|text| text.contains('@'));
        let whole = whole.into_iter().filter_map(mailbox).collect();
        Some(Self { whole, domains: Domains::among(domains, permitted) })
    }

    fn query(&self, local: &str, domain: &str) -> Option<String> {
        if self.whole.iter().any(|own| (&*own.0, &*own.1) == (local, domain)) {
            return Some(format!("{local}@{domain}"));
        }
        self.domains.as_ref()?.query(domain)
    }
}

/// `sortAndPrune`
fn pruned<T: Copy>(
    mut list: Vec<T>,
    compare: impl Fn(T, T) -> Ordering,
    contains: impl Fn(T, T) -> bool,
) -> Vec<T> {
    list.sort_by(|one, other| compare(*one, *other));
    list.dedup_by(|later, kept| contains(*kept, *later));
    list
}

/// The constraint at which bisection arrives, if it is the name itself or contains it.
fn search<T>(list: &[T], order: impl Fn(&T) -> Ordering, contains: impl Fn(&T) -> bool) -> Option<&T> {
    let index = list.partition_point(|own| order(own) == Ordering::Less);
    let exact = list.get(index).filter(|own| order(own) == Ordering::Equal);
    exact.or_else(|| list.get(index.saturating_sub(1)).filter(|own| contains(own)))
}

/// `dnsCompare`: from the end, in lower case, dots first.
fn compare(one: &str, other: &str) -> Ordering {
    let folded = |text: &str| {
        let fold = |octet: u8| if octet == b'.' { 0 } else { octet.to_ascii_lowercase() };
        text.bytes().rev().map(fold).collect::<Vec<_>>()
    };
    folded(one).cmp(&folded(other))
}

/// `dnsHasSuffix`: is `name` in `domain`, or, if that begins with a dot, below it?
fn has_suffix(domain: &str, name: &str) -> bool {
    let (domain, name) = (domain.as_bytes(), name.as_bytes());
    let Some(start) = name.len().checked_sub(domain.len()) else { return false };
    name[start..].eq_ignore_ascii_case(domain)
        && (start == 0 || domain.first() == Some(&b'.') || name[start - 1] == b'.')
}

/// With its dot.
fn behind_first_label(name: &str) -> Option<&str> {
    name.find('.').map(|dot| &name[dot..])
}

fn network(contents: &[u8]) -> Result<Net, String> {
    if !matches!(contents.len(), 8 | 32) {
        return Err(format!("IP constraint contained value of length {}", contents.len()));
    }
    let (address, mask) = contents.split_at(contents.len() / 2);
    let bits = mask.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    if !bits.is_sorted_by(|one, other| one >= other) {
        return Err(format!("IP constraint contained invalid mask {}", HEXLOWER.encode(mask)));
    }
    Ok(Net::of(address, mask))
}

/// `domainNameValid`
pub(super) fn is_domain(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    !name.ends_with('.')
        && name.bytes().all(|octet| (33..=126).contains(&octet))
        && name.split('.').all(|label| !label.is_empty())
}

/// `parseRFC2821Mailbox`: the local part without its quotes, and the domain.
pub(super) fn mailbox(text: &str) -> Option<(String, String)> {
    let mut rest = text.chars().peekable();
    let mut local = String::new();
    if rest.next_if_eq(&'"').is_some() {
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => local.push(rest.next().filter(|c| c.is_ascii() && !matches!(c, '\0' | '\n' | '\r'))?),
                c if c.is_ascii() && !matches!(c, '\0' | '\t' | '\n' | '\r') => local.push(c),
                _ => return None,
            }
        }
    } else {
        let atom = |c: &char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(*c);
        loop {
            if rest.next_if_eq(&'\\').is_some() {
                local.push(rest.next()?);
            } else if let Some(c) = rest.next_if(atom) {
                local.push(c);
            } else {
                break;
            }
        }
        if local.is_empty() || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return None;
        }
    }
    rest.next_if_eq(&'@')?;
    let domain = rest.collect::<String>();
    let valid = domain
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|octet| (33..=126).contains(&octet)));
    (valid || domain.is_empty()).then(|| (local, domain.to_ascii_lowercase()))
}
