//! Where the rows of parts are: by their own coordinates, or by those of a coarser level.

use zagg_core::source::{LATITUDE, LONGITUDE, Latitudes, Positions, ReadRequest};
use zagg_core::{Column, Error, Result, Rows, Values};
use zagg_hdf5::RowRequest;

use super::Hdf5Granule;
use super::read::{Readable, next};
use crate::links::Links;
use crate::options::Plan;

/// Fewest rows whose longitudes are looked for together.
const LEAST_BLOCK: u64 = 4096;

/// The coordinates of a level with its links, ready to be read.
struct Coarse<'a> {
    /// Longitude, latitude, index, count.
    columns: [Readable<'a>; 4],
    rows: Rows,
}

/// What a part's rows are looked for by.
enum By {
    Found(Result<Positions>),
    /// The links leave rows or positions out.
    OwnCoordinates,
}

impl Hdf5Granule {
    pub(super) fn locate(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let (level, plan) = match (self.options.coordinates_level, &self.options.plan) {
            // Rows have the positions of their parents and no others.
            (Some(level), _) => (level, None),
            (None, Some(plan)) => (plan.level, Some(plan)),
            (None, None) => return self.exact(parts),
        };
        let mut all = self.by_level(parts, level, plan);
        let own: Vec<usize> = (0..parts.len()).filter(|&at| matches!(all[at], By::OwnCoordinates)).collect();
        if !own.is_empty() {
            let exact = self.exact(&own.iter().map(|&at| parts[at]).collect::<Vec<_>>());
            for (at, positions) in own.into_iter().zip(exact) {
                all[at] = By::Found(positions);
            }
        }
        let found = |by| match by {
            By::Found(positions) => positions,
            By::OwnCoordinates => Err(Error::plugin("the reader gave too few positions")),
        };
        all.into_iter().map(found).collect()
    }

    /// By the coordinates of the rows themselves.
    fn exact(&self, parts: &[usize]) -> Vec<Result<Positions>> {
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

    /// The latitudes of a part, and how its longitudes are stored; none where rows have the positions of others.
    pub(super) fn latitudes_alone(&self, part: usize) -> Option<Result<Latitudes>> {
        if self.options.coordinates_level.is_some() || self.options.plan.is_some() {
            return None;
        }
        Some(self.rows(part).and_then(|rows| {
            let request = ReadRequest { part, rows: Rows::all(rows), columns: vec![LATITUDE.into()] };
            let batch = self.read_columns(&[request], false).pop();
            let none = || Error::plugin("latitudes need a column");
            let lat = batch.ok_or_else(none)??.columns.pop().map(Column::into_f64).ok_or_else(none)?;
            let chunk = self.parts[part].longitude().dataset()?.chunk_shape().and_then(|shape| shape.first());
            let chunk = chunk.copied().unwrap_or(1).max(1);
            // Small chunks are taken together: each block costs time of its own.
            let block = LEAST_BLOCK.div_ceil(chunk).saturating_mul(chunk);
            let starts = (0..rows).step_by(usize::try_from(block).unwrap_or(usize::MAX));
            Ok(Latitudes {
                lat,
                blocks: starts.map(|start| start..start.saturating_add(block).min(rows)).collect(),
            })
        }))
    }

    fn by_level(&self, parts: &[usize], level: usize, plan: Option<&Plan>) -> Vec<By> {
        let found: Vec<Result<Coarse<'_>>> =
            parts.iter().map(|&part| self.coarse(part, level, plan.is_some())).collect();
        let reads: Vec<RowRequest<'_>> = found
            .iter()
            .flatten()
            .flat_map(|coarse| coarse.columns.iter().map(|column| column.request(&coarse.rows, false)))
            .collect();
        let mut values = self.file.read_rows(&reads).into_iter();
        parts
            .iter()
            .zip(found)
            .map(|(&part, coarse)| {
                let coarse = match coarse {
                    Ok(coarse) => coarse,
                    Err(error) => return By::Found(Err(error)),
                };
                let read = [(); 4].map(|()| next(&mut values));
                self.coarse_positions((part, level), &coarse, read, plan)
                    .unwrap_or_else(|error| By::Found(Err(error)))
            })
            .collect()
    }

    fn coarse(&self, part: usize, level: usize, by_plan: bool) -> Result<Coarse<'_>> {
        self.rows(part)?;
        let [index, count] = self.link_columns(part, level)?;
        let datasets = &self.parts[part];
        let [lon, lat] = if by_plan { datasets.plan() } else { [datasets.longitude(), datasets.latitude()] };
        let (rows, whose) = self.level_rows(datasets, level)?;
        let place = |resolved| Readable::plain(resolved, rows, &whose);
        Ok(Coarse { columns: [place(lon)?, place(lat)?, index, count], rows: Rows::all(rows) })
    }

    fn coarse_positions(
        &self,
        (part, level): (usize, usize),
        coarse: &Coarse<'_>,
        read: [Result<Values>; 4],
        plan: Option<&Plan>,
    ) -> Result<By> {
        let [lon, lat, index, count] = read;
        let lon = degrees(coarse.columns[0].meant(lon?)?);
        let lat = degrees(coarse.columns[1].meant(lat?)?);
        let links = self.link(part, level, &index?, &count?)?;
        let Some(plan) = plan else {
            return Ok(By::Found(Ok(of_parents(&links, &lon, &lat))));
        };
        let lost = |&parent: &u32| {
            let at = parent as usize;
            !(lon[at].is_finite() && lat[at].abs() <= 90.0)
        };
        if !links.are_complete() || links.parents().iter().any(lost) {
            return Ok(By::OwnCoordinates);
        }
        let (lon, lat, rows) = parents_in_order(&links, &lon, &lat);
        Ok(By::Found(Ok(Positions::Coarse { lon, lat, rows, reach: plan.reach, pad: plan.pad })))
    }
}

/// Positions of parents, one for each range of rows.
type Parents = (Vec<f64>, Vec<f64>, Vec<std::ops::Range<u64>>);

/// Rows without a parent have no position.
fn parents_in_order(links: &Links, lon: &[f64], lat: &[f64]) -> Parents {
    let ranges = links.ranges();
    let of = |values: &[f64], parent: Option<u32>| parent.map_or(f64::NAN, |parent| values[parent as usize]);
    (
        ranges.iter().map(|(parent, _)| of(lon, *parent)).collect(),
        ranges.iter().map(|(parent, _)| of(lat, *parent)).collect(),
        ranges.into_iter().map(|(_, rows)| rows).collect(),
    )
}

/// Rows lie where their parents are.
fn of_parents(links: &Links, lon: &[f64], lat: &[f64]) -> Positions {
    let (lon, lat, rows) = parents_in_order(links, lon, lat);
    Positions::Coarse { lon, lat, rows, reach: 0.0, pad: 0 }
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
