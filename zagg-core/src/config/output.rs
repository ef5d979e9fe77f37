//! The section `output`.

use serde_json::{Map, Value};

use super::section::{Fault, Section};
use crate::store::Compression;

/// How shards lie in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// The shards of the map side by side, with the ids of their cells.
    #[default]
    Compact,
    /// Every cell of the grid has its place; shards that are not written take none.
    FullSphere,
}

impl Layout {
    /// The name used in pipelines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::FullSphere => "full_sphere",
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The store, when the pipeline names one.
    pub store: Option<String>,
    /// Name of the grid plugin.
    pub grid_type: String,
    /// The section `grid`, for the grid plugin.
    pub grid: Map<String, Value>,
    /// The levels of the store, as the grid numbers them; none means the cells of statistics only.
    pub levels: Vec<u64>,
    /// How shards lie in the store.
    pub layout: Layout,
    /// Compression of data arrays.
    pub compression: Compression,
    /// How buckets of the user's own are reached: the store, and the store of granule indexes.
    pub access: StoreAccess,
}

/// How buckets of the user's own are reached. Their credentials come from the environment and never go to an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreAccess {
    /// Region of the bucket; by default the one that the bucket names.
    pub region: Option<String>,
    /// Another S3 endpoint than Amazon's; buckets stand in the path then.
    pub endpoint_url: Option<String>,
}

impl Output {
    /// Layout and compression, under the keys of the section.
    pub(super) fn canonical(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("layout".into(), self.layout.name().into());
        map.insert(
            "compression".into(),
            match self.compression {
                Compression::Zstd => "zstd",
                Compression::ShuffleZstd => "blosc",
                Compression::None => "none",
            }
            .into(),
        );
        map
    }

    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, Fault> {
        let store = section.string("store")?;
        let own_layout = section.string("layout")?;
        let mut grid = match section.take("grid") {
            Some(Value::Object(map)) => map,
            None | Some(Value::Null) => {
                return Err(section.fault("grid", "is missing; it needs type and the grid's resolution"));
            }
            Some(_) => return Err(section.fault("grid", "must be a mapping")),
        };
        // The original has the layout among the grid's settings.
        let own_layout = match (own_layout, grid.shift_remove("layout")) {
            (None, Some(Value::String(layout))) => Some(layout),
            (own, None | Some(Value::String(_) | Value::Null)) => own,
            (_, Some(other)) => {
                return Err(section.fault("grid", format!("layout must be text, not {other}")));
            }
        };
        let levels = read_levels(grid.shift_remove("levels"))
            .map_err(|message| section.fault("grid", format!("levels: {message}")))?;
        let layout = match own_layout.as_deref() {
            None | Some("compact") => Layout::Compact,
            Some("full_sphere" | "fullsphere") => Layout::FullSphere,
            Some(other) => {
                return Err(section
                    .fault("layout", format!("unknown layout {other:?}; there are compact, full_sphere")));
            }
        };
        let compression = match section.string("compression")?.as_deref() {
            None | Some("zstd") => Compression::Zstd,
            Some("blosc") => Compression::ShuffleZstd,
            Some("none") => Compression::None,
            Some(other) => {
                let known = "there are zstd, blosc, none";
                return Err(section.fault("compression", format!("unknown compression {other:?}; {known}")));
            }
        };
        let grid_type = match grid.get("type") {
            Some(Value::String(name)) => name.clone(),
            _ => return Err(section.fault("grid", "needs type, such as healpix")),
        };
        if let Some(format) = section.string("format")?.filter(|format| format != "zarr") {
            return Err(section.fault("format", format!("{format:?} is not supported; zagg writes zarr")));
        }
        for ignored in
            ["consolidate_metadata", "store_layout", "product_name", "coverage_moc", "sweep", "touch"]
        {
            section.ignore(ignored, "has no meaning here");
        }
        let access =
            StoreAccess { region: section.string("region")?, endpoint_url: section.string("endpoint_url")? };
        for absent in ["aoi_mask", "pyramid", "windowing", "time_encoding", "time_source"] {
            section.refuse(absent)?;
        }
        section.finish()?;
        Ok(Self { store, grid_type, grid, levels, layout, compression, access })
    }
}

/// Most levels that a store may have: more than any grid has.
const MAX_LEVELS: usize = 64;

fn read_levels(value: Option<Value>) -> Result<Vec<u64>, String> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if (1..=MAX_LEVELS).contains(&items.len()) => items,
        Some(other) => return Err(format!("must be a list of numbers such as [12, 10, 8], not {other}")),
    };
    let mut levels = Vec::with_capacity(items.len());
    for item in items {
        let level = item.as_u64().ok_or_else(|| format!("{item} is not the number of a level"))?;
        if levels.contains(&level) {
            return Err(format!("{level} stands twice"));
        }
        levels.push(level);
    }
    Ok(levels)
}
