//! Extensions (`processExtensions` of Go's parser).

use super::constraint::Constraints;
use super::der::{self, Input, constructed, context};
use super::quote::quote;
use super::uri::Uri;

/// What Go takes from the extensions.
#[derive(Debug, Default)]
pub(super) struct Extensions<'a> {
    /// Is it a CA, and how many may follow; none without the extension.
    pub(super) constraints: Option<(bool, Option<u64>)>,
    /// Its key usages, bit 0 the first of them (`KeyUsage`); 0 without the extension, or with an empty one.
    pub(super) key_usage: u16,
    /// Purposes by their numbers; none without the extension, or with an empty one.
    pub(super) usages: Option<Vec<String>>,
    pub(super) alternative_names: Option<&'a [u8]>,
    pub(super) dns_names: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) uris: Vec<Uri>,
    /// Of 4 or of 16 octets.
    pub(super) addresses: Vec<&'a [u8]>,
    pub(super) constraints_on_names: Option<Constraints>,
    pub(super) subject_key: Option<&'a [u8]>,
    pub(super) authority_key: Option<&'a [u8]>,
    pub(super) policies: Vec<&'a [u8]>,
    /// Behind how many certificates a policy that all share is required.
    pub(super) explicit_policy: Option<i64>,
    /// Behind how many certificates no policy is mapped any more.
    pub(super) inhibit_mapping: Option<i64>,
    /// Behind how many certificates "any policy" stands for itself only.
    pub(super) inhibit_any_policy: Option<i64>,
    /// Policies of the issuer, and what they are for the subject.
    pub(super) mappings: Vec<(&'a [u8], &'a [u8])>,
    pub(super) unhandled_critical: bool,
}

