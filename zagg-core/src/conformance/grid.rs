//! What every grid must do.

mod area;
mod levels;
mod places;
mod store;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::caught::panic_message;
use crate::footprint::Footprint;
use crate::grid::{Grid, NO_CELL};
use places::{positions, sample_shards};

/// More cells in a shard than this are not enumerated; a dense block of them could not be held anyway.
const MAX_CELLS: u64 = 1 << 26;

/// Cells of one shard whose centres are looked up one by one.
const CENTRES: usize = 4096;

/// Findings after which no further group of checks is begun: one fault tends to show everywhere.
const MAX_FINDINGS: usize = 50;

/// Findings that are kept of one group of checks, so that none drowns the others.
const MAX_OF_GROUP: usize = 6;

/// Checks a grid against the contract of [`Grid`].
///
/// The methods are called with pseudo-random positions, always the same ones, with poles, the antimeridian and borders
/// of longitude, and with whole shards of the grid; their answers must agree with each other. What cannot be seen from outside, whether
/// a cell is where its definition has it, is left to the grid's own tests. A panic of the grid is caught and
/// reported as a finding.
///
/// # Errors
/// Everything found, one sentence each, a few of each group of checks and some fifty in all.
pub fn grid(grid: &dyn Grid) -> Result<(), Vec<String>> {
    let mut findings = Findings::default();
    findings.run("locate", |f| locate(grid, f));
    let shards = findings.run("cover", |f| sample_shards(grid, f)).unwrap_or_default();
    if shards.is_empty() && findings.all.is_empty() {
        findings.add("cover: the grid has no shard anywhere on the globe");
    }
    findings.run("bad footprints", |f| bad_footprints(grid, f));
    findings.run("signature", |f| store::signature(grid, f));
    findings.run("keys and labels", |f| names(grid, &shards, f));
    findings.run("layout", |f| store::layout(grid, &shards, f));
    findings.run("attributes", |f| store::attributes(grid, f));
    findings.run("levels", |f| levels::numbers(grid, f));
    findings.run("cells that hold shards", |f| levels::above(grid, &shards, f));
    findings.run("root attributes", |f| levels::root(grid, f));
    findings.run("areas", |f| area::inside(grid, &shards, f));
    for &shard in &shards {
        findings.run("cells", |f| cells(grid, shard, f));
        findings.run("centres", |f| levels::within(grid, shard, f));
        findings.run("cover of places", |f| places::cover(grid, shard, f));
        findings.run("coordinates", |f| store::coordinates(grid, shard, f));
        findings.run("numbers of cells", |f| area::codes(grid, shard, &shards, f));
    }
    findings.finish()
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    all: Vec<String>,
    /// Number of findings before the group of checks at hand.
    before: usize,
}

impl Findings {
    fn add(&mut self, finding: impl Into<String>) {
        if self.all.len() - self.before < MAX_OF_GROUP {
            self.all.push(finding.into());
        }
    }

    /// Adds the finding unless the condition holds.
    fn check(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.add(finding());
        }
    }

    /// Runs a group of checks; a panic of the grid is a finding.
    fn run<T>(&mut self, what: &str, check: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.all.len() >= MAX_FINDINGS {
            return None;
        }
        self.before = self.all.len();
        let result = catch_unwind(AssertUnwindSafe(|| check(self)));
        match result {
            Ok(value) => Some(value),
            Err(panic) => {
                self.before = self.all.len();
                self.add(format!("{what}: the grid panicked: {}", panic_message(&*panic)));
                None
            }
        }
    }

    fn finish(self) -> Result<(), Vec<String>> {
        if self.all.is_empty() { Ok(()) } else { Err(self.all) }
    }
}

/// The levels from the shards to the leaf cells.
fn levels(grid: &dyn Grid) -> impl Iterator<Item = u32> {
    let (shard, leaf) = (grid.shard_level(), grid.leaf_level());
    // A grid that has them the wrong way round is reported by the layout check; 64 levels are plenty for any.
    (shard.min(leaf)..=leaf).take(64)
}

/// All levels, from the coarsest to the leaf cells.
fn all_levels(grid: &dyn Grid) -> impl Iterator<Item = u32> {
    let (coarsest, leaf) = (grid.coarsest_level(), grid.leaf_level());
    (coarsest.min(leaf)..=leaf).take(64)
}

/// The leaf cell of one position.
fn cell_of(grid: &dyn Grid, lon: f64, lat: f64) -> u64 {
    let mut cell = [0];
    grid.locate(&[lon], &[lat], &mut cell);
    cell[0]
}

/// The shard of one leaf cell.
fn shard_of(grid: &dyn Grid, cell: u64) -> u64 {
    let mut shard = [0];
    grid.shards_of(&[cell], &mut shard);
    shard[0]
}

