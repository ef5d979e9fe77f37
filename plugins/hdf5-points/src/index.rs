//! What an index keeps of a granule: the datasets that the pipeline names, each with its chunk table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zagg_core::index::StoredError;
use zagg_core::range_reader::RangeReader;
use zagg_core::{Error, Result};
use zagg_hdf5::{Dataset, Hdf5File, ReadOptions, SavedDataset, SavedFile};

use crate::granule::{INHERITED, Kind};
use crate::options::{DatasetPath, Group, MAX_GROUPS, Options};
use crate::{missing, packing};

/// Name and version of the form. The version is raised when the form changes, and when the reader learns to read what it
/// refused before: an index keeps refusals too.
const FORM: &str = "hdf5-points 3";

/// What an index depends on: its form, the names of the parts, how their rows are looked for, and the paths of all other
/// datasets. As JSON, so that no name can pass for two.
pub(crate) fn key(options: &Options) -> String {
    let groups: Vec<Value> = options
        .groups
        .entries()
        .iter()
        .map(|group| match group {
            Group::Name(name) => json!(["name", name]),
            Group::Pattern(pattern) => json!(["pattern", pattern.text()]),
        })
        .collect();
    let dataset = |dataset: &DatasetPath| json!([dataset.template, dataset.column]);
    let link = |level: usize| {
        let level = &options.levels[level];
        json!([dataset(&level.index_beg), dataset(&level.count), level.index_base])
    };
    let plan = options.plan.as_ref().map(|plan| {
        json!([link(plan.level), dataset(&plan.longitude), dataset(&plan.latitude), plan.pad, plan.reach])
    });
    let coordinates =
        json!(
            [dataset(&options.longitude), dataset(&options.latitude), options.coordinates_level.map(link),]
        );
    // The column that tells how many rows there are.
    let counted = options.coordinates_level.and_then(|_| {
        options.columns.iter().find(|column| column.level.is_none()).map(|column| dataset(&column.dataset))
    });
    let paths: BTreeSet<&str> =
        options.templates().into_iter().map(|dataset| dataset.template.as_str()).collect();
    json!([FORM, groups, coordinates, counted, plan, paths]).to_string()
}

/// The part of an index that is this source's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Section {
    file: SavedFile,
    /// Names of the parts, where the pipeline has patterns of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    /// By path.
    datasets: BTreeMap<String, Found<SavedDataset>>,
    /// What is in the place of groups whose coordinates are missing, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, Found<Kind>>,
}

/// What lies at a path.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Found<T> {
    Here(T),
    Absent,
    Error(StoredError),
}

impl<T> Found<T> {
    /// What was found, with what is saved of it taken from `saved`.
    fn new<U>(
        found: &Result<Option<U>>,
        location: &str,
        saved: impl FnOnce(&U) -> Result<T>,
    ) -> Result<Self> {
        Ok(match found {
            Ok(Some(here)) => Self::Here(saved(here)?),
            Ok(None) => Self::Absent,
            Err(error) => match StoredError::new(error, location) {
                Some(error) => Self::Error(error),
                // It may be readable the next time.
                None => return Err(error.clone()),
            },
        })
    }

    /// What was found. The outer error is one of the index.
    fn found<U>(&self, location: &str, here: impl FnOnce(&T) -> Result<U>) -> Result<Result<Option<U>>> {
        Ok(match self {
            Self::Here(saved) => Ok(Some(here(saved)?)),
            Self::Absent => Ok(None),
            Self::Error(error) => Err(error.error(location)),
        })
    }
}

/// What was found at a path.
type At<'a, T> = (&'a str, &'a Result<Option<T>>);

/// What an index keeps of a file.
pub(crate) fn section(
    file: &Hdf5File,
    names: Option<Vec<String>>,
    datasets: &[At<'_, Dataset>],
    groups: &[At<'_, Kind>],
) -> Result<Value> {
    let location = file.location();
    let here: Vec<&Dataset> =
        datasets.iter().filter_map(|(_, found)| found.as_ref().ok()?.as_ref()).collect();
    let attributes: Vec<&str> =
        INHERITED.into_iter().chain(missing::ATTRIBUTES).chain(packing::ATTRIBUTES).collect();
    let mut saved = file.save(&here, &attributes)?.into_iter();
    let mut section =
        Section { file: file.saved(), names, datasets: BTreeMap::new(), groups: BTreeMap::new() };
    for (path, found) in datasets {
        let found = Found::new(found, location, |_| {
            saved.next().ok_or_else(|| Error::plugin("the reader saved too few datasets"))
        })?;
        section.datasets.insert((*path).to_string(), found);
    }
    for (path, found) in groups {
        section.groups.insert((*path).to_string(), Found::new(found, location, |kind| Ok(*kind))?);
    }
    serde_json::to_value(section).map_err(|error| Error::io(format!("an index as JSON: {error}")))
}

impl Section {
    /// Reads what [`section`] gave.
    pub(crate) fn read(index: &Value) -> Result<Self> {
        Self::deserialize(index).map_err(|error| Error::corrupt(format!("its source section: {error}")))
    }

    /// The file, without reading it.
    pub(crate) fn file(&self, reader: Arc<dyn RangeReader>, options: &ReadOptions) -> Result<Hdf5File> {
        Hdf5File::from_saved(reader, options, &self.file)
    }

    /// Names of the parts.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let names = self.names.as_ref().filter(|names| names.len() <= MAX_GROUPS);
        names.cloned().ok_or_else(|| Error::corrupt("its source section says nothing of the groups"))
    }

    /// What lies at the path of a dataset.
    pub(crate) fn dataset(&self, path: &str, location: &str) -> Result<Result<Option<Dataset>>> {
        let found = self.datasets.get(path).ok_or_else(|| lacks(path))?;
        found
            .found(location, |saved| saved.dataset(path, location))
            .map_err(|error| error.context(format_args!("its dataset {path}")))
    }

    /// What is in the place of a group.
    pub(crate) fn group(&self, path: &str, location: &str) -> Result<Result<Option<Kind>>> {
        self.groups.get(path).ok_or_else(|| lacks(path))?.found(location, |kind| Ok(*kind))
    }
}

fn lacks(path: &str) -> Error {
    Error::corrupt(format!("its source section says nothing of {path}"))
}
