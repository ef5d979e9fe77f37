//! An opened granule: its datasets resolved, its rows read by range.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{
    LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, Positions, ReadRequest,
};
use zagg_core::{Column, Error, Result, Rows, Values};
use zagg_hdf5::{Dataset, EntryKind, Hdf5Reader, ReadOptions, RowRequest};

use crate::index::{Section, section};
use crate::missing;
use crate::options::Options;

/// Attributes of a dataset that arrays made from it inherit.
pub(crate) const INHERITED: [&str; 3] = ["units", "long_name", "standard_name"];

#[derive(Debug)]
pub(crate) struct Hdf5Granule {
    file: Box<dyn Hdf5Reader>,
    options: Arc<Options>,
    infos: Vec<PartInfo>,
    parts: Vec<Part>,
    /// What is in the place of groups whose coordinates are missing, by path.
    groups: BTreeMap<String, Result<Option<Kind>>>,
}

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

/// The datasets of one part, present or not.
#[derive(Debug)]
struct Part {
    longitude: Resolved,
    latitude: Resolved,
    /// As [`Options::columns`].
    columns: Vec<Resolved>,
}

/// A column of one part, ready to be read.
#[derive(Debug)]
struct Readable<'a> {
    dataset: &'a Dataset,
    /// Whether only an attribute can mark its values as missing.
    by_attribute_only: bool,
}

/// A path and what lies there.
#[derive(Debug)]
struct Resolved {
    path: String,
    found: Result<Option<Dataset>>,
}

impl Resolved {
    fn absent(&self) -> Error {
        Error::not_found(format!("there is no dataset {}", self.path))
    }

    /// The dataset, checked to have one value for each of `rows` rows.
    fn column(&self, rows: u64) -> Result<&Dataset> {
        let dataset = match &self.found {
            Ok(Some(dataset)) => dataset,
            Ok(None) => return Err(self.absent()),
            Err(error) => return Err(error.clone()),
        };
        if dataset.shape().len() > 1 && dataset.row_len() != 1 {
            return Err(Error::unsupported(format!(
                "dataset {} has shape {:?}; this version of zagg reads 1-D datasets",
                self.path,
                dataset.shape()
            )));
        }
        if dataset.rows() != rows {
            return Err(Error::corrupt(format!(
                "dataset {} has {} rows where the coordinates have {rows}",
                self.path,
                dataset.rows()
            )));
        }
        if dataset.dtype().is_none() {
            return Err(Error::unsupported(format!("dataset {} does not hold numbers", self.path)));
        }
        Ok(dataset)
    }
}

impl Hdf5Granule {
    /// Resolves every dataset of every part side by side.
    pub(crate) fn open(file: Box<dyn Hdf5Reader>, options: Arc<Options>) -> Result<Self> {
        let paths = options.paths();
        let found = file.datasets(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        Self::assemble(file, options, found, |file, groups| {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            Ok(file.kinds(&groups).into_iter().map(|kind| kind.map(|kind| kind.map(Kind::from))).collect())
        })
    }

    /// Takes from an index what it says of every dataset; nothing is read.
    pub(crate) fn indexed(
        reader: Arc<dyn RangeReader>,
        read_options: &ReadOptions,
        options: Arc<Options>,
        index: &Value,
    ) -> Result<Self> {
        let section = Section::read(index)?;
        let file = section.file(reader, read_options)?;
        let found = options
            .paths()
            .iter()
            .map(|path| section.dataset(path, file.location()))
            .collect::<Result<Vec<_>>>()?;
        Self::assemble(Box::new(file), options, found, |file, groups| {
            groups.iter().map(|group| section.group(group, file.location())).collect()
        })
    }

    /// A granule of what was found at [`Options::paths`]. `kinds` tells what is in the place of groups whose coordinates
    /// are missing.
    fn assemble(
        file: Box<dyn Hdf5Reader>,
        options: Arc<Options>,
        found: Vec<Result<Option<Dataset>>>,
        kinds: impl FnOnce(&dyn Hdf5Reader, &[String]) -> Result<Vec<Result<Option<Kind>>>>,
    ) -> Result<Self> {
        let mut resolved =
            options.paths().into_iter().zip(found).map(|(path, found)| Resolved { path, found });
        let mut parts = Vec::with_capacity(options.groups.len());
        while let (Some(longitude), Some(latitude)) = (resolved.next(), resolved.next()) {
            parts.push(Part {
                longitude,
                latitude,
                columns: resolved.by_ref().take(options.columns.len()).collect(),
            });
        }
        drop(resolved);
        let mut asked: Vec<String> =
            parts.iter().filter_map(Part::group_without_coordinates).map(str::to_string).collect();
        asked.sort_unstable();
        asked.dedup();
        let groups: BTreeMap<_, _> = match asked.is_empty() {
            true => BTreeMap::new(),
            false => {
                let kinds = kinds(&*file, &asked)?;
                asked.into_iter().zip(kinds).collect()
            }
        };
        let infos = options
            .groups
            .iter()
            .zip(&parts)
            .map(|(group, part)| PartInfo { name: group.clone(), state: part.state(&groups) })
            .collect();
        Ok(Self { file, options, infos, parts, groups })
    }

    fn rows(&self, part: usize) -> Result<u64> {
        match self.infos.get(part).map(|info| &info.state) {
            Some(PartState::Present { rows }) => Ok(*rows),
            Some(PartState::Broken(error)) => Err(error.clone()),
            _ => Err(Error::plugin(format!("the granule has no part {part}"))),
        }
    }

    fn column(&self, part: usize, name: &str, rows: u64) -> Result<Readable<'_>> {
        let part = &self.parts[part];
        let (resolved, by_attribute_only) = match name {
            LONGITUDE => (&part.longitude, true),
            LATITUDE => (&part.latitude, true),
            _ => {
                let at = self.options.columns.iter().position(|column| column.name == name);
                let at = at.ok_or_else(|| Error::plugin(format!("the source has no column {name:?}")))?;
                (&part.columns[at], self.options.columns[at].masked_by_attribute_only)
            }
        };
        let dataset = resolved.column(rows)?;
        Ok(Readable { dataset, by_attribute_only })
    }

