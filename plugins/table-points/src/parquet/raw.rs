//! Values as Parquet stores them.

use std::ops::Range;

use zagg_core::{Column, DType, Error, Result, Values};

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    Bool,
    Int32,
    Int64,
    Float,
    Double,
    /// Points in well-known binary, as byte arrays.
    Point,
}

impl Physical {
    /// Bytes of a value in memory, its flag among them.
    pub(super) fn size(self) -> u64 {
        match self {
            Self::Bool => 2,
            Self::Int32 | Self::Float => 5,
            Self::Int64 | Self::Double => 9,
            Self::Point => 17,
        }
    }
}

/// Values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Longitude and latitude.
    Point(Vec<[f64; 2]>),
}

/// Runs `$body` with `$v` bound to the vector inside, and puts the vector it gives back into the same kind.
macro_rules! map {
    ($raw:expr, $v:ident => $body:expr) => {
        match $raw {
            Raw::Bool($v) => Raw::Bool($body),
            Raw::Int32($v) => Raw::Int32($body),
            Raw::Int64($v) => Raw::Int64($body),
            Raw::Float($v) => Raw::Float($body),
            Raw::Double($v) => Raw::Double($body),
            Raw::Point($v) => Raw::Point($body),
        }
    };
}

impl Raw {
    pub(super) fn empty(physical: Physical) -> Self {
        match physical {
            Physical::Bool => Self::Bool(Vec::new()),
            Physical::Int32 => Self::Int32(Vec::new()),
            Physical::Int64 => Self::Int64(Vec::new()),
            Physical::Float => Self::Float(Vec::new()),
            Physical::Double => Self::Double(Vec::new()),
            Physical::Point => Self::Point(Vec::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::Int64(v) => v.len(),
            Self::Float(v) => v.len(),
            Self::Double(v) => v.len(),
            Self::Point(v) => v.len(),
        }
    }

    /// The values at some places.
    pub(super) fn gather(&self, places: &[u32]) -> Result<Self> {
        let outside = || Error::corrupt("a page refers to a value behind the end of its dictionary");
        Ok(map!(self, v => {
            places.iter().map(|&at| v.get(at as usize).copied().ok_or_else(outside)).collect::<Result<_>>()?
        }))
    }

    /// One value per flag: those there are where it is set, and others that mean nothing.
    pub(super) fn spread(self, present: &[bool]) -> Self {
        map!(self, v => {
            let mut values = v.into_iter();
            present.iter().map(|&is| if is { values.next().unwrap_or_default() } else { Default::default() }).collect()
        })
    }

    /// Puts the values of `other` in `range` behind these.
    pub(super) fn extend(&mut self, other: &Self, range: Range<usize>) -> Result<()> {
        macro_rules! arms {
            ($($kind:ident),*) => {
                match (self, other) {
                    $((Self::$kind(all), Self::$kind(more)) => match more.get(range) {
                        Some(more) => all.extend_from_slice(more),
                        None => return Err(Error::corrupt("a page has fewer values than it says")),
                    },)*
                    _ => return Err(Error::corrupt("the pages of a column hold different types")),
                }
            };
        }
        arms!(Bool, Int32, Int64, Float, Double, Point);
        Ok(())
    }
}

/// Values of some rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decoded {
    pub(super) raw: Raw,
    /// One flag per row, true where the value is missing; none when no value is.
    pub(super) missing: Option<Vec<bool>>,
}

impl Decoded {
    pub(super) fn empty(physical: Physical) -> Self {
        Self { raw: Raw::empty(physical), missing: None }
    }

    /// Puts the rows `range` of a page behind these.
    pub(super) fn extend(&mut self, page: &Self, range: Range<usize>) -> Result<()> {
        let before = self.raw.len();
        self.raw.extend(&page.raw, range.clone())?;
        match (&mut self.missing, &page.missing) {
            (None, None) => {}
            (Some(flags), None) => flags.resize(self.raw.len(), false),
            (mine, Some(theirs)) => {
                let theirs = theirs.get(range).ok_or_else(|| Error::corrupt("a page has too few levels"))?;
                mine.get_or_insert_with(|| vec![false; before]).extend_from_slice(theirs);
            }
        }
        Ok(())
    }

    /// The values in the type that the file says they have.
    pub(super) fn column(self, dtype: DType) -> Result<Column> {
        let narrow = |value: i32| {
            Error::corrupt(format!("the value {value} does not fit the type {dtype} of the column"))
        };
        macro_rules! narrowed {
            ($variant:ident, $type:ty, $values:expr) => {
                Values::$variant(
                    $values
                        .into_iter()
                        .map(|x| <$type>::try_from(x).map_err(|_| narrow(x)))
                        .collect::<Result<_>>()?,
                )
            };
        }
        let values = match (self.raw, dtype) {
            (Raw::Bool(v), _) => Values::Bool(v),
            (Raw::Int32(v), DType::Int8) => narrowed!(Int8, i8, v),
            (Raw::Int32(v), DType::Int16) => narrowed!(Int16, i16, v),
            (Raw::Int32(v), DType::UInt8) => narrowed!(UInt8, u8, v),
            (Raw::Int32(v), DType::UInt16) => narrowed!(UInt16, u16, v),
            (Raw::Int32(v), DType::UInt32) => Values::UInt32(v.into_iter().map(|x| x as u32).collect()),
            (Raw::Int32(v), _) => Values::Int32(v),
            (Raw::Int64(v), DType::UInt64) => Values::UInt64(v.into_iter().map(|x| x as u64).collect()),
            (Raw::Int64(v), _) => Values::Int64(v),
            (Raw::Float(v), _) => Values::Float32(v),
            (Raw::Double(v), _) => Values::Float64(v),
            (Raw::Point(_), _) => return Err(Error::plugin("points are no numbers")),
        };
        Ok(Column { values, missing: self.missing })
    }

    /// One coordinate of points: 0 the longitude, 1 the latitude.
    pub(super) fn coordinate(&self, which: usize) -> Result<Column> {
        match &self.raw {
            Raw::Point(points) => Ok(Column {
                values: Values::Float64(points.iter().map(|point| point[which]).collect()),
                missing: self.missing.clone(),
            }),
            _ => Err(Error::plugin("numbers are no points")),
        }
    }
}
