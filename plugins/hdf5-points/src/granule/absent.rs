//! Columns that serve although a part does not have their dataset.

use zagg_core::source::{LATITUDE, LONGITUDE, PointBatch, ReadRequest};
use zagg_core::{Column, Error, Result, Values};

use super::Hdf5Granule;
use crate::options::IfAbsent;

impl Hdf5Granule {
    /// Reads columns, with what the pipeline says in the place of datasets that a part lacks. Columns for which it says
    /// something are float64 in every part, so that granules with and without the dataset go together.
    pub(super) fn read_or_substitute(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        let is_coordinate = |name: &String| name == LONGITUDE || name == LATITUDE;
        // Coordinates alone become the row index and are not asked for again.
        let keep_chunks = !requests.iter().all(|request| request.columns.iter().all(is_coordinate));
        if !keep_chunks || self.options.columns.iter().all(|column| column.if_absent.is_none()) {
            return self.read_columns(requests, keep_chunks);
        }
        let there: Vec<ReadRequest> = requests
            .iter()
            .map(|request| {
                let is_there = |name: &&String| self.substitute(request.part, name).is_none();
                let columns = request.columns.iter().filter(is_there).cloned().collect();
                ReadRequest { part: request.part, rows: request.rows.clone(), columns }
            })
            .collect();
        let batches = self.read_columns(&there, true);
        requests.iter().zip(batches).map(|(request, batch)| self.completed(request, batch?)).collect()
    }

    /// The columns that were read and the others, in the order of the request.
    fn completed(&self, request: &ReadRequest, batch: PointBatch) -> Result<PointBatch> {
        let mut read = batch.columns.into_iter();
        let columns = request.columns.iter().map(|name| {
            if let Some(substitute) = self.substitute(request.part, name) {
                return Ok(substitute.column(request.rows.len()));
            }
            let column = read.next().ok_or_else(|| Error::plugin("the reader gave too few columns"))?;
            Ok(match self.if_absent(name) {
                Some(_) => {
                    Column { values: Values::Float64(column.values.to_f64()), missing: column.missing }
                }
                None => column,
            })
        });
        Ok(PointBatch { columns: columns.collect::<Result<_>>()? })
    }

    fn if_absent(&self, name: &str) -> Option<IfAbsent> {
        self.options.columns.iter().find(|column| column.name == name)?.if_absent
    }

    /// What a column holds in a part that does not have its dataset; none where it has it, or must have it.
    fn substitute(&self, part: usize, name: &str) -> Option<IfAbsent> {
        let at = self.options.columns.iter().position(|column| column.name == name)?;
        let resolved = self.parts.get(part)?.columns().get(at)?;
        self.options.columns[at].if_absent.filter(|_| matches!(resolved.found, Ok(None)))
    }
}

impl IfAbsent {
    fn column(self, rows: u64) -> Column {
        let rows = rows as usize;
        match self {
            Self::Missing => {
                Column { values: Values::Float64(vec![f64::NAN; rows]), missing: Some(vec![true; rows]) }
            }
            Self::Value(value) => Column::complete(Values::Float64(vec![value; rows])),
        }
    }
}
