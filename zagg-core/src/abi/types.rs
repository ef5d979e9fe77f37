//! What crosses the boundary of a library as it is: errors and hot arrays, with a layout that both sides check.
#![allow(
    unreachable_pub,
    missing_debug_implementations,
    reason = "the traits that use them are written by a macro, and public"
)]

use abi_stable::StableAbi;
use abi_stable::std_types::{RNone, ROption, RResult, RSlice, RSome, RString, RVec};

use super::wire::{decode, encode};
use crate::column::{Column, Values};
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::source::{Bounds, PointBatch, Positions, ReadRequest};
use crate::statistic::{Output, States};

/// An error in its byte form.
#[repr(transparent)]
#[derive(StableAbi)]
pub struct Fault(RVec<u8>);

/// Every answer across the boundary: methods that cannot fail may still panic.
pub type Answer<T> = RResult<T, Fault>;

/// A structured value in its byte form.
pub type Packed = RVec<u8>;

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        Self(encode(error).into())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        decode(&fault.0).unwrap_or_else(|error| error)
    }
}

/// An answer for the other side.
pub(super) fn answer<T>(result: Result<T>) -> Answer<T> {
    result.map_err(|error| Fault::from(&error)).into()
}

/// An answer of the other side.
pub(super) fn result<T>(answer: Answer<T>) -> Result<T> {
    answer.into_result().map_err(Error::from)
}

/// Rows or bytes from `start` up to `end`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct AbiRange {
    start: u64,
    end: u64,
}

impl From<&std::ops::Range<u64>> for AbiRange {
    fn from(range: &std::ops::Range<u64>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

impl From<&AbiRange> for std::ops::Range<u64> {
    fn from(range: &AbiRange) -> Self {
        range.start..range.end
    }
}

pub(super) fn ranges_out(ranges: &[std::ops::Range<u64>]) -> RVec<AbiRange> {
    ranges.iter().map(AbiRange::from).collect()
}

pub(super) fn ranges_in(ranges: &[AbiRange]) -> Vec<std::ops::Range<u64>> {
    ranges.iter().map(Into::into).collect()
}

macro_rules! values {
    ($($variant:ident: $t:ty),*) => {
        /// Values of a column. Truth values are bytes, because not every byte is one.
        #[repr(u8)]
        #[derive(StableAbi)]
        #[allow(missing_docs)] // The names say it.
        pub enum AbiValues {
            Bool(RVec<u8>),
            $($variant(RVec<$t>)),*
        }

        /// Values that stay where they are.
        #[repr(u8)]
        #[derive(StableAbi, Clone, Copy)]
        #[allow(missing_docs)] // The names say it.
        pub enum AbiSlice<'a> {
            Bool(RSlice<'a, bool>),
            $($variant(RSlice<'a, $t>)),*
        }

        impl From<Values> for AbiValues {
            fn from(values: Values) -> Self {
                match values {
                    Values::Bool(values) => Self::Bool(values.into_iter().map(u8::from).collect()),
                    $(Values::$variant(values) => Self::$variant(values.into()),)*
                }
            }
        }

        impl From<AbiValues> for Values {
            fn from(values: AbiValues) -> Self {
                match values {
                    AbiValues::Bool(values) => Self::Bool(values.iter().map(|&flag| flag != 0).collect()),
                    $(AbiValues::$variant(values) => Self::$variant(values.into_vec()),)*
                }
            }
        }

        impl<'a> From<&'a Values> for AbiSlice<'a> {
            fn from(values: &'a Values) -> Self {
                match values {
                    Values::Bool(values) => Self::Bool(values.as_slice().into()),
                    $(Values::$variant(values) => Self::$variant(values.as_slice().into()),)*
                }
            }
        }

        impl From<AbiSlice<'_>> for Values {
            fn from(values: AbiSlice<'_>) -> Self {
                match values {
                    AbiSlice::Bool(values) => Self::Bool(values.to_vec()),
                    $(AbiSlice::$variant(values) => Self::$variant(values.to_vec()),)*
                }
            }
        }
    };
}
values!(
    Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64, Float32: f32,
    Float64: f64
);

/// A column with the flags of what is missing in it.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiColumn {
    values: AbiValues,
    missing: ROption<RVec<u8>>,
}

impl From<Column> for AbiColumn {
    fn from(column: Column) -> Self {
        let flags = |flags: Vec<bool>| flags.into_iter().map(u8::from).collect();
        Self { values: column.values.into(), missing: column.missing.map(flags).into() }
    }
}

impl From<AbiColumn> for Column {
    fn from(column: AbiColumn) -> Self {
        let flags = |flags: RVec<u8>| flags.iter().map(|&flag| flag != 0).collect();
        Self { values: column.values.into(), missing: column.missing.into_option().map(flags) }
    }
}

#[cfg(feature = "library")]
pub(super) fn batch_out(batch: PointBatch) -> RVec<AbiColumn> {
    batch.columns.into_iter().map(AbiColumn::from).collect()
}

pub(super) fn batch_in(columns: RVec<AbiColumn>) -> PointBatch {
    PointBatch { columns: columns.into_iter().map(Column::from).collect() }
}

/// A read of some rows of a part.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiRequest {
    part: u64,
    rows: RVec<AbiRange>,
    columns: RVec<RString>,
}

