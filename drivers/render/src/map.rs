//! A map: which cells are shown where, and their values.

use zagg_core::registry::Registry;
use zagg_core::store::Store;
use zagg_core::{Error, Result};
use zagg_zarr::ZarrStore;

use crate::geotiff;
use crate::outline::{self, Centres};
use crate::raster::{self, Looked, Pixels};
use crate::subject::{self, StoreLevel, Subject};
use crate::view::{Area, Extent, View};
use zagg_crs::Crs;

/// Side of a cell, in pixels, from which on a level is fine enough and not too fine: below it, cells would be skipped.
const LEAST_SIDE: f64 = 0.75;

/// Room around values, as a share of their longer side.
const ROOM: f64 = 0.03;

/// Share of a side from which on less is looked at again, closer.
const MUCH: f64 = 0.9;

/// What to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Name of the variable.
    pub variable: String,
    /// The level, as `output.grid.levels` numbers it; without, the finest whose cells are no smaller than pixels.
    pub level: Option<u64>,
    /// The plane; without, that of the grid if it is one of a plane, polar stereographic for polar data, else longitude and
    /// latitude.
    pub crs: Option<String>,
    /// The part to show; without, all shards that have values.
    pub area: Option<Area>,
    /// Pixels along the longer side.
    pub size: u32,
    /// Of a variable with several numbers per cell, which to show, counted from 0.
    pub item: Option<u64>,
}

/// Values of cells on a plane, and what they are.
#[derive(Debug, Clone)]
pub struct Map {
    /// The plane and its pixels.
    pub view: View,
    /// The values.
    pub pixels: Pixels,
    /// Name of the variable.
    pub variable: String,
    /// The item shown, of a variable with several.
    pub item: Option<u64>,
    /// Attribute `long_name`.
    pub long_name: Option<String>,
    /// Attribute `units`.
    pub units: Option<String>,
    /// The level, as `output.grid.levels` numbers it.
    pub level: u64,
    /// The group of that level.
    pub group: String,
    /// The grid's name under `output.grid.type`.
    pub grid: String,
    /// Side of a cell in pixels, about; none where it cannot be told.
    pub cell_side: Option<f64>,
    /// What was looked at.
    pub looked: Looked,
}

