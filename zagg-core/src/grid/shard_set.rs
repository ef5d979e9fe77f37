//! Some shards of a grid, and where they are.

use super::cover::half_width;
use super::{Grid, NO_CELL};
use crate::error::{Error, Result};
use crate::footprint::Footprint;

/// The most boxes that a set is enclosed in.
const MAX_BOXES: usize = 8;

/// Two boxes must have less than this part of the area of one around both.
const WORTH: f64 = 0.6;

/// How often edges of a box are moved outwards before it is given up: every edge goes once round the globe in 60 moves.
const MOVES: usize = 256;

/// Degrees that an edge is moved by at first, at least.
const FIRST: f64 = 1e-6;

/// Cells of a shard that are looked at for one with a centre.
const CELLS: usize = 4096;

/// Parts of the globe between two meridians and two parallels; degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoBox {
    /// Western edge, from -180 up to 180.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge, from -180 to 180: less than `west` when the antimeridian is crossed.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

impl GeoBox {
    /// The whole globe.
    pub const GLOBE: Self = Self { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// A single place.
    pub(super) fn at(lon: f64, lat: f64) -> Self {
        Self::new(lon, 0.0, lat, lat)
    }

    fn new(west: f64, width: f64, south: f64, north: f64) -> Self {
        if width >= 360.0 {
            return Self { west: -180.0, east: 180.0, south, north };
        }
        let west = (west + 180.0).rem_euclid(360.0) - 180.0;
        let east = west + width;
        Self { west, east: if east > 180.0 { east - 360.0 } else { east }, south, north }
    }

    /// Degrees from west to east.
    pub fn width(&self) -> f64 {
        let width = self.east - self.west;
        if width >= 360.0 { 360.0 } else { width.rem_euclid(360.0) }
    }

    /// The box that holds this one and everything within some radians of it.
    #[must_use]
    pub fn widened(&self, radians: f64) -> Self {
        if radians <= 0.0 {
            return *self;
        }
        let degrees = radians.to_degrees() + 1e-9;
        // The meridians are widest apart, in degrees, where they are nearest to a pole.
        let half = half_width(self.south.abs().max(self.north.abs()), radians);
        let (south, north) = ((self.south - degrees).max(-90.0), (self.north + degrees).min(90.0));
        if half >= 180.0 {
            return Self::new(-180.0, 360.0, south, north);
        }
        Self::new(self.west - half, self.width() + 2.0 * half, south, north)
    }

    /// The same as a footprint.
    pub fn footprint(&self) -> Footprint {
        let Self { west, south, east, north } = *self;
        Footprint::Box { west, south, east, north }
    }
}

/// Some shards of a grid, with boxes that hold them whole.
#[derive(Debug, Clone)]
pub struct ShardSet {
    shards: Vec<u64>,
    boxes: Vec<GeoBox>,
}

impl ShardSet {
    /// The shards that an area touches.
    ///
    /// # Errors
    /// When the grid cannot cover the area.
    pub fn of_area(grid: &dyn Grid, area: &Footprint) -> Result<Self> {
        // A grid need not know unions.
        let shards = area.cover_parts(|part| grid.cover(part))?;
        let boxes = boxes(grid, &shards)?;
        Ok(Self { shards, boxes })
    }

    /// The shards, ascending, each once.
    pub fn shards(&self) -> &[u64] {
        &self.shards
    }

    /// Whether a shard is one of them.
    pub fn contains(&self, shard: u64) -> bool {
        self.shards.binary_search(&shard).is_ok()
    }

