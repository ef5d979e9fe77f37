//! An opened granule: its datasets resolved, its rows read by range.

use std::sync::Arc;

use serde_json::{Map, Value};
use zagg_core::source::{
    LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, Positions, ReadRequest,
};
use zagg_core::{Column, Error, Result, Rows, Values};
use zagg_hdf5::{Dataset, EntryKind, Hdf5File, RowRequest};

use crate::missing;
use crate::options::Options;

/// Attributes of a dataset that arrays made from it inherit.
const INHERITED: [&str; 3] = ["units", "long_name", "standard_name"];

#[derive(Debug)]
pub(crate) struct Hdf5Granule {
    file: Hdf5File,
    options: Arc<Options>,
    infos: Vec<PartInfo>,
    parts: Vec<Part>,
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
    /// Values that mark a missing one.
    markers: Vec<Values>,
}

/// A path and what lies there.
#[derive(Debug)]
struct Resolved {
    path: String,
    found: Result<Option<Dataset>>,
}

impl Resolved {
    /// The dataset, checked to have one value for each of `rows` rows.
    fn column(&self, rows: u64) -> Result<&Dataset> {
        let dataset = match &self.found {
            Ok(Some(dataset)) => dataset,
            Ok(None) => return Err(Error::not_found(format!("there is no dataset {}", self.path))),
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
    pub(crate) fn open(file: Hdf5File, options: Arc<Options>) -> Result<Self> {
        let templates: Vec<&str> = [&options.longitude, &options.latitude]
            .into_iter()
            .chain(options.columns.iter().map(|c| &c.path))
            .map(String::as_str)
            .collect();
        let paths: Vec<String> = options
            .groups
            .iter()
            .flat_map(|group| templates.iter().map(|template| Options::path(template, group)))
            .collect();
        let found = file.datasets(&paths);
        let mut resolved = paths.into_iter().zip(found).map(|(path, found)| Resolved { path, found });
        let mut parts = Vec::with_capacity(options.groups.len());
        while let (Some(longitude), Some(latitude)) = (resolved.next(), resolved.next()) {
            parts.push(Part {
                longitude,
                latitude,
                columns: resolved.by_ref().take(options.columns.len()).collect(),
            });
        }
        let infos = options
            .groups
            .iter()
            .zip(&parts)
            .map(|(group, part)| PartInfo { name: group.clone(), state: part.state(&file) })
            .collect();
        Ok(Self { file, options, infos, parts })
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
        Ok(Readable { dataset, markers: missing::markers(dataset, by_attribute_only)? })
    }

    /// The columns of one request, resolved.
    fn resolve(&self, request: &ReadRequest) -> Result<Vec<Readable<'_>>> {
        let rows = self.rows(request.part)?;
        request.columns.iter().map(|name| self.column(request.part, name, rows)).collect()
    }
}

impl Part {
    fn state(&self, file: &Hdf5File) -> PartState {
        let absent = |resolved: &Resolved| matches!(resolved.found, Ok(None));
        if absent(&self.longitude) || absent(&self.latitude) {
            return self.without_coordinates(file);
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

    /// Real granules lack beams, and beams lack the group of their segments: then the part is absent. A group without
    /// coordinates is a hole.
    fn without_coordinates(&self, file: &Hdf5File) -> PartState {
        let missing = if matches!(self.latitude.found, Ok(None)) { &self.latitude } else { &self.longitude };
        let group = missing.path.trim_end_matches('/').rsplit_once('/').map_or("", |(group, _)| group);
        if group.is_empty() {
            return PartState::Broken(Error::not_found(format!("there is no dataset {}", missing.path)));
        }
        match file.kinds(&[group]).pop() {
            Some(Ok(Some(EntryKind::Group))) => {
                PartState::Broken(Error::not_found(format!("there is no dataset {}", missing.path)))
            }
            Some(Ok(Some(_))) => PartState::Broken(Error::corrupt(format!("{group} is not a group"))),
            Some(Ok(None)) | None => PartState::Absent,
            Some(Err(error)) => PartState::Broken(error),
        }
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
                        let missing = missing::flags(&values, &column.markers);
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
