//! The byte forms of zagg's own types.

use super::super::facts::{EntryFacts, GridFacts, PluginFacts, ReaderFacts, StatisticFacts};
use super::{Input, Wire, broken};
use crate::catalog::{ExactFootprint, Granules, Query};
use crate::cells::CellRanges;
use crate::column::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::footprint::{Footprint, Polygon};
use crate::granule::{CatalogEntry, Granule};
use crate::grid::{Coordinate, CoordinateExtent, GridLayout};
use crate::registry::Kind;
use crate::shard_map::AreaCodes;
use crate::source::{ColumnSpec, PartInfo, PartState};
use crate::statistic::{Input as StatisticInput, OutputShape, OutputSpec, StatisticRequest, VariableKind};

/// Structs: their fields in order.
macro_rules! structs {
    ($($name:ident { $($field:ident),+ $(,)? })*) => {
        $(impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                // Taking it apart makes a field that is forgotten an error of the compiler.
                let Self { $($field),+ } = self;
                $($field.put(out);)+
            }

            fn unpack(input: &mut Input<'_>) -> Result<Self> {
                $(let $field = Wire::unpack(input)?;)+
                Ok(Self { $($field),+ })
            }
        })*
    };
}

structs! {
    ColumnSpec { name, dtype, attributes }
    PartInfo { name, state }
    Granule { id, s3, https, file, time_start, time_end, size }
    CatalogEntry { granule, footprint }
    Granules { entries, metadata, incomplete }
    ExactFootprint { footprint, holes }
    Query { short_name, version, provider, start, end, cycle, area, files, options }
    Polygon { exterior, holes }
    GridLayout { dimensions, full_shape, shard_shape, chunk_shape, compactable }
    Coordinate { name, dtype, extent, attributes, implied_by_position }
    OutputSpec { dtype, shape }
    StatisticInput { expression }
    PluginFacts { name, version, entries }
    EntryFacts { name, aliases, description, kind, preset }
    ReaderFacts { size, etag, location }
    GridFacts { type_name, signature, leaf_level, shard_level, coarsest_level, nests_exactly }
    StatisticFacts { output, inputs, skips_missing, needs_arrival_order, unit_power, form }
    StatisticRequest { variable, function, source, source_dtype, params, kind, shape }
}

/// Enums: the number of the variant, then its fields.
macro_rules! enums {
    ($($name:ident { $($number:literal => $variant:ident $(($($one:ident),+))? $({$($field:ident),+})?,)+ })*) => {
        $(impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($one),+))? $({$($field),+})? => {
                        out.push($number);
                        $($($one.put(out);)+)?
                        $($($field.put(out);)+)?
                    })+
                }
            }

            fn unpack(input: &mut Input<'_>) -> Result<Self> {
                match input.variant()? {
                    $($number => {
                        $($(let $one = Wire::unpack(input)?;)+)?
                        $($(let $field = Wire::unpack(input)?;)+)?
                        Ok(Self::$variant $(($($one),+))? $({$($field),+})?)
                    })+
                    _ => Err(broken(concat!("there is no such ", stringify!($name)))),
                }
            }
        })*
    };
}

enums! {
    DType {
        0 => Bool, 1 => Int8, 2 => Int16, 3 => Int32, 4 => Int64, 5 => UInt8, 6 => UInt16, 7 => UInt32, 8 => UInt64,
        9 => Float32, 10 => Float64,
    }
    ErrorKind {
        0 => Input, 1 => Corrupt, 2 => Unsupported, 3 => NotFound, 4 => Io, 5 => Temporary, 6 => Changed, 7 => Plugin,
    }
    Kind { 0 => Source, 1 => Catalog, 2 => Grid, 3 => Statistic, 4 => Preset, }
    PartState { 0 => Present { rows }, 1 => Absent, 2 => Broken(error), }
    Footprint {
        0 => Polygons(polygons), 1 => Lines(lines), 2 => Points(points), 3 => Box { west, south, east, north },
        4 => Shards(shards), 5 => Union(footprints),
    }
    CoordinateExtent { 0 => Cells, 1 => Dimension(position), 2 => Scalar, }
    OutputShape { 0 => Scalar, 1 => Fixed(shape), 2 => Ragged(shape), }
    VariableKind { 0 => Scalar, 1 => Vector, 2 => Ragged, }
}

impl Wire for Error {
    fn put(&self, out: &mut Vec<u8>) {
        self.kind().put(out);
        self.message().to_owned().put(out);
        self.excerpt().map(str::to_owned).put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        let error = Self::new(ErrorKind::unpack(input)?, String::unpack(input)?);
        Ok(error.with_excerpt(Option::unpack(input)?))
    }
}

impl Wire for CellRanges {
    fn put(&self, out: &mut Vec<u8>) {
        self.ranges().iter().map(|range| (range.start, range.end)).collect::<Vec<_>>().put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Ok(Self::from_ranges(Vec::unpack(input)?.into_iter().map(|(start, end)| start..end)))
    }
}

impl Wire for AreaCodes {
    fn put(&self, out: &mut Vec<u8>) {
        self.runs().to_vec().put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        let mut codes = Self::default();
        for (first, last) in Vec::unpack(input)? {
            codes.push_run(first, last);
        }
        Ok(codes)
    }
}
