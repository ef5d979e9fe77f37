//! The parts of a granule: names, or patterns of names.

use serde_json::Value;
use zagg_core::source::SourceOptions;
use zagg_core::{Error, Result};

/// Most parts a granule may have.
pub(crate) const MAX_GROUPS: usize = 1024;

/// What the parts of a granule are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups(Vec<Group>);

/// One entry of `data_source.groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Group {
    /// A part of this name, whether the granule has it or not.
    Name(String),
    /// A part for every group whose name fits.
    Pattern(Pattern),
}

/// A pattern of names: `*` stands for any characters, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The groups that lead to it, each with a slash behind it.
    pub(crate) folder: String,
    /// The pattern of the last name.
    name: String,
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        let at = text.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, name) = text.split_at(at);
        let is_wild = |text: &str| text.contains(['*', '?']);
        (is_wild(name) && !is_wild(folder)).then(|| Self { folder: folder.into(), name: name.into() })
    }

    /// The pattern as it is written.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.folder, self.name)
    }

    /// Whether a name fits. Takes at most as many steps as the product of both lengths.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.name.chars().collect(), name.chars().collect());
        let (mut p, mut n) = (0, 0);
        // Where to go on when the characters behind the last star turn out not to fit.
        let mut retry: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    retry = Some((p + 1, n));
                    p += 1;
                }
                Some(&c) if c == '?' || c == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => match retry {
                    Some((after, taken)) => {
                        retry = Some((after, taken + 1));
                        p = after;
                        n = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&c| c == '*')
    }
}

impl Groups {
    pub(super) fn read(section: &SourceOptions) -> Result<Self> {
        let wrong = || {
            Error::input(format!(
                "groups: must be a list of 1 to {MAX_GROUPS} names, or a pattern such as BEAM*"
            ))
        };
        let single;
        let items = match section.get("groups") {
            None | Some(Value::Null) => return Ok(Self(vec![Group::Name(String::new())])),
            Some(Value::Array(items)) if !items.is_empty() && items.len() <= MAX_GROUPS => items,
            Some(Value::String(text)) => {
                single = vec![Value::String(text.clone())];
                &single
            }
            Some(_) => return Err(wrong()),
        };
        let mut groups = Vec::with_capacity(items.len());
        for item in items {
            let group = match item {
                Value::String(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                    match Pattern::new(name) {
                        Some(pattern) => Group::Pattern(pattern),
                        None if name.contains(['*', '?']) => {
                            return Err(Error::input(format!(
                                "groups: {name}: * and ? may stand in the last name only"
                            )));
                        }
                        None => Group::Name(name.clone()),
                    }
                }
                other => return Err(Error::input(format!("groups: must hold names, not {other}"))),
            };
            if groups.contains(&group) {
                let name = item.as_str().unwrap_or_default();
                return Err(Error::input(format!("groups: {name} stands twice")));
            }
            groups.push(group);
        }
        Ok(Self(groups))
    }

    pub(crate) fn entries(&self) -> &[Group] {
        &self.0
    }

    pub(crate) fn has_patterns(&self) -> bool {
        self.0.iter().any(|group| matches!(group, Group::Pattern(_)))
    }

    pub(super) fn may_be_several(&self) -> bool {
        self.0.len() > 1 || self.has_patterns()
    }

    /// Whether the product has one part without a name.
    pub(super) fn are_none(&self) -> bool {
        matches!(&self.0[..], [Group::Name(name)] if name.is_empty())
    }

    /// Names of the parts, when no granule has to be asked.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        let name = |group: &Group| match group {
            Group::Name(name) => Some(name.clone()),
            Group::Pattern(_) => None,
        };
        self.0.iter().map(name).collect()
    }

    /// Names of the parts of a granule: names as they stand, and in the place of a pattern those that fit it, ascending.
    /// `members` has the names of the groups that each pattern is compared with, in the order of the patterns.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn resolve(&self, members: &[Vec<String>]) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let mut members = members.iter();
        for group in &self.0 {
            let mut more: Vec<String> = match group {
                Group::Name(name) => vec![name.clone()],
                Group::Pattern(pattern) => {
                    let fitting = members.next().map(Vec::as_slice).unwrap_or_default().iter();
                    let fitting = fitting.filter(|name| pattern.fits(name));
                    fitting.map(|name| format!("{}{name}", pattern.folder)).collect()
                }
            };
            more.sort_unstable();
            for name in more {
                // A name with braces would be taken for a placeholder.
                if !names.contains(&name) && !name.contains(['{', '}']) {
                    names.push(name);
                }
                if names.len() > MAX_GROUPS {
                    return Err(Error::unsupported(format!(
                        "more than {MAX_GROUPS} groups fit data_source.groups; give a narrower pattern"
                    )));
                }
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, fits) in [
            ("BEAM*", "BEAM0101", true),
            ("BEAM*", "BEAM", true),
            ("BEAM*", "xBEAM1", false),
            ("gt?l", "gt1l", true),
            ("gt?l", "gt12l", false),
            ("*", "", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("*é?", "xéy", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().fits(name), fits, "{pattern} {name}");
        }
        let pattern = Pattern::new("science/swath*").unwrap();
        assert_eq!((pattern.folder.as_str(), pattern.fits("swath2")), ("science/", true));
        assert_eq!(Pattern::new("a*/b"), None);
    }

    proptest! {
        #[test]
        fn stars_fit_what_they_stand_for(a in "[ab]{0,4}", b in "[ab]{0,4}", c in "[ab]{0,4}", d in "[ab]{0,6}") {
            let pattern = Pattern::new(&format!("{a}*{c}")).unwrap();
            let whole = [a.as_str(), &b, &c].concat();
            prop_assert!(pattern.fits(&whole));
            let other = d.len() >= a.len() + c.len() && d.starts_with(&a) && d.ends_with(&c);
            prop_assert_eq!(pattern.fits(&d), other);
        }
    }

    #[test]
    fn names_come_in_an_order_that_no_file_decides() {
        let section = json!({"groups": ["z", "gt*", "a/b*"]});
        let groups = Groups::read(section.as_object().unwrap()).unwrap();
        assert!(groups.has_patterns() && groups.names().is_none());
        let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let names = groups.resolve(&[of(&["gt2", "x", "gt1", "gt{group}"]), of(&["b2", "b1", "c"])]).unwrap();
        assert_eq!(names, ["z", "gt1", "gt2", "a/b1", "a/b2"]);
        let many: Vec<String> = (0..2000).map(|n| format!("gt{n}")).collect();
        assert!(groups.resolve(&[many, Vec::new()]).unwrap_err().to_string().contains("narrower pattern"));
        let error = |value: Value| {
            Groups::read(json!({"groups": value}).as_object().unwrap()).unwrap_err().to_string()
        };
        assert!(error(json!(["a*/b"])).contains("in the last name only"));
        assert_eq!(error(json!(["g*", "g*"])), "groups: g* stands twice");
        assert!(error(json!([])).contains("or a pattern"));
    }
}
