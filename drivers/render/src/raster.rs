//! Values of pixels: each pixel's centre asks the grid for its cell, and the array for the value of that cell.

use rayon::prelude::*;
use zagg_core::{Error, Result, Values, with_values};
use zagg_zarr::ZarrStore;

use crate::array::Place;
use crate::subject::Subject;
use crate::view::View;

/// Pixels that are worked on at once: bounds what is held beside the picture.
const BAND: u64 = 1 << 21;

/// Decoded bytes of blocks at once, as far as one is smaller.
const BLOCK_BYTES: u64 = 512 << 20;

/// Answers of a bucket that are waited for at once.
const REQUESTS: usize = 16;

/// Values of pixels, row by row from the upper left corner; NaN where there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Of types that lose nothing in this form: float32, bool, and integers of 16 bits or fewer.
    Float32(Vec<f32>),
    /// Of all other types; integers beyond 2^53 are rounded.
    Float64(Vec<f64>),
}

impl Pixels {
    /// The value of a pixel.
    pub fn get(&self, at: usize) -> f64 {
        match self {
            Self::Float32(values) => values.get(at).map_or(f64::NAN, |&x| f64::from(x)),
            Self::Float64(values) => values.get(at).copied().unwrap_or(f64::NAN),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Float32(values) => values.len(),
            Self::Float64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values that are numbers.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        (0..self.len()).map(|at| self.get(at)).filter(|x| !x.is_nan())
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Pixels with a value.
    pub filled: u64,
    /// Pixels beside the globe.
    pub beside: u64,
    /// Blocks that were decoded.
    pub blocks: u64,
}

/// A pixel and where its value is.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    place: Place,
    pixel: u32,
}

/// A number that pixels are held as.
trait Number: Copy + Send + Sync {
    const NONE: Self;
    fn of(x: f64) -> Self;
}

impl Number for f32 {
    const NONE: Self = Self::NAN;
    fn of(x: f64) -> Self {
        x as Self
    }
}

impl Number for f64 {
    const NONE: Self = Self::NAN;
    fn of(x: f64) -> Self {
        x
    }
}

/// The values of all pixels of a view.
///
/// # Errors
/// When a block cannot be read or decoded.
pub(crate) fn fill(store: &ZarrStore, subject: &Subject, view: &View, item: u64) -> Result<(Pixels, Looked)> {
    let exact = subject.array.dtype.size() <= 2 || subject.array.dtype == zagg_core::DType::Float32;
    Ok(if exact {
        let (values, looked) = filled::<f32>(store, subject, view, item)?;
        (Pixels::Float32(values), looked)
    } else {
        let (values, looked) = filled::<f64>(store, subject, view, item)?;
        (Pixels::Float64(values), looked)
    })
}

fn filled<T: Number>(
    store: &ZarrStore,
    subject: &Subject,
    view: &View,
    item: u64,
) -> Result<(Vec<T>, Looked)> {
    let width = view.width as usize;
    let mut all = vec![T::NONE; width * view.height as usize];
    let mut looked = Looked::default();
    let rows = (BAND / u64::from(view.width)).clamp(1, u64::from(view.height)) as u32;
    let pool = pool(store, subject)?;
    for (band, pixels) in all.chunks_mut(width * rows as usize).enumerate() {
        let first = band as u32 * rows;
        let of_rows: Vec<(Vec<Wanted>, u64)> = (0..(pixels.len() / width) as u32)
            .into_par_iter()
            .map(|row| {
                let (lon, lat) = view.row(first + row);
                let beside = lon.iter().filter(|lon| lon.is_nan()).count() as u64;
                let places = subject.level.cells.places(&lon, &lat, &subject.geometry);
                let wanted = (row * view.width..).zip(places).filter_map(|(pixel, place)| {
                    let place = place.filter(|place| subject.is_stored(place.block))?;
                    Some(Wanted { place, pixel })
                });
                (wanted.collect(), beside)
            })
            .collect();
        let mut wanted = Vec::with_capacity(of_rows.iter().map(|(wanted, _)| wanted.len()).sum());
        for (of_row, beside) in of_rows {
            wanted.extend(of_row);
            looked.beside += beside;
        }
        wanted.par_sort_unstable_by_key(|one| (one.place.block, one.pixel));
        let blocks: Vec<&[Wanted]> = wanted.chunk_by(|a, b| a.place.block == b.place.block).collect();
        let values: Vec<Vec<T>> = pool.install(|| {
            blocks.par_iter().map(|wanted| read(store, subject, wanted, item)).collect::<Result<_>>()
        })?;
        looked.blocks += blocks.len() as u64;
        for (wanted, values) in blocks.iter().zip(values) {
            for (one, value) in wanted.iter().zip(values) {
                if let Some(pixel) = pixels.get_mut(one.pixel as usize) {
                    *pixel = value;
                }
            }
        }
    }
    Ok((all, looked))
}

/// Threads that read blocks: as many as memory has room for, and more than cores where most of the time is waiting.
fn pool(store: &ZarrStore, subject: &Subject) -> Result<rayon::ThreadPool> {
    use zagg_core::store::Store;
    let bytes = subject.geometry.block_elements().saturating_mul(subject.array.dtype.size() as u64).max(1);
    let most = if store.location().starts_with("s3://") { REQUESTS } else { rayon::current_num_threads() };
    let threads = ((BLOCK_BYTES / bytes) as usize).clamp(1, most);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::io(format!("starting threads: {error}")))
}

