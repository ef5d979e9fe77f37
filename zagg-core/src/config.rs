//! Pipelines: the YAML that says what to read, what to compute and onto which grid.
//!
//! A pipeline may be layered: a preset below, the user's file above it; mappings merge, anything else is replaced. Errors
//! name the file, the line and the key.

mod access;
mod aggregation;
mod catalog;
mod data_source;
mod filter;
mod index;
mod layers;
mod output;
pub mod schema;
mod section;
mod size;
mod time_range;

pub use crate::statistic::VariableKind;
pub use access::{SourceAccess, SourceCredentials};
pub use aggregation::{Aggregation, Computation, FillValue, Variable};
pub use catalog::CatalogOptions;
pub use data_source::DataSource;
pub use filter::{ColumnFilter, Filter, FilterTest, FilterValue, column_filters};
pub use index::{IndexOptions, OnMiss};
pub use layers::{Layer, Layers};
pub use output::{Layout, Output, StoreAccess};
pub use size::parse_bytes;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use section::Section;

/// Keys of `data_source` that say how bytes are fetched, which nothing in the store depends on.
pub(crate) const HOW_READ: [&str; 10] = [
    "driver",
    "access",
    "index",
    "memory",
    "read_ahead",
    "granules_in_flight",
    "read_workers",
    "shard_workers",
    "granule_workers",
    "credentials_provider",
];

/// A checked pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Where rows come from.
    pub data_source: DataSource,
    /// What is computed per cell.
    pub aggregation: Aggregation,
    /// Where it goes.
    pub output: Output,
    /// Where its granules are looked for, and the shard map that runs take.
    pub catalog: CatalogOptions,
    /// What was accepted without effect, one line each.
    pub notes: Vec<String>,
    /// The texts it was read from, to say where a fault is that a plugin finds later.
    layers: Layers,
}

impl Pipeline {
    /// The pipeline of some layers, lowest first.
    ///
    /// # Errors
    /// One line that names file, line and key, and says what to do.
    pub fn parse(layers: &Layers) -> Result<Self> {
        let merged = layers.merged()?;
        let mut notes = Vec::new();
        let mut root = Section::root(&merged, &mut notes);
        Self::read(&mut root)
            .map(|p| Self { notes, layers: layers.clone(), ..p })
            .map_err(|fault| layers.locate(&fault))
    }

    fn read(root: &mut Section<'_>) -> Result<Self, section::Fault> {
        let data_source = DataSource::read(&mut root.required_section("data_source")?)?;
        let aggregation = Aggregation::read(&mut root.required_section("aggregation")?)?;
        let output = Output::read(&mut root.required_section("output")?)?;
        let catalog = CatalogOptions::read(root)?;
        for ignored in ["bounds", "worker"] {
            root.ignore(ignored, "has no meaning here");
        }
        if let Some(mut pipeline) = root.section("pipeline")? {
            if let Some(kind) = pipeline.string("type")?.filter(|kind| kind != "spatial") {
                return Err(pipeline
                    .fault("type", format!("{kind:?} is not supported; zagg runs spatial pipelines only")));
            }
            pipeline.finish()?;
        }
        root.finish()?;
        Ok(Self { data_source, aggregation, output, catalog, notes: Vec::new(), layers: Layers::default() })
    }

    /// The pipeline as one document that [`Self::parse`] reads again: all that the store depends on, without the store's
    /// place and how bytes are fetched.
    pub fn document(&self) -> Value {
        let mut grid = self.output.grid.clone();
        if !self.output.levels.is_empty() {
            grid.insert("levels".into(), self.output.levels.clone().into());
        }
        let Value::Object(mut document) = self.canonical() else { return Value::Null };
        document.insert("aggregation".into(), json!({ "variables": self.aggregation.canonical() }));
        document.shift_remove("grid");
        let mut output = self.output.canonical();
        output.insert("grid".into(), Value::Object(grid));
        document.insert("output".into(), Value::Object(output));
        Value::Object(document)
    }

    /// An error that names a key of the pipeline, with the file and line where the key stands.
    #[must_use]
    pub fn locate(&self, error: Error) -> Error {
        self.layers.locate_message(error)
    }

    /// What identifies the pipeline: two runs with the same value compute the same numbers for the same cells. Leaves out
    /// how bytes are fetched and where results go.
    pub fn canonical(&self) -> Value {
        let mut source = self.data_source.options.clone();
        for how in HOW_READ {
            source.shift_remove(how);
        }
        source.insert("reader".into(), Value::String(self.data_source.reader.clone()));
        let mut all = Map::new();
        all.insert("data_source".into(), Value::Object(source));
        all.insert("aggregation".into(), self.aggregation.canonical());
        all.insert("grid".into(), Value::Object(self.output.grid.clone()));
        let of_area = self.output.of_area();
        if !of_area.is_empty() {
            all.insert("output".into(), Value::Object(of_area));
        }
        sort_keys(Value::Object(all))
    }

    /// SHA-256 of [`Self::canonical`] in lower-case hexadecimal.
    pub fn hash(&self) -> String {
        crate::hash::sha256_hex(self.canonical().to_string().as_bytes())
    }
}

/// The same value with the keys of every object in ascending order.
pub(crate) fn sort_keys(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(k, v)| (k, sort_keys(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sort_keys).collect()),
        other => other,
    }
}

/// The pipeline of one text, for tests and embedded presets.
///
/// # Errors
/// As [`Pipeline::parse`].
pub fn parse_text(name: &str, text: &str) -> Result<Pipeline> {
    let mut layers = Layers::default();
    layers.push(Layer::parse(name, text)?);
    Pipeline::parse(&layers)
}

impl From<section::Fault> for Error {
    fn from(fault: section::Fault) -> Self {
        Self::input(fault.to_string())
    }
}

#[cfg(test)]
mod tests;