impl From<&ReadRequest> for AbiRequest {
    fn from(request: &ReadRequest) -> Self {
        Self {
            part: request.part as u64,
            rows: ranges_out(request.rows.ranges()),
            columns: request.columns.iter().map(|name| name.as_str().into()).collect(),
        }
    }
}

impl From<&AbiRequest> for ReadRequest {
    fn from(request: &AbiRequest) -> Self {
        Self {
            part: usize::try_from(request.part).unwrap_or(usize::MAX),
            rows: Rows::from_ranges(ranges_in(&request.rows)),
            columns: request.columns.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

/// A box of rows.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct AbiBounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl From<Bounds> for AbiBounds {
    fn from(Bounds { west, south, east, north }: Bounds) -> Self {
        Self { west, south, east, north }
    }
}

impl From<AbiBounds> for Bounds {
    fn from(AbiBounds { west, south, east, north }: AbiBounds) -> Self {
        Self { west, south, east, north }
    }
}

/// Positions of a part.
#[repr(u8)]
#[derive(StableAbi)]
#[allow(missing_docs)] // As in `Positions`.
pub enum AbiPositions {
    Exact { lon: RVec<f64>, lat: RVec<f64> },
    Boxes { boxes: RVec<ROption<AbiBounds>>, rows: RVec<AbiRange> },
    Coarse { lon: RVec<f64>, lat: RVec<f64>, rows: RVec<AbiRange>, reach: f64, pad: u64 },
}

impl From<Positions> for AbiPositions {
    fn from(positions: Positions) -> Self {
        match positions {
            Positions::Exact { lon, lat } => Self::Exact { lon: lon.into(), lat: lat.into() },
            Positions::Boxes { boxes, rows } => {
                let bounds = |bounds: Option<Bounds>| bounds.map_or(RNone, |bounds| RSome(bounds.into()));
                Self::Boxes { boxes: boxes.into_iter().map(bounds).collect(), rows: ranges_out(&rows) }
            }
            Positions::Coarse { lon, lat, rows, reach, pad } => Self::Coarse {
                lon: lon.into(),
                lat: lat.into(),
                rows: ranges_out(&rows),
                reach,
                pad: pad as u64,
            },
        }
    }
}

impl From<AbiPositions> for Positions {
    fn from(positions: AbiPositions) -> Self {
        match positions {
            AbiPositions::Exact { lon, lat } => Self::Exact { lon: lon.into_vec(), lat: lat.into_vec() },
            AbiPositions::Boxes { boxes, rows } => {
                let bounds = |bounds: ROption<AbiBounds>| bounds.into_option().map(Bounds::from);
                Self::Boxes { boxes: boxes.into_iter().map(bounds).collect(), rows: ranges_in(&rows) }
            }
            AbiPositions::Coarse { lon, lat, rows, reach, pad } => Self::Coarse {
                lon: lon.into_vec(),
                lat: lat.into_vec(),
                rows: ranges_in(&rows),
                reach,
                pad: usize::try_from(pad).unwrap_or(usize::MAX),
            },
        }
    }
}

/// One value per group.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiOutput {
    values: AbiValues,
    offsets: ROption<RVec<u64>>,
}

impl From<Output> for AbiOutput {
    fn from(output: Output) -> Self {
        Self { values: output.values.into(), offsets: output.offsets.map(RVec::from).into() }
    }
}

impl From<AbiOutput> for Output {
    fn from(output: AbiOutput) -> Self {
        Self { values: output.values.into(), offsets: output.offsets.into_option().map(RVec::into_vec) }
    }
}

/// States of groups.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiStates {
    values: RVec<f64>,
    offsets: RVec<u32>,
}

impl From<States> for AbiStates {
    fn from(states: States) -> Self {
        Self { values: states.values.into(), offsets: states.offsets.into() }
    }
}

impl From<AbiStates> for States {
    fn from(states: AbiStates) -> Self {
        Self { values: states.values.into_vec(), offsets: states.offsets.into_vec() }
    }
}