/// Values of some places of one block.
fn read<T: Number>(store: &ZarrStore, subject: &Subject, wanted: &[Wanted], item: u64) -> Result<Vec<T>> {
    let Some(first) = wanted.first() else { return Ok(Vec::new()) };
    let block = subject.geometry.block(first.place.block);
    let (group, array) = (&subject.level.group, &subject.array);
    if let Some(ragged) = &array.ragged {
        let size = ragged.item_elements().unwrap_or(1);
        let (offsets, values) = store.read_ragged_block(group, &array.name, &block)?;
        return Ok(wanted
            .iter()
            .map(|one| T::of(in_list(&offsets, &values, size, one.place.offset, item)))
            .collect());
    }
    let values = store.read_block(group, &array.name, &block)?;
    Ok(picked(&values, &array.fill, wanted))
}

/// The number of a list, counted over the elements of all its items; NaN where the list is shorter.
fn in_list(offsets: &[u64], values: &Values, size: u64, cell: u32, item: u64) -> f64 {
    let at = |n: usize| offsets.get(n).and_then(|offset| offset.checked_mul(size));
    match (at(cell as usize), at(cell as usize + 1)) {
        (Some(start), Some(end)) if item < end.saturating_sub(start) => {
            number(values, (start + item) as usize)
        }
        _ => f64::NAN,
    }
}

fn number(values: &Values, at: usize) -> f64 {
    match values {
        Values::Bool(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(u8::from(x))),
        Values::Int64(v) => v.get(at).map_or(f64::NAN, |&x| x as f64),
        Values::UInt64(v) => v.get(at).map_or(f64::NAN, |&x| x as f64),
        Values::Int8(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::Int16(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::Int32(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::UInt8(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::UInt16(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::UInt32(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::Float32(v) => v.get(at).map_or(f64::NAN, |&x| f64::from(x)),
        Values::Float64(v) => v.get(at).copied().unwrap_or(f64::NAN),
    }
}

/// The values at some places; none where they are the fill value.
fn picked<T: Number>(values: &Values, fill: &Values, wanted: &[Wanted]) -> Vec<T> {
    let n = with_values!(values, v => v.len());
    let fill = number(fill, 0);
    wanted
        .iter()
        .map(|one| {
            let at = one.place.offset as usize;
            let x = if at < n { number(values, at) } else { f64::NAN };
            if x == fill { T::NONE } else { T::of(x) }
        })
        .collect()
}

impl Looked {
    pub(crate) fn counted(mut self, pixels: &Pixels) -> Self {
        self.filled = pixels.numbers().count() as u64;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_fill_have_their_values() {
        let values = Values::Int16(vec![1, 2, 3, 4, 5, 6]);
        // Two items of two elements, none, one.
        let offsets = [0, 2, 2, 3];
        assert_eq!(in_list(&offsets, &values, 2, 0, 3), 4.0);
        assert_eq!(in_list(&offsets, &values, 2, 2, 0), 5.0);
        for (cell, item) in [(0, 4), (1, 0), (2, 2), (3, 0), (u32::MAX, 0)] {
            assert!(in_list(&offsets, &values, 2, cell, item).is_nan(), "{cell} {item}");
        }
        let wanted: Vec<Wanted> =
            [0, 5, 6].map(|offset| Wanted { place: Place { block: 0, offset }, pixel: 0 }).to_vec();
        let picked: Vec<f32> = picked(&values, &Values::Int16(vec![6]), &wanted);
        assert_eq!(picked[0], 1.0);
        assert!(picked[1].is_nan() && picked[2].is_nan());
    }
}
