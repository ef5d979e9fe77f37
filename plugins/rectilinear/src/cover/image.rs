//! Where a piece of the globe lies in the plane.

use super::piece::Piece;
use crate::grid::RectilinearGrid;

/// Part of a piece's side by which the outer samples stay away from its borders, where the map may be cut.
const INSET: f64 = 1e-7;

/// Degrees of a piece below which its samples are enough to tell that a projection refuses all of it.
const FINE: f64 = 1.0;

/// The image of a piece: distances from the upper left corner, to the right and downwards, in cells.
#[derive(Debug)]
pub(super) struct Image {
    /// Least and greatest distance to the right and downwards of the samples, with the margin.
    sides: [[f64; 2]; 2],
    /// Greatest distance of samples side by side, and of samples one above the other, in shards or parts of one.
    extents: [f64; 2],
    /// Whether the margin holds: all samples are in the plane, and the map hardly bends between them.
    pub(super) trusted: bool,
    /// The samples: distances to the right, and downwards.
    samples: [[f64; 9]; 2],
    /// Whether all samples are in the plane.
    all: bool,
    /// Whether some are.
    any: bool,
}

impl Image {
    /// The image of a piece, as far as nine samples tell.
    pub(super) fn of(grid: &RectilinearGrid, piece: &Piece) -> Self {
        let (width, height) = (piece.east - piece.west, piece.north - piece.south);
        let steps = [INSET, 0.5, 1.0 - INSET];
        let lon: [f64; 9] = std::array::from_fn(|i| piece.west + steps[i % 3] * width);
        let lat: [f64; 9] = std::array::from_fn(|i| piece.south + steps[i / 3] * height);
        let mut samples = [[0.0; 9]; 2];
        let [x, y] = &mut samples;
        grid.in_cells(&lon, &lat, x, y);
        let any = x.iter().any(|v| v.is_finite());
        let all = x.iter().chain(y.iter()).all(|v| v.is_finite());
        let shape = grid.options().chunk_shape;
        let mut image = Self { sides: [[0.0; 2]; 2], extents: [0.0; 2], trusted: false, samples, all, any };
        let mut bend = 0.0_f64;
        for (side, values) in samples.iter().enumerate() {
            let (least, greatest) = values
                .iter()
                .filter(|v| v.is_finite())
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            let extent = greatest - least;
            let second =
                |i: usize, step: usize| (values[i] - 2.0 * values[i + step] + values[i + 2 * step]).abs();
            let along = [0, 3, 6].map(|i| second(i, 1)).into_iter().fold(0.0, f64::max);
            let across = [0, 1, 2].map(|i| second(i, 3)).into_iter().fold(0.0, f64::max);
            // The last term stands for the rounding of the projection, and of lengths in cells.
            let rounding = 1e-9 * (1.0 + least.abs().max(greatest.abs()));
            // Samples stay away from the borders, by far less than this.
            let margin = if all { along + across + 1e-5 * extent } else { extent } + rounding;
            image.sides[side] = [least - margin, greatest + margin];
            let unit = shape[1 - side] as f64;
            bend = bend.max((along + across - rounding) / unit);
            let apart = |i: usize, step: usize| (values[i] - values[i + step]).abs() / unit;
            for (extent, (starts, step)) in image.extents.iter_mut().zip([([0, 3, 6], 2), ([0, 1, 2], 6)]) {
                *extent = starts.iter().map(|i| apart(*i, step)).fold(*extent, f64::max);
            }
        }
        image.trusted = all && bend <= 0.25 * image.extents[0].max(image.extents[1]);
        image
    }

    /// Whether an image that cannot be trusted still tells that no place of the piece has a cell: the projection refuses all
    /// of it, or what there is lies beside the grid by more than it extends.
    ///
    /// A piece that is still large may hold a part of the map between its samples.
    pub(super) fn is_off_the_map(&self, grid: &RectilinearGrid, piece: &Piece) -> bool {
        piece.size() <= FINE && (!self.any || self.shards(grid).is_none())
    }

    /// Whether halves should lie side by side.
    pub(super) fn is_wide(&self, piece: &Piece) -> bool {
        if self.all {
            self.extents[0] >= self.extents[1]
        } else {
            (piece.east - piece.west) * piece.widest() >= piece.north - piece.south
        }
    }

    /// Whether the image is smaller than these many cells, to the right and downwards.
    pub(super) fn is_smaller_than(&self, small: [f64; 2]) -> bool {
        self.sides.iter().zip(small).all(|(side, small)| side[1] - side[0] <= small)
    }

    /// The shards that the image may touch, or none when it lies beside the grid.
    pub(super) fn shards(&self, grid: &RectilinearGrid) -> Option<Span> {
        span_of(grid, self.sides)
    }

    /// The shards of the samples.
    pub(super) fn shards_of_samples(&self, grid: &RectilinearGrid) -> impl Iterator<Item = u64> {
        let [x, y] = self.samples;
        x.into_iter().zip(y).filter_map(move |(x, y)| shard_at(grid, x, y))
    }
}

/// The shards that lie between two distances to the right and two downwards, in cells; none when those are beside the grid.
pub(super) fn span_of(grid: &RectilinearGrid, [right, down]: [[f64; 2]; 2]) -> Option<Span> {
    let ([h, w], [rows, columns]) = (grid.options().chunk_shape, grid.shards());
    Some(Span { columns: range(right, w, columns)?, rows: range(down, h, rows)?, width: columns })
}

/// The shard at a distance to the right and downwards, in cells.
pub(super) fn shard_at(grid: &RectilinearGrid, x: f64, y: f64) -> Option<u64> {
    let ([h, w], [rows, columns]) = (grid.options().chunk_shape, grid.shards());
    let (column, row) = ((x / w as f64).floor(), (y / h as f64).floor());
    // False for NaN.
    let inside = column >= 0.0 && row >= 0.0 && column < columns as f64 && row < rows as f64;
    inside.then_some(row as u64 * columns + column as u64)
}

/// The first and the last of `count` blocks of `size` cells that an interval touches.
fn range([least, greatest]: [f64; 2], size: u64, count: u64) -> Option<(u64, u64)> {
    let block = |value: f64| (value / size as f64).floor();
    let (first, last) = (block(least).max(0.0), block(greatest).min(count as f64 - 1.0));
    // False for NaN.
    if first <= last { Some((first as u64, last as u64)) } else { None }
}

/// A block of shards.
#[derive(Debug)]
pub(super) struct Span {
    /// The first and the last.
    pub(super) rows: (u64, u64),
    /// The first and the last.
    pub(super) columns: (u64, u64),
    /// Shards of one row of the grid.
    width: u64,
}

impl Span {
    pub(super) fn count(&self) -> u64 {
        (self.rows.1 - self.rows.0 + 1) * (self.columns.1 - self.columns.0 + 1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (self.rows.0..=self.rows.1).flat_map(move |row| {
            (self.columns.0..=self.columns.1).map(move |column| row * self.width + column)
        })
    }
}
