//! Datasets of a part, present or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zagg_core::source::PartState;
use zagg_core::{Error, Result};
use zagg_hdf5::{Dataset, EntryKind};

use crate::options::{DatasetPath, Options};

/// What lies where a group should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Group,
    Other,
}

impl From<EntryKind> for Kind {
    fn from(kind: EntryKind) -> Self {
        if kind == EntryKind::Group { Self::Group } else { Self::Other }
    }
}

/// A path and what lies there.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) path: String,
    /// Number of the value in each row that is meant.
    column: Option<u64>,
    pub(crate) found: Result<Option<Dataset>>,
}

impl Resolved {
    pub(super) fn new(path: String, dataset: &DatasetPath, found: Result<Option<Dataset>>) -> Self {
        Self { path, column: dataset.column, found }
    }

    pub(super) fn absent(&self) -> Error {
        Error::not_found(format!("there is no dataset {}", self.path))
    }

    pub(super) fn dataset(&self) -> Result<&Dataset> {
        match &self.found {
            Ok(Some(dataset)) => Ok(dataset),
            Ok(None) => Err(self.absent()),
            Err(error) => Err(error.clone()),
        }
    }

    /// Number of the value in each row that is read, when it is not the only one.
    pub(super) fn column_number(&self) -> Option<u64> {
        self.column
    }

    /// The dataset, checked to have one number for each of `rows` rows, which are those of `whose`.
    pub(super) fn column(&self, rows: u64, whose: &str) -> Result<&Dataset> {
        let dataset = self.dataset()?;
        let (path, shape) = (&self.path, dataset.shape());
        match self.column {
            None if shape.len() > 1 && dataset.row_len() != 1 => {
                return Err(Error::unsupported(format!(
                    "dataset {path} has shape {shape:?}; say which value of each row is meant: {{path: {path:?}, column: 0}}, \
                     or in a filter column: 0"
                )));
            }
            Some(column) if column >= dataset.row_len() || shape.len() < 2 => {
                return Err(Error::not_found(format!(
                    "dataset {path} has shape {shape:?}: no column {column}"
                )));
            }
            _ => {}
        }
        if dataset.rows() != rows {
            return Err(Error::corrupt(format!(
                "dataset {path} has {} rows where {whose} {rows}; a dataset of another rate belongs to one of \
                 data_source.levels",
                dataset.rows()
            )));
        }
        if dataset.dtype().is_none() {
            return Err(Error::unsupported(format!(
                "dataset {path} does not hold numbers but {}",
                dataset.datatype()
            )));
        }
        Ok(dataset)
    }
}

/// The datasets of one part, in the order of [`Options::templates`].
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) all: Vec<Resolved>,
    columns: usize,
    levels: usize,
}

/// Of whom rows are counted, for messages.
pub(super) const COORDINATES: &str = "the coordinates have";

impl Part {
    pub(super) fn new(all: Vec<Resolved>, options: &Options) -> Self {
        Self { all, columns: options.columns.len(), levels: options.levels.len() }
    }

    pub(super) fn longitude(&self) -> &Resolved {
        &self.all[0]
    }

    pub(super) fn latitude(&self) -> &Resolved {
        &self.all[1]
    }

    pub(super) fn columns(&self) -> &[Resolved] {
        &self.all[2..2 + self.columns]
    }

    /// Index and count of a level.
    pub(super) fn link(&self, level: usize) -> [&Resolved; 2] {
        let at = 2 + self.columns + 2 * level;
        [&self.all[at], &self.all[at + 1]]
    }

    /// Longitude and latitude of the level by which rows are looked for.
    pub(super) fn plan(&self) -> [&Resolved; 2] {
        let at = 2 + self.columns + 2 * self.levels;
        [&self.all[at], &self.all[at + 1]]
    }

    /// The dataset that tells the epoch, when there is one.
    pub(super) fn epoch(&self) -> Option<&Resolved> {
        self.all.last()
    }

    pub(super) fn state(
        &self,
        options: &Options,
        groups: &BTreeMap<String, Result<Option<Kind>>>,
    ) -> PartState {
        if let Some(missing) = self.missing_coordinate() {
            return match self.group_without_coordinates() {
                Some(group) => without_coordinates(missing, group, groups),
                None => PartState::Broken(missing.absent()),
            };
        }
        let rows = match options.coordinates_level {
            None => self.latitude().dataset().map(Dataset::rows),
            // The coordinates are those of parents: a column tells how many rows there are.
            Some(_) => {
                let column = options.columns.iter().position(|column| column.level.is_none());
                let column = column.and_then(|at| self.columns().get(at));
                let none = || Error::input("no column of the base level tells how many rows there are");
                column.ok_or_else(none).and_then(Resolved::dataset).map(Dataset::rows)
            }
        };
        let checked = rows.and_then(|rows| {
            if options.coordinates_level.is_none() {
                self.latitude().column(rows, COORDINATES)?;
                self.longitude().column(rows, COORDINATES)?;
            }
            Ok(rows)
        });
        match checked {
            Ok(rows) => PartState::Present { rows },
            Err(error) => PartState::Broken(error),
        }
    }

    fn missing_coordinate(&self) -> Option<&Resolved> {
        [self.latitude(), self.longitude()].into_iter().find(|resolved| matches!(resolved.found, Ok(None)))
    }

    /// Path of the group that should hold a coordinate which is missing; none where that is the root.
    pub(super) fn group_without_coordinates(&self) -> Option<&str> {
        let path = self.missing_coordinate()?.path.trim_end_matches('/');
        path.rsplit_once('/').map(|(group, _)| group).filter(|group| !group.is_empty())
    }
}

/// Real granules lack beams, and beams lack the group of their segments: then the part is absent. A group without
/// coordinates is a hole.
fn without_coordinates(
    missing: &Resolved,
    group: &str,
    groups: &BTreeMap<String, Result<Option<Kind>>>,
) -> PartState {
    match groups.get(group) {
        Some(Ok(Some(Kind::Group))) => PartState::Broken(missing.absent()),
        Some(Ok(Some(Kind::Other))) => PartState::Broken(Error::corrupt(format!("{group} is not a group"))),
        Some(Ok(None)) | None => PartState::Absent,
        Some(Err(error)) => PartState::Broken(error.clone()),
    }
}