/// Positions → cells → shards, over the whole globe.
fn locate(grid: &dyn Grid, f: &mut Findings) {
    let nan = f64::NAN;
    let inf = f64::INFINITY;
    for (lon, lat) in [
        (nan, 0.0),
        (0.0, nan),
        (nan, nan),
        (inf, 0.0),
        (-inf, 0.0),
        (0.0, inf),
        (0.0, 90.001),
        (0.0, -90.001),
        (0.0, 1e300),
    ] {
        let cell = cell_of(grid, lon, lat);
        f.check(cell == NO_CELL, || format!("locate: ({lon}, {lat}) is no position but got the cell {cell}"));
    }
    let shard = shard_of(grid, NO_CELL);
    f.check(shard == NO_CELL, || format!("shards_of: NO_CELL must stay NO_CELL but became {shard}"));

    let (lon, lat) = positions();
    let (mut cells, mut again) = (vec![0; lon.len()], vec![1; lon.len()]);
    grid.locate(&lon, &lat, &mut cells);
    grid.locate(&lon, &lat, &mut again);
    f.check(cells == again, || "locate: the same positions got other cells when asked again".into());
    let mut shards = vec![0; cells.len()];
    grid.shards_of(&cells, &mut shards);
    for i in 0..lon.len() {
        let place = format!("({}, {})", lon[i], lat[i]);
        let alone = cell_of(grid, lon[i], lat[i]);
        f.check(alone == cells[i], || {
            format!("locate: {place} has cell {alone} alone but {} among others", cells[i])
        });
        let between = match shards[i] {
            NO_CELL => true,
            shard => grid.latitudes(shard).is_none_or(|(south, north)| (south..=north).contains(&lat[i])),
        };
        f.check(between, || {
            format!("latitudes: {place} lies in shard {}, whose latitudes do not hold it", shards[i])
        });
        f.check((cells[i] == NO_CELL) == (shards[i] == NO_CELL), || {
            format!("shards_of: {place} has cell {} but shard {}", cells[i], shards[i])
        });
        // One shard for every tenth position keeps the check quick.
        if i % 10 == 0 && shards[i] != NO_CELL {
            let cover = grid.cover(&Footprint::Points(vec![[lon[i], lat[i]]]));
            f.check(cover.as_ref().is_ok_and(|c| c.contains(&shards[i])), || {
                format!("cover: the point {place} lies in shard {}, but the cover is {cover:?}", shards[i])
            });
        }
    }
}

/// Footprints that must be refused.
fn bad_footprints(grid: &dyn Grid, f: &mut Findings) {
    let bad = [
        ("a point with a latitude of NaN", Footprint::Points(vec![[0.0, f64::NAN]])),
        ("a point with a latitude of 91", Footprint::Points(vec![[0.0, 91.0]])),
        (
            "a line through a place that is none",
            Footprint::Lines(vec![vec![[0.0, 0.0], [f64::INFINITY, 0.0]]]),
        ),
        (
            "a polygon with two vertices",
            Footprint::Polygons(vec![crate::footprint::Polygon {
                exterior: vec![[0.0, 0.0], [1.0, 1.0]],
                holes: Vec::new(),
            }]),
        ),
        (
            "a box with its south beyond its north",
            Footprint::Box { west: 0.0, south: 10.0, east: 1.0, north: 5.0 },
        ),
        ("a shard that does not exist", Footprint::Shards(vec![u64::MAX])),
    ];
    for (what, footprint) in bad {
        f.check(grid.cover(&footprint).is_err(), || format!("cover: {what} must be an error"));
    }
}

/// Keys and labels lead back to their shard, and differ between shards.
fn names(grid: &dyn Grid, shards: &[u64], f: &mut Findings) {
    for (i, &shard) in shards.iter().enumerate() {
        let (key, label) = (grid.shard_key(shard), grid.shard_label(shard));
        let (from_key, from_label) = (grid.shard_from_key(key), grid.shard_from_label(&label));
        f.check(from_key == Ok(shard), || {
            format!("shard_from_key: shard {shard} has the key {key}, which leads to {from_key:?}")
        });
        f.check(from_label == Ok(shard), || {
            format!("shard_from_label: shard {shard} has the label {label:?}, which leads to {from_label:?}")
        });
        f.check(!label.is_empty() && !label.contains(['/', '\\', ' ']), || {
            format!("shard_label: {label:?} must serve as a file name")
        });
        for &other in &shards[..i] {
            f.check(grid.shard_key(other) != key && grid.shard_label(other) != label, || {
                format!("shard_key: shards {other} and {shard} share a key or a label")
            });
        }
    }
    let stranger = grid.shard_from_label("no such label");
    f.check(stranger.is_err(), || format!("shard_from_label: nonsense must be an error, not {stranger:?}"));
}