    /// A few boxes, each of the shards lying wholly in one of them.
    pub fn boxes(&self) -> &[GeoBox] {
        &self.boxes
    }
}

/// A place in a shard: longitude from 0 up to 360, latitude.
type Place = (f64, f64);

/// Boxes that hold these shards.
///
/// A shard is in one piece. So it lies wholly in a box when a place of it does, and it does not meet the border of the box,
/// which the grid's own covers tell of any grid.
fn boxes(grid: &dyn Grid, shards: &[u64]) -> Result<Vec<GeoBox>> {
    let mut places = Vec::with_capacity(shards.len());
    for &shard in shards {
        match place_in(grid, shard) {
            Some(place) => places.push((place, shard)),
            // A shard almost all of which is off the globe.
            None => return Ok(vec![GeoBox::GLOBE]),
        }
    }
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let whole = Growing::around(&mut places).grown(grid, shards)?;
    let size = whole.moved;
    let mut groups = vec![places];
    split(&mut groups, size);
    if groups.len() == 1 {
        return Ok(vec![whole.bounds()]);
    }
    let enclosed = |mut group: Vec<(Place, u64)>| {
        let mut shards: Vec<u64> = group.iter().map(|(_, shard)| *shard).collect();
        shards.sort_unstable();
        Ok(Growing::around(&mut group).grown(grid, &shards)?.bounds())
    };
    groups.into_iter().map(enclosed).collect()
}

/// The centre of some cell of the shard.
fn place_in(grid: &dyn Grid, shard: u64) -> Option<Place> {
    // As coarse as there are: few of them, and their centres far from the border.
    let cells = grid.cells_of_shard(shard, grid.shard_level());
    let centre = |cells: &[u64]| {
        let (mut lon, mut lat) = (vec![f64::NAN; cells.len()], vec![f64::NAN; cells.len()]);
        grid.centres(grid.shard_level(), cells, &mut lon, &mut lat);
        let found = lon.iter().zip(&lat).find(|(lon, lat)| crate::sphere::is_position(**lon, **lat))?;
        in_shard(grid, (*found.0, *found.1), shard)
    };
    let middle = cells.len() / 2;
    // In a square block the middle of the list begins a row; half a row further is the middle of the block.
    let further = middle + cells.len().isqrt() / 2;
    [further, middle, 0].into_iter().find_map(|at| centre(cells.get(at..=at)?)).or_else(|| {
        cells.iter().step_by(cells.len().div_ceil(CELLS).max(1)).find_map(|cell| centre(&[*cell]))
    })
}

/// The place, if it is in the shard: that of a coarse cell of a grid that does not nest exactly may not be.
fn in_shard(grid: &dyn Grid, (lon, lat): Place, shard: u64) -> Option<Place> {
    let (mut cell, mut found) = ([NO_CELL], [NO_CELL]);
    grid.locate(&[lon], &[lat], &mut cell);
    grid.shards_of(&cell, &mut found);
    (found[0] == shard).then(|| (lon.rem_euclid(360.0), lat))
}

/// Divides groups at gaps between their places as long as the boxes become much smaller; `size` is about that of a shard.
fn split(groups: &mut Vec<Vec<(Place, u64)>>, size: f64) {
    while groups.len() < MAX_BOXES {
        let halves =
            groups.iter_mut().enumerate().filter_map(|(at, group)| Some((at, best_split(group, size)?)));
        // The split that saves most; of equal ones the first.
        let best = halves.fold(None, |best: Option<(usize, Split)>, (at, found)| match best {
            Some((_, other)) if other.saved >= found.saved => best,
            _ => Some((at, found)),
        });
        let Some((at, Split { by_lat, index, .. })) = best else { return };
        let mut group = groups.swap_remove(at);
        order(&mut group, by_lat);
        let rest = group.split_off(index);
        groups.extend([group, rest]);
    }
}

#[derive(Clone, Copy)]
struct Split {
    by_lat: bool,
    /// Number of the first place after the gap.
    index: usize,
    saved: f64,
}

/// Sorts places by latitude, or by longitude from the east of the widest gap.
fn order(group: &mut [(Place, u64)], by_lat: bool) {
    if by_lat {
        group.sort_unstable_by(|((_, a), m), ((_, b), n)| a.total_cmp(b).then(m.cmp(n)));
    } else {
        group.sort_unstable_by(|((a, _), m), ((b, _), n)| a.total_cmp(b).then(m.cmp(n)));
        let start = after_widest_gap(group);
        group.rotate_left(start);
    }
}

/// Number of the place that the widest gap in longitude ends at; places are sorted by longitude.
fn after_widest_gap(group: &[(Place, u64)]) -> usize {
    let gap = |at: usize| {
        let before = group[(at + group.len() - 1) % group.len()].0.0;
        if at == 0 { group[0].0.0 + 360.0 - before } else { group[at].0.0 - before }
    };
    (0..group.len()).fold(0, |best, at| if gap(at) > gap(best) { at } else { best })
}

/// The two halves of a group whose boxes are smallest, if that is much smaller than one box.
fn best_split(group: &mut [(Place, u64)], size: f64) -> Option<Split> {
    let mut best: Option<Split> = None;
    let area = |group: &[(Place, u64)]| Growing::around(&mut group.to_vec()).area(size);
    let whole = area(group);
    for by_lat in [true, false] {
        order(group, by_lat);
        let along = |at: usize| {
            let (lon, lat) = group[at].0;
            if by_lat { lat } else { (lon - group[0].0.0).rem_euclid(360.0) }
        };
        // The widest gap; the first is that between other halves of the circle.
        let index = (1..group.len()).fold(None, |best: Option<usize>, at| match best {
            Some(other) if along(other) - along(other - 1) >= along(at) - along(at - 1) => best,
            _ => Some(at),
        })?;
        if along(index) - along(index - 1) < 4.0 * size {
            continue;
        }
        let both = area(&group[..index]) + area(&group[index..]);
        let saved = whole - both;
        if both < WORTH * whole && best.as_ref().is_none_or(|best| saved > best.saved) {
            best = Some(Split { by_lat, index, saved });
        }
    }
    best
}

/// A box whose edges are moved outwards.
#[derive(Debug)]
struct Growing {
    west: f64,
    width: f64,
    south: f64,
    north: f64,
    /// Degrees that the first move has.
    first: f64,
    /// Degrees of latitude that an edge was moved by at most.
    moved: f64,
}

impl Growing {
    /// The smallest box that holds all places, of which there is one at least; they are sorted by longitude then.
    fn around(places: &mut [(Place, u64)]) -> Self {
        order(places, false);
        let (west, last) = match places {
            [((west, _), _), .., ((last, _), _)] => (*west, *last),
            [((west, _), _)] => (*west, *west),
            [] => (0.0, 0.0),
        };
        let width = (last - west).rem_euclid(360.0);
        let (south, north) = places
            .iter()
            .fold((90.0_f64, -90.0_f64), |(south, north), ((_, lat), _)| (south.min(*lat), north.max(*lat)));
        let mut growing = Self { west, width, south, north, first: FIRST, moved: 0.0 };
        // About half a shard, if they are spread evenly; the first move is half of that.
        let spacing = (growing.area(0.0) / places.len() as f64).sqrt();
        growing.first = (0.25 * spacing).max(FIRST);
        growing
    }