    /// The columns of one request, resolved.
    fn resolve(&self, request: &ReadRequest) -> Result<Vec<Readable<'_>>> {
        let rows = self.rows(request.part)?;
        request.columns.iter().map(|name| self.column(request.part, name, rows)).collect()
    }
}

impl Part {
    fn state(&self, groups: &BTreeMap<String, Result<Option<Kind>>>) -> PartState {
        if let Some(missing) = self.missing_coordinate() {
            return match self.group_without_coordinates() {
                Some(group) => without_coordinates(missing, group, groups),
                None => PartState::Broken(missing.absent()),
            };
        }
        let rows = match &self.latitude.found {
            Ok(Some(dataset)) => dataset.rows(),
            Ok(None) => 0,
            Err(error) => return PartState::Broken(error.clone()),
        };
        match self.latitude.column(rows).and(self.longitude.column(rows)) {
            Ok(_) => PartState::Present { rows },
            Err(error) => PartState::Broken(error),
        }
    }

    fn missing_coordinate(&self) -> Option<&Resolved> {
        [&self.latitude, &self.longitude].into_iter().find(|resolved| matches!(resolved.found, Ok(None)))
    }

    /// Path of the group that should hold a coordinate which is missing; none where that is the root.
    fn group_without_coordinates(&self) -> Option<&str> {
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

impl OpenGranule for Hdf5Granule {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        let mut attributes = Map::new();
        let Some(at) = self.options.columns.iter().position(|c| c.name == column) else { return attributes };
        let dataset = self.parts.iter().find_map(|part| part.columns[at].found.as_ref().ok()?.as_ref());
        for name in INHERITED {
            let value = dataset.and_then(|d| d.attribute(name).ok()?).and_then(|value| value.as_str());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                attributes.insert(name.into(), value.into());
            }
        }
        attributes
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let requests: Vec<ReadRequest> = parts
            .iter()
            .map(|&part| ReadRequest {
                part,
                rows: Rows::all(self.rows(part).unwrap_or(0)),
                columns: vec![LONGITUDE.into(), LATITUDE.into()],
            })
            .collect();
        // Positions become the row index and are not asked for again.
        self.read_columns(&requests, false)
            .into_iter()
            .map(|batch| {
                let mut columns = batch?.columns.into_iter().map(degrees);
                match (columns.next(), columns.next()) {
                    (Some(lon), Some(lat)) => Ok(Positions::Exact { lon, lat }),
                    _ => Err(Error::plugin("positions need two columns")),
                }
            })
            .collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        self.read_columns(requests, true)
    }

    fn index(&self) -> Result<Option<Value>> {
        let Some(file) = self.file.as_ranges() else { return Ok(None) };
        let resolved = self
            .parts
            .iter()
            .flat_map(|part| [&part.longitude, &part.latitude].into_iter().chain(&part.columns));
        // Two columns of one dataset are one entry.
        let datasets: BTreeMap<&str, &Result<Option<Dataset>>> =
            resolved.map(|resolved| (resolved.path.as_str(), &resolved.found)).collect();
        let datasets: Vec<_> = datasets.into_iter().collect();
        let groups: Vec<_> = self.groups.iter().map(|(path, kind)| (path.as_str(), kind)).collect();
        section(file, &datasets, &groups).map(Some)
    }
}

impl Hdf5Granule {
    /// Reads with or without keeping decoded chunks for neighbouring shards.
    fn read_columns(&self, requests: &[ReadRequest], keep_chunks: bool) -> Vec<Result<PointBatch>> {
        let resolved: Vec<Result<Vec<Readable<'_>>>> =
            requests.iter().map(|request| self.resolve(request)).collect();
        let mut reads = Vec::new();
        for (request, columns) in requests.iter().zip(&resolved) {
            if let Ok(columns) = columns {
                reads.extend(columns.iter().map(|column| RowRequest {
                    keep_chunks,
                    ..RowRequest::new(column.dataset, &request.rows)
                }));
            }
        }
        let mut values = self.file.read_rows(&reads).into_iter();
        resolved
            .into_iter()
            .map(|columns| {
                // Every column is taken off the answers, also behind one that failed.
                let columns: Vec<Result<Column>> = columns?
                    .iter()
                    .map(|column| {
                        let values = values
                            .next()
                            .unwrap_or_else(|| Err(Error::plugin("the reader gave too few columns")))?;
                        // Attributes have come along with the values.
                        let markers = missing::markers(column.dataset, column.by_attribute_only)?;
                        let missing = missing::flags(&values, &markers);
                        Ok(Column { values, missing })
                    })
                    .collect();
                Ok(PointBatch { columns: columns.into_iter().collect::<Result<_>>()? })
            })
            .collect()
    }
}

/// Degrees of a coordinate; a missing one is NaN, which is no position.
fn degrees(column: Column) -> Vec<f64> {
    let mut values = match column.values {
        Values::Float64(values) => values,
        other => other.to_f64(),
    };
    for (value, missing) in values.iter_mut().zip(column.missing.unwrap_or_default()) {
        if missing {
            *value = f64::NAN;
        }
    }
    values
}
