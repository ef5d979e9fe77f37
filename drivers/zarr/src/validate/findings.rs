//! What a validation finds.

use std::fmt;

/// Most findings that are kept; the others are counted.
const MAX_KEPT: usize = 1000;

/// Longest message that is kept, in bytes: names and values in it may be anything.
const MAX_MESSAGE: usize = 2000;

/// What was being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// `zarr.json` of a node, and the consolidated metadata.
    Metadata,
    /// Attributes against the conventions that they declare.
    Conventions,
    /// Which objects there are.
    Objects,
    /// Whether a block decodes.
    Blocks,
    /// Whether coordinates are those of the cells of the plan.
    Coordinates,
    /// Whether the variables agree with each other.
    Cells,
    /// Whether the levels agree with each other.
    Levels,
    /// The records of the shards.
    Shards,
    /// The plan, the claim and the state.
    State,
}

impl Check {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Conventions => "conventions",
            Self::Objects => "objects",
            Self::Blocks => "blocks",
            Self::Coordinates => "coordinates",
            Self::Cells => "cells",
            Self::Levels => "levels",
            Self::Shards => "shards",
            Self::State => "state",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was being checked.
    pub check: Check,
    /// The object, array, group or shard that it is about.
    pub place: String,
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Findings as they come.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Finding>,
    pub(super) total: u64,
}

impl Findings {
    pub(super) fn add(&mut self, check: Check, place: &str, message: impl Into<String>) {
        self.total += 1;
        if self.kept.len() < MAX_KEPT {
            self.kept.push(Finding {
                check,
                place: one_line(place.to_owned()),
                message: one_line(message.into()),
            });
        }
    }

    /// Puts those of another behind these.
    pub(super) fn append(&mut self, other: Self) {
        self.total += other.total;
        let room = MAX_KEPT - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
    }
}

/// Text from a store may have anything in it; a finding is one line that a terminal can show.
fn one_line(text: String) -> String {
    let mut text = match text.chars().any(char::is_control) {
        true => text
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] })
            .collect(),
        false => text,
    };
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_in_number_and_length_and_stay_one_line() {
        let mut findings = Findings::default();
        for _ in 0..MAX_KEPT + 5 {
            findings.add(Check::Blocks, "a\nb", "x".repeat(2 * MAX_MESSAGE));
        }
        let mut all = Findings::default();
        all.add(Check::State, "zarr.json", "first");
        all.append(findings);
        assert_eq!((all.total, all.kept.len()), (MAX_KEPT as u64 + 6, MAX_KEPT));
        assert_eq!(all.kept[1].place, "a\\nb");
        assert!(all.kept[1].message.len() <= MAX_MESSAGE + '…'.len_utf8());
        assert_eq!(all.kept[0].to_string(), "zarr.json: first");
    }
}