/// All of them, in their order. Go reads the whole list before it looks into one.
pub(super) fn read(mut list: Input<'_>) -> Result<Extensions<'_>, String> {
    let mut seen = Vec::new();
    while !list.is_empty() {
        let mut extension = list.sequence().ok_or("malformed extension")?;
        let oid = extension.oid().ok_or("malformed extension OID field")?;
        let critical = match extension.starts_with(der::BOOLEAN) {
            true => extension.boolean().ok_or("malformed extension critical field")?,
            false => false,
        };
        let value = extension.take(der::OCTET_STRING).ok_or("malformed extension value field")?;
        if seen.iter().any(|(other, _, _)| *other == oid) {
            return Err(format!("certificate contains duplicate extension with OID {}", quote(&oid)));
        }
        seen.push((oid, critical, value));
    }
    let mut extensions = Extensions::default();
    for (oid, critical, value) in seen {
        let handled = extensions.take(&oid, critical, value)?;
        extensions.unhandled_critical |= critical && !handled;
    }
    Ok(extensions)
}

impl<'a> Extensions<'a> {
    /// Takes what Go takes from an extension; false for one that Go does not handle.
    fn take(&mut self, oid: &str, critical: bool, mut value: Input<'a>) -> Result<bool, String> {
        let never_critical = |name: &str| match critical {
            true => Err(format!("{name} incorrectly marked critical")),
            false => Ok(()),
        };
        match oid {
            "2.5.29.15" => {
                let (octets, _) = value.bits().ok_or("invalid key usage")?;
                let bit = |index: usize| {
                    octets.get(index / 8).is_some_and(|octet| octet & (0x80 >> (index % 8)) != 0)
                };
                self.key_usage = (0..9).map(|index| u16::from(bit(index)) << index).sum();
            }
            "2.5.29.19" => {
                self.constraints = Some(basic_constraints(value).ok_or("invalid basic constraints")?);
            }
            "2.5.29.17" => return self.alternative_names(value),
            "2.5.29.30" => return self.name_constraints(value),
            "2.5.29.31" => distribution_points(value)?,
            "2.5.29.35" => {
                never_critical("authority key identifier")?;
                let invalid = "invalid authority key identifier";
                let mut fields = value.sequence().ok_or(invalid)?;
                self.authority_key = fields.optional(context(0)).ok_or(invalid)?.map(|key| key.0);
            }
            "2.5.29.36" => self.policy_constraints(value)?,
            "2.5.29.37" => {
                let mut list = value.sequence().ok_or("invalid extended key usages")?;
                let mut usages = Vec::new();
                while !list.is_empty() {
                    usages.push(list.oid().ok_or("invalid extended key usages")?);
                }
                self.usages = Some(usages).filter(|usages| !usages.is_empty());
            }
            "2.5.29.14" => {
                never_critical("subject key identifier")?;
                let key = value.take(der::OCTET_STRING).ok_or("invalid subject key identifier")?;
                self.subject_key = Some(key.0);
            }
            "2.5.29.32" => self.policies(value).ok_or("invalid certificate policies")?,
            "2.5.29.33" => {
                self.mappings = policy_mappings(value).ok_or("invalid policy mappings extension")?;
            }
            "2.5.29.54" => {
                let limit = value.number().ok_or("invalid inhibit any policy extension")?;
                self.inhibit_any_policy = Some(limit);
            }
            "1.3.6.1.5.5.7.1.1" => {
                never_critical("authority info access")?;
                authority_info(value).ok_or("invalid authority info access")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `parseSANExtension`. A critical one with nothing but names that Go does not know is not handled.
    fn alternative_names(&mut self, mut value: Input<'a>) -> Result<bool, String> {
        self.alternative_names = Some(value.0);
        let mut list = value.sequence().ok_or("invalid subject alternative names")?;
        let ascii = |octets: &[u8], kind: &str| match octets.is_ascii() {
            true => Ok(octets.iter().copied().map(char::from).collect::<String>()),
            false => Err(format!("SAN {kind} is malformed")),
        };
        while !list.is_empty() {
            let name = list.any().ok_or("invalid subject alternative name")?;
            match name.tag ^ 0x80 {
                1 => self.emails.push(ascii(name.contents, "rfc822Name")?),
                2 => self.dns_names.push(ascii(name.contents, "dNSName")?),
                6 => self.uris.push(Uri::read(&ascii(name.contents, "uniformResourceIdentifier")?)?),
                7 if matches!(name.contents.len(), 4 | 16) => self.addresses.push(name.contents),
                7 => return Err(format!("cannot parse IP address of length {}", name.contents.len())),
                _ => {}
            }
        }
        let known = self.dns_names.len() + self.emails.len() + self.addresses.len() + self.uris.len();
        Ok(known > 0)
    }

    /// `parseNameConstraintsExtension`
    fn name_constraints(&mut self, mut value: Input<'a>) -> Result<bool, String> {
        const INVALID: &str = "invalid NameConstraints extension";
        let mut fields = value.sequence().ok_or(INVALID)?;
        let lists = [0, 1].map(|number| fields.optional(constructed(number)));
        if !value.is_empty() || !fields.is_empty() {
            return Err(INVALID.to_owned());
        }
        let [permitted, excluded] = lists.map(|list| list.ok_or(INVALID));
        let [permitted, excluded] = [permitted?, excluded?].map(|list| list.unwrap_or(Input(&[])));
        if permitted.is_empty() && excluded.is_empty() {
            return Err("empty name constraints extension".to_owned());
        }
        let (mut handled, mut constraints) = (true, Constraints::default());
        for (mut list, kept) in
            [(permitted, &mut constraints.permitted), (excluded, &mut constraints.excluded)]
        {
            while !list.is_empty() {
                let base = list.sequence().and_then(|mut subtree| subtree.any()).ok_or(INVALID)?;
                handled &= kept.add(base.tag, base.contents)?;
            }
        }
        self.constraints_on_names = Some(constraints);
        Ok(handled)
    }

    fn policies(&mut self, mut value: Input<'a>) -> Option<()> {
        let mut list = value.sequence()?;
        while !list.is_empty() {
            let oid = list.sequence()?.take(der::OBJECT_IDENTIFIER)?.0;
            if self.policies.contains(&oid) || !der::is_oid(oid) {
                return None;
            }
            self.policies.push(oid);
        }
        Some(())
    }

    fn policy_constraints(&mut self, mut value: Input<'a>) -> Result<(), String> {
        let invalid = "invalid policy constraints extension";
        let mut fields = value.sequence().ok_or(invalid)?;
        for number in [0, 1] {
            if let Some(limit) = fields.optional(context(number)).ok_or(invalid)? {
                let limit = Input::shortest(limit.0).and_then(der::signed).ok_or(invalid)?;
                let kept = if number == 0 { &mut self.explicit_policy } else { &mut self.inhibit_mapping };
                *kept = Some(limit);
            }
        }
        Ok(())
    }
}

fn basic_constraints(mut value: Input<'_>) -> Option<(bool, Option<u64>)> {
    let mut fields = value.sequence()?;
    let is_ca = fields.starts_with(der::BOOLEAN) && fields.boolean()?;
    if !fields.starts_with(der::INTEGER) {
        return Some((is_ca, None));
    }
    let length = fields.integer()?;
    Some((is_ca, Some(u64::try_from(der::signed(length)?).ok()?)))
}

fn distribution_points(mut value: Input<'_>) -> Result<(), String> {
    let invalid = "invalid CRL distribution point";
    let mut list = value.sequence().ok_or("invalid CRL distribution points")?;
    while !list.is_empty() {
        let mut point = list.sequence().ok_or(invalid)?;
        let Some(mut name) = point.optional(constructed(0)).ok_or(invalid)? else { continue };
        let mut names = name.take(constructed(0)).ok_or(invalid)?;
        while names.starts_with(context(6)) {
            names.take(context(6)).ok_or(invalid)?;
        }
    }
    Ok(())
}

fn policy_mappings(mut value: Input<'_>) -> Option<Vec<(&[u8], &[u8])>> {
    let mut list = value.sequence()?;
    let mut mappings = Vec::new();
    while !list.is_empty() {
        let mut mapping = list.sequence()?;
        let mut policy = || mapping.take(der::OBJECT_IDENTIFIER).map(|policy| policy.0);
        mappings.push((policy()?, policy()?));
    }
    Some(mappings)
}

fn authority_info(mut value: Input<'_>) -> Option<()> {
    let mut list = value.sequence()?;
    while !list.is_empty() {
        let mut access = list.sequence()?;
        access.oid()?;
        access.optional(context(6))?;
    }
    Some(())
}

/// Key usages (RFC 5280 section 4.2.1.3).
pub(super) const DIGITAL_SIGNATURE: u16 = 1;
pub(super) const KEY_CERT_SIGN: u16 = 1 << 5;
pub(super) const CRL_SIGN: u16 = 1 << 6;

/// 2.5.29.32.0
pub(super) const ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x20, 0];