/// The cells of a shard: their number, order, offsets, parents and centres.
fn cells(grid: &dyn Grid, shard: u64, f: &mut Findings) {
    let leaf = grid.leaf_level();
    let mut leaf_cells = Vec::new();
    for level in levels(grid) {
        let size = grid.layout(level).cells_per_shard();
        if size > MAX_CELLS {
            f.add(format!(
                "layout: a shard has {size} cells at level {level}; more than {MAX_CELLS} cannot be held"
            ));
            return;
        }
        let cells = grid.cells_of_shard(shard, level);
        f.check(cells.len() as u64 == size, || {
            format!(
                "cells_of_shard: shard {shard} has {} cells at level {level}, its block {size}",
                cells.len()
            )
        });
        let mut sorted = cells.clone();
        sorted.sort_unstable();
        sorted.dedup();
        f.check(sorted.len() == cells.len() && sorted.last() != Some(&NO_CELL), || {
            format!("cells_of_shard: shard {shard} has a cell twice, or NO_CELL, at level {level}")
        });
        let mut offsets = vec![u32::MAX; cells.len()];
        grid.offsets_in_shard(shard, level, &cells, &mut offsets);
        let wrong = (0_u32..).zip(&offsets).find(|(i, offset)| i != *offset);
        f.check(wrong.is_none(), || {
            format!(
                "offsets_in_shard: in shard {shard} at level {level} the cell with (place, offset) {wrong:?} is not \
                 where cells_of_shard has it"
            )
        });
        if level == leaf {
            leaf_cells = cells;
        }
    }
    let mut shards = vec![0; leaf_cells.len()];
    grid.shards_of(&leaf_cells, &mut shards);
    f.check(shards.iter().all(|s| *s == shard), || {
        format!("shards_of: a cell of shard {shard} has another shard")
    });
    parents(grid, shard, &leaf_cells, f);
    centres(grid, shard, &leaf_cells, f);
}

/// Ancestors at every level are cells of the same shard.
fn parents(grid: &dyn Grid, shard: u64, leaf_cells: &[u64], f: &mut Findings) {
    for level in levels(grid) {
        let mut parents = vec![0; leaf_cells.len()];
        grid.parents(leaf_cells, level, &mut parents);
        if level == grid.leaf_level() {
            f.check(parents == leaf_cells, || {
                "parents: at the leaf level a cell must be its own parent".into()
            });
        }
        parents.sort_unstable();
        parents.dedup();
        let mut expected = grid.cells_of_shard(shard, level);
        expected.sort_unstable();
        let sound = if grid.nests_exactly() {
            parents == expected
        } else {
            parents.iter().all(|parent| expected.binary_search(parent).is_ok())
        };
        f.check(sound, || {
            format!(
                "parents: at level {level} those of the cells of shard {shard} are not the cells of the shard"
            )
        });
    }
    let mut parent = [0];
    grid.parents(&[NO_CELL], grid.shard_level(), &mut parent);
    f.check(parent[0] == NO_CELL, || "parents: NO_CELL must stay NO_CELL".into());
}

/// The centre of a cell lies in the cell. A cell off the globe, in the corner of a projected grid, has none: NaN.
fn centres(grid: &dyn Grid, shard: u64, leaf_cells: &[u64], f: &mut Findings) {
    let step = leaf_cells.len().div_ceil(CENTRES).max(1);
    let cells: Vec<u64> = leaf_cells.iter().copied().step_by(step).collect();
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
    let mut found = vec![0; cells.len()];
    grid.locate(&lon, &lat, &mut found);
    for (i, &cell) in cells.iter().enumerate() {
        let (lon, lat) = (lon[i], lat[i]);
        if lon.is_nan() && lat.is_nan() {
            continue;
        }
        f.check((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat), || {
            format!("centres: cell {cell} of shard {shard} has its centre at ({lon}, {lat})")
        });
        f.check(found[i] == cell, || {
            format!(
                "locate: the centre of cell {cell} of shard {shard}, ({lon}, {lat}), lies in cell {}",
                found[i]
            )
        });
        for turned in [lon - 360.0, lon + 360.0] {
            // Only cells much wider than the rounding of a whole turn can be told to stay.
            let moved = cell_of(grid, turned, lat);
            f.check(i % 64 != 0 || moved == cell, || {
                format!(
                    "locate: ({turned}, {lat}) must lie in cell {cell} like ({lon}, {lat}), not in {moved}"
                )
            });
        }
    }
}