    /// Square degrees, about, when the edges are moved outwards by some.
    fn area(&self, degrees: f64) -> f64 {
        let (south, north) = ((self.south - degrees).max(-90.0), (self.north + degrees).min(90.0));
        let widest = if south > 0.0 { south } else { north.min(0.0) };
        let narrow = widest.to_radians().cos().max(1e-3);
        (north - south) * ((self.width + 2.0 * degrees / narrow).min(360.0) * narrow)
    }

    fn bounds(&self) -> GeoBox {
        GeoBox::new(self.west, self.width, self.south, self.north)
    }

    /// Moves the edges outwards until none of them meets one of the shards, which are ascending.
    fn grown(mut self, grid: &dyn Grid, shards: &[u64]) -> Result<Self> {
        let meets = |[west, south, east, north]: [f64; 4]| -> Result<bool> {
            let met = grid.cover(&Footprint::Box { west, south, east, north })?;
            let (few, many) = if met.len() < shards.len() { (&met[..], shards) } else { (shards, &met[..]) };
            Ok(few.iter().any(|shard| many.binary_search(shard).is_ok()))
        };
        let mut steps = [self.first; 4];
        for step in &mut steps[2..] {
            *step /= self.south.abs().max(self.north.abs()).to_radians().cos().max(1e-3);
        }
        for _ in 0..MOVES {
            let Self { west, width, south, north, .. } = self;
            let east = west + width;
            let round = width >= 360.0;
            let moved = [
                north < 90.0 && meets([west, north, east, north])?,
                south > -90.0 && meets([west, south, east, south])?,
                !round && meets([west, south, west, north])?,
                !round && meets([east, south, east, north])?,
            ];
            if moved == [false; 4] {
                return Ok(self);
            }
            let by = |side: usize| if moved[side] { steps[side] } else { 0.0 };
            self.north = (north + by(0)).min(90.0);
            self.south = (south - by(1)).max(-90.0);
            self.moved += by(0).max(by(1));
            self.west = west - by(2);
            self.width = (width + by(2) + by(3)).min(360.0);
            for (step, moved) in steps.iter_mut().zip(moved) {
                *step *= if moved { 1.5 } else { 1.0 };
            }
        }
        Err(Error::plugin("the grid's covers of thin boxes have shards that lie elsewhere"))
    }
}
