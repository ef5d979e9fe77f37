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
        if grid.get("levels").is_some_and(|levels| !levels.is_null()) {
            return Err(
                section.fault("grid", "levels are not supported by this version of zagg; leave them out")
            );
        }
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
            Some("none") => Compression::None,
            Some(other) => {
                return Err(section
                    .fault("compression", format!("unknown compression {other:?}; there are zstd, none")));
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
        Ok(Self { store, grid_type, grid, layout, compression, access })
    }
}
