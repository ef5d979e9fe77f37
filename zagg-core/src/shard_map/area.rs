//! The cells of a shard that lie in the area of interest, as shard maps have them.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The part of a shard that lies in the area of interest: a list of numbers whose meaning is the grid's
/// ([`Grid::area_codes`](crate::grid::Grid::area_codes)), one entry of the list `aoi_mask` of a shard map.
///
/// Files hold every number; in memory neighbours that follow each other are one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AreaCodes {
    /// First and last number of every run, in the order of the list.
    runs: Vec<(u64, u64)>,
}

impl AreaCodes {
    /// First and last number of every run, in the order of the list.
    pub fn runs(&self) -> &[(u64, u64)] {
        &self.runs
    }

    /// Every number, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|&(first, last)| first..=last)
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        self.runs
            .iter()
            .fold(0, |sum: u64, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// Whether no cell of the shard lies in the area.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds a number to the end of the list.
    pub fn push(&mut self, code: u64) {
        match self.runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(code) => *last = code,
            _ => self.runs.push((code, code)),
        }
    }

    /// Adds `first` to `last` to the end of the list; nothing when they are the wrong way round.
    pub fn push_run(&mut self, first: u64, last: u64) {
        match self.runs.last_mut() {
            _ if last < first => {}
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            _ => self.runs.push((first, last)),
        }
    }
}

impl FromIterator<u64> for AreaCodes {
    fn from_iter<I: IntoIterator<Item = u64>>(codes: I) -> Self {
        let mut list = Self::default();
        codes.into_iter().for_each(|code| list.push(code));
        list
    }
}

impl Serialize for AreaCodes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(usize::try_from(self.len()).ok())?;
        for code in self.iter() {
            list.serialize_element(&code)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for AreaCodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = AreaCodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of integers from 0 to 2^64 - 1")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AreaCodes, A::Error> {
                let mut list = AreaCodes::default();
                while let Some(code) = items.next_element::<u64>()? {
                    list.push(code);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_come_back_in_their_order(
            codes in prop::collection::vec(prop_oneof![0..6u64, u64::MAX - 3..=u64::MAX], 0..40)
        ) {
            let list: AreaCodes = codes.iter().copied().collect();
            prop_assert_eq!(&list.iter().collect::<Vec<_>>(), &codes);
            prop_assert_eq!(list.len(), codes.len() as u64);
            let text = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&codes).unwrap());
            prop_assert_eq!(serde_json::from_str::<AreaCodes>(&text).unwrap(), list);
        }
    }

    #[test]
    fn neighbours_are_one_run() {
        let mut list: AreaCodes = (5..1_000_000).collect();
        list.push_run(1_000_000, 2_000_000);
        list.push_run(9, 8);
        assert_eq!(list.runs(), [(5, 2_000_000)]);
        assert!(serde_json::from_str::<AreaCodes>("[1, -1]").is_err());
        assert!(serde_json::from_str::<AreaCodes>("[1.0]").is_err());
    }
}
