//! What is said of a thing once, when it is made.

use serde_json::{Map, Value};

use crate::registry::Kind;
use crate::statistic::{Input, OutputSpec};

/// A plugin and what it offers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PluginFacts {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) entries: Vec<EntryFacts>,
}

/// An entry of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EntryFacts {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) description: String,
    pub(super) kind: Kind,
    /// The text of a preset.
    pub(super) preset: Option<String>,
}

/// An object that is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReaderFacts {
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    pub(super) location: String,
}

/// A grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GridFacts {
    pub(super) type_name: String,
    pub(super) signature: Map<String, Value>,
    pub(super) leaf_level: u32,
    pub(super) shard_level: u32,
    pub(super) coarsest_level: u32,
    pub(super) nests_exactly: bool,
}

/// A statistic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StatisticFacts {
    pub(super) output: OutputSpec,
    pub(super) inputs: Vec<Input>,
    pub(super) skips_missing: bool,
    pub(super) needs_arrival_order: bool,
    pub(super) unit_power: Option<i32>,
    /// Form of its states, if they merge.
    pub(super) form: Option<String>,
}