impl Map {
    /// Reads the values.
    ///
    /// # Errors
    /// When the request does not fit the store: no such variable, level or item, nothing in that plane; and when reading fails.
    pub fn of(store: &ZarrStore, registry: &Registry, request: &Request) -> Result<Self> {
        let summary = store.inspect()?;
        let levels = subject::levels(store, registry, &summary, &request.variable)?;
        let finest = levels.first().ok_or_else(|| Error::not_found("the store has no levels"))?;
        let asked =
            request.level.map(|number| level_of(store, &levels, number, &request.variable)).transpose()?;
        // Blocks of finer levels are those of single shards: they tell best where values are.
        let of_finest = Subject::new(store, &summary, finest, &request.variable, request.item)?;
        let shards = of_finest.shards(store)?;
        let grid = finest.cells.grid();
        let centres = Centres::of(grid, &shards);
        let crs = match &request.crs {
            Some(name) => Crs::parse(name)?,
            None => default_system(grid, centres.as_ref().ok())?,
        };
        let extent = match &request.area {
            Some(area) => area.extent(&crs)?,
            None => centres?.extent(&crs)?,
        };
        let mut view = View::new(crs, extent, request.size)?;
        let leaf = outline::leaf_area(grid, &shards, &view.crs);
        let side_in = |view: &View, level: &StoreLevel| {
            let grid = level.cells.grid();
            let count = |level: u32| grid.layout(level).cells_per_full() as f64;
            // Leaves of stores without a plan are those of each level.
            let leaves = finest.cells.grid();
            let scale =
                leaves.layout(leaves.leaf_level()).cells_per_full() as f64 / count(level.cells.level());
            leaf.map(|area| (area * scale).sqrt() / view.pixel)
        };
        let chosen = |view: &View| match asked {
            Some(level) => level,
            None => levels
                .iter()
                .find(|level| side_in(view, level).is_none_or(|side| side >= LEAST_SIDE))
                .or(levels.last())
                .unwrap_or(finest),
        };
        let subject_of = |level: &StoreLevel| match level.group == finest.group {
            true => Ok(of_finest.clone()),
            false => Subject::new(store, &summary, level, &request.variable, request.item),
        };
        let item = request.item.unwrap_or(0);
        let mut level = chosen(&view);
        let mut subject = subject_of(level)?;
        // Shards may be full of places without values. Where pixels do not pass over cells, what a smaller picture finds is all
        // there is.
        let side = side_in(&view, level).filter(|side| *side >= LEAST_SIDE && request.area.is_none());
        let mut probed = 0;
        if let Some(side) = side {
            let size = (f64::from(request.size) * LEAST_SIDE / side).ceil() as u32;
            let small = View::new(view.crs.clone(), extent, size.clamp(64.min(request.size), request.size))?;
            let (pixels, looked) = raster::fill(store, &subject, &small, item)?;
            probed = looked.blocks;
            if let Some(closer) = closer(&small, &pixels) {
                view = View::new(view.crs.clone(), closer, request.size)?;
                level = chosen(&view);
                subject = subject_of(level)?;
            }
        }
        let (pixels, mut looked) = raster::fill(store, &subject, &view, item)?;
        looked.blocks += probed;
        let looked = looked.counted(&pixels);
        let text = |key: &str| {
            subject
                .array
                .attributes
                .get(key)
                .and_then(|value| value.as_str())
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_string)
        };
        Ok(Self {
            variable: request.variable.clone(),
            item: request.item,
            long_name: text("long_name"),
            units: text("units"),
            level: level.number,
            group: level.group.clone(),
            grid: grid.type_name().to_string(),
            cell_side: side_in(&view, level),
            view,
            pixels,
            looked,
        })
    }

    /// What its user should know: that the picture is empty, or shows only some of the cells.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.looked.filled == 0 {
            notes.push("no pixel has a value: the picture is empty; --bounds shows another part".to_string());
        }
        if let Some(side) = self.cell_side.filter(|side| *side < LEAST_SIDE && self.looked.filled > 0) {
            notes.push(format!(
                "a pixel is {:.1} times as wide as a cell of level {}, and shows the one in its middle; --size {} or a coarser \
                 level shows all",
                1.0 / side,
                self.level,
                (f64::from(self.view.width.max(self.view.height)) / side).ceil()
            ));
        }
        notes
    }

    /// The values as a GeoTIFF of floats, NaN where there is none.
    ///
    /// # Errors
    /// When the plane has no EPSG code, or the file would have more than 4 GiB.
    pub fn to_geotiff(&self) -> Result<Vec<u8>> {
        let mut about = Vec::new();
        if let Some(units) = &self.units {
            about.push(("UNITTYPE", units.as_str()));
        }
        if let Some(name) = &self.long_name {
            about.push(("long_name", name.as_str()));
        }
        geotiff::encode(&self.pixels, &self.view, &self.variable, &about)
    }
}

/// The rectangle around the pixels with values and some room, if it is much smaller than the view.
fn closer(view: &View, pixels: &Pixels) -> Option<Extent> {
    let (width, height) = (view.width as usize, view.height as usize);
    let places = (0..width * height).filter(|&at| !pixels.get(at).is_nan()).flat_map(|at| {
        let (x, y) = ((at % width) as f64, (at / width) as f64);
        [view.place(x, y), view.place(x + 1.0, y + 1.0)]
    });
    let around = Extent::around(places)?;
    let room = (ROOM * around.width().max(around.height())).max(2.0 * view.pixel);
    let mut closer = around.grown(room);
    let all = view.extent();
    // Room beyond what was looked at would only add empty margins.
    closer.left = closer.left.max(all.left);
    closer.right = closer.right.min(all.right);
    closer.bottom = closer.bottom.max(all.bottom);
    closer.top = closer.top.min(all.top);
    let is_much = closer.width() < MUCH * all.width() || closer.height() < MUCH * all.height();
    is_much.then_some(closer)
}

/// The level of a number.
fn level_of<'a>(
    store: &ZarrStore,
    levels: &'a [StoreLevel],
    number: u64,
    variable: &str,
) -> Result<&'a StoreLevel> {
    levels.iter().find(|level| level.number == number).ok_or_else(|| {
        let numbers: Vec<String> = levels.iter().map(|level| level.number.to_string()).collect();
        Error::input(format!(
            "store {}: {variable} is not there at level {number}; it is at {}",
            store.location(),
            numbers.join(", ")
        ))
    })
}

/// The plane of the grid itself, else one that suits where data are.
fn default_system(grid: &dyn zagg_core::grid::Grid, centres: Option<&Centres>) -> Result<Crs> {
    if let Some(own) = grid.signature().get("crs").and_then(|crs| crs.as_str())
        && let Ok(crs) = Crs::parse(own)
    {
        return Ok(crs);
    }
    centres.map_or_else(Crs::lon_lat, |centres| Crs::parse(centres.system()))
}
