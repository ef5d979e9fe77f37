//! Reading columns of several parts side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use zagg_core::source::{LATITUDE, LONGITUDE, PointBatch, ReadRequest};
use zagg_core::{Column, Error, Result, Rows, Values};
use zagg_hdf5::{Dataset, RowRequest};

use super::resolved::COORDINATES;
use super::{Hdf5Granule, Part, Resolved};
use crate::links::{Links, Spread};
use crate::options::{EpochSource, Time};
use crate::{missing, packing};

/// A column of one part, ready to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readable<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) column: Option<u64>,
    /// Whether only an attribute can mark its values as missing.
    pub(super) by_attribute_only: bool,
    /// The level whose rows it has.
    level: Option<usize>,
    time: Option<TimeOf<'a>>,
}

/// How the values of a column become time.
#[derive(Debug, Clone, Copy)]
struct TimeOf<'a> {
    time: &'a Time,
    /// Where the granule tells the epoch.
    epoch: Option<&'a Dataset>,
}

/// A request whose columns have been found.
struct Request<'a> {
    columns: Vec<Readable<'a>>,
    /// Rows of the levels that are wanted, by level.
    spreads: BTreeMap<usize, Spread>,
}

impl<'a> Readable<'a> {
    /// A dataset with a number for each of the rows that the message speaks of, whatever level they are of.
    pub(super) fn plain(resolved: &'a Resolved, rows: u64, whose: &str) -> Result<Self> {
        Ok(Self {
            dataset: resolved.column(rows, whose)?,
            column: resolved.column_number(),
            by_attribute_only: true,
            level: None,
            time: None,
        })
    }

    pub(super) fn request<'r>(&self, rows: &'r Rows, keep_chunks: bool) -> RowRequest<'r>
    where
        'a: 'r,
    {
        RowRequest { column: self.column, keep_chunks, ..RowRequest::new(self.dataset, rows) }
    }

    /// What is meant by values as they are stored.
    pub(super) fn meant(&self, values: Values) -> Result<Column> {
        // Attributes have come along with the values.
        let markers = missing::markers(self.dataset, self.by_attribute_only)?;
        let missing = missing::flags(&values, &markers);
        let values = match packing::packing(self.dataset)? {
            Some(packing) => packing.unpack(&values),
            None => values,
        };
        Ok(Column { values, missing })
    }
}

impl TimeOf<'_> {
    fn utc(&self, column: Column, epoch: Option<Result<Values>>) -> Result<Column> {
        let TimeOf { time, .. } = self;
        let epoch = match (&time.epoch, epoch) {
            (EpochSource::Date(epoch), _) => *epoch,
            (EpochSource::Dataset(dataset), Some(values)) => {
                let seconds = values?.to_f64().first().copied().filter(|seconds| seconds.is_finite());
                let seconds = seconds
                    .ok_or_else(|| Error::corrupt(format!("dataset {} tells no epoch", dataset.template)))?;
                zagg_core::time::Epoch::GPS.after(seconds)
            }
            (EpochSource::Dataset(_), None) => return Err(Error::plugin("the reader gave no epoch")),
        };
        let utc = |value: f64| epoch.utc(value * time.unit, time.scale);
        let values = column.values.to_f64().into_iter().map(utc).collect();
        Ok(Column { values: Values::Float64(values), missing: column.missing })
    }
}

impl Hdf5Granule {
    fn readable(&self, part: usize, name: &str, rows: u64) -> Result<Readable<'_>> {
        let datasets = &self.parts[part];
        let (resolved, by_attribute_only, level, is_time) = match name {
            LONGITUDE => (datasets.longitude(), true, self.options.coordinates_level, false),
            LATITUDE => (datasets.latitude(), true, self.options.coordinates_level, false),
            _ => {
                let at = self.options.columns.iter().position(|column| column.name == name);
                let at = at.ok_or_else(|| Error::plugin(format!("the source has no column {name:?}")))?;
                let column = &self.options.columns[at];
                (&datasets.columns()[at], column.masked_by_attribute_only, column.level, column.is_time)
            }
        };
        let dataset = match level {
            None => resolved.column(rows, COORDINATES)?,
            Some(level) => {
                let (rows, whose) = self.level_rows(datasets, level)?;
                resolved.column(rows, &whose)?
            }
        };
        let time = match self.options.time.as_ref().filter(|_| is_time) {
            None => None,
            Some(time @ Time { epoch: EpochSource::Date(_), .. }) => Some(TimeOf { time, epoch: None }),
            Some(time) => {
                let epoch = datasets.epoch().ok_or_else(|| Error::plugin("the granule has no epoch"))?;
                let dataset = epoch
                    .column(1, "an epoch has")
                    .map_err(|error| error.context("time.epoch (a date may stand there instead)"))?;
                Some(TimeOf { time, epoch: Some(dataset) })
            }
        };
        Ok(Readable { dataset, column: resolved.column_number(), by_attribute_only, level, time })
    }

    /// Rows of a level, and how a message says whose they are.
    pub(super) fn level_rows(&self, part: &Part, level: usize) -> Result<(u64, String)> {
        let rows = part.link(level)[0].dataset()?.rows();
        Ok((rows, format!("level {} has", self.options.levels[level].name)))
    }

    /// Index and count of a level, ready to be read.
    pub(super) fn link_columns(&self, part: usize, level: usize) -> Result<[Readable<'_>; 2]> {
        let part = &self.parts[part];
        let (rows, whose) = self.level_rows(part, level)?;
        let [index, count] = part.link(level);
        Ok([Readable::plain(index, rows, &whose)?, Readable::plain(count, rows, &whose)?])
    }

    /// The links of values of index and count, which are kept when they are needed again.
    pub(super) fn link(
        &self,
        part: usize,
        level: usize,
        index: &Values,
        count: &Values,
    ) -> Result<Arc<Links>> {
        let options = &self.options.levels[level];
        let rows = self.rows(part)?;
        let links = Arc::new(Links::new(&options.name, index, count, options.index_base, rows)?);
        if self.options.has_broadcast() {
            self.links[part][level].get_or_init(|| Arc::clone(&links));
        }
        Ok(links)
    }

    /// Links of parts and levels that are not known yet.
    fn read_links(&self, wanted: &[(usize, usize)]) -> BTreeMap<(usize, usize), Result<Arc<Links>>> {
        let mut links = BTreeMap::new();
        let mut found = Vec::new();
        for &(part, level) in wanted {
            if let Some(known) = self.links[part][level].get() {
                links.insert((part, level), Ok(Arc::clone(known)));
                continue;
            }
            match self.link_columns(part, level) {
                Ok(columns) => found.push(((part, level), columns, Rows::all(columns[0].dataset.rows()))),
                Err(error) => _ = links.insert((part, level), Err(error)),
            }
        }
        if found.is_empty() {
            return links;
        }
        let reads: Vec<RowRequest<'_>> = found
            .iter()
            .flat_map(|(_, columns, rows)| columns.iter().map(|column| column.request(rows, false)))
            .collect();
        let mut values = self.file.read_rows(&reads).into_iter();
        for (key, ..) in &found {
            let both = (next(&mut values), next(&mut values));
            let link = both.0.and_then(|index| self.link(key.0, key.1, &index, &both.1?));
            links.insert(*key, link);
        }
        links
    }

    /// The columns of one request, found.
    fn find(&self, request: &ReadRequest) -> Result<Vec<Readable<'_>>> {
        let rows = self.rows(request.part)?;
        if request.rows.end() > rows {
            return Err(Error::input(format!("rows up to {} of a part that has {rows}", request.rows.end())));
        }
        request.columns.iter().map(|name| self.readable(request.part, name, rows)).collect()
    }

    /// Reads with or without keeping decoded chunks for neighbouring shards.
    pub(super) fn read_columns(
        &self,
        requests: &[ReadRequest],
        keep_chunks: bool,
    ) -> Vec<Result<PointBatch>> {
        let found: Vec<Result<Vec<Readable<'_>>>> =
            requests.iter().map(|request| self.find(request)).collect();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for (request, columns) in requests.iter().zip(&found) {
            let columns = columns.iter().flatten();
            wanted.extend(columns.filter_map(|column| Some((request.part, column.level?))));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let links = self.read_links(&wanted);
        let prepared: Vec<Result<Request<'_>>> = requests
            .iter()
            .zip(found)
            .map(|(request, columns)| {
                let columns = columns?;
                let mut spreads = BTreeMap::new();
                for level in columns.iter().filter_map(|column| column.level) {
                    if let Some(links) = links.get(&(request.part, level))
                        && !spreads.contains_key(&level)
                    {
                        spreads.insert(level, links.clone()?.spread(&request.rows)?);
                    }
                }
                Ok(Request { columns, spreads })
            })
            .collect();
        let first = Rows::all(1);
        let mut reads = Vec::new();
        for (request, prepared) in requests.iter().zip(&prepared) {
            let Ok(Request { columns, spreads }) = prepared else { continue };
            for column in columns {
                let spread = column.level.and_then(|level| spreads.get(&level));
                let rows = spread.map_or(&request.rows, |spread| &spread.parents);
                reads.push(column.request(rows, keep_chunks));
                let epoch = column.time.and_then(|time| time.epoch);
                reads.extend(epoch.map(|epoch| RowRequest::new(epoch, &first)));
            }
        }
        let mut values = self.file.read_rows(&reads).into_iter();
        prepared
            .into_iter()
            .map(|prepared| {
                let Request { columns, spreads } = prepared?;
                // Every column is taken off the answers, also behind one that failed.
                let columns: Vec<Result<Column>> = columns
                    .iter()
                    .map(|column| {
                        let stored = next(&mut values);
                        let epoch = column.time.and_then(|time| time.epoch).map(|_| next(&mut values));
                        let mut meant = column.meant(stored?)?;
                        if let Some(time) = column.time {
                            meant = time.utc(meant, epoch)?;
                        }
                        match column.level.and_then(|level| spreads.get(&level)) {
                            Some(spread) => spread.apply(&meant),
                            None => Ok(meant),
                        }
                    })
                    .collect();
                Ok(PointBatch { columns: columns.into_iter().collect::<Result<_>>()? })
            })
            .collect()
    }
}

/// The next answer of the reader.
pub(super) fn next(values: &mut impl Iterator<Item = Result<Values>>) -> Result<Values> {
    values.next().unwrap_or_else(|| Err(Error::plugin("the reader gave too few columns")))
}
