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
    /// Whether the store says of every cell if it lies in the area of interest.
    pub aoi_mask: bool,
    /// Whether rows in cells outside the area of interest are dropped.
    pub clip: bool,
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
    /// Whether a run needs to know which cells lie in the area of interest.
    pub fn needs_area(&self) -> bool {
        self.aoi_mask || self.clip
    }

    /// What the pipeline does with the area of interest, under the keys of the section; nothing when it does not ask for it.
    pub(super) fn of_area(&self) -> Map<String, Value> {
        let keys = [("aoi_mask", self.aoi_mask), ("clip", self.clip)];
        keys.into_iter().filter(|(_, on)| *on).map(|(key, on)| (key.to_string(), on.into())).collect()
    }

    /// Layout, compression and the area of interest, under the keys of the section.
    pub(super) fn canonical(&self) -> Map<String, Value> {
        let mut map = self.of_area();
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
        let aoi_mask = section.boolean("aoi_mask")?.unwrap_or(false);
        let clip = section.boolean("clip")?.unwrap_or(false);
        for absent in ["pyramid", "windowing", "time_encoding", "time_source"] {
            section.refuse(absent)?;
        }
        section.finish()?;
        Ok(Self { store, grid_type, grid, levels, layout, compression, aoi_mask, clip, access })
    }
}

/// Most levels that a store may have: more than any grid has.
pub(super) const MAX_LEVELS: usize = 64;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::{Layer, Layers, Pipeline, parse_text};

    const BASE: &str = "\
data_source: {reader: x}
aggregation: {variables: {count: {function: len, dtype: int32}}}
output:
  grid: {type: healpix}
";

    #[test]
    fn the_area_of_interest_counts_only_where_it_is_asked_for() {
        let plain = parse_text("p.yaml", BASE).unwrap();
        let off = parse_text("p.yaml", &format!("{BASE}  aoi_mask: false\n  clip: null\n")).unwrap();
        assert!(!off.output.needs_area());
        assert_eq!((off.hash(), off.document()), (plain.hash(), plain.document()));
        let mut hashes = vec![plain.hash()];
        for keys in ["aoi_mask: true", "clip: true", "aoi_mask: true\n  clip: true"] {
            let on = parse_text("p.yaml", &format!("{BASE}  {keys}\n")).unwrap();
            assert!(on.output.needs_area());
            let document = on.document();
            assert_eq!(document["output"]["clip"], json!(keys.contains("clip").then_some(true)));
            let serde_json::Value::Object(entries) = document else { panic!() };
            let mut layers = Layers::default();
            layers.push(Layer::from_entries("plan", entries));
            let again = Pipeline::parse(&layers).unwrap();
            assert_eq!((again.output.aoi_mask, again.output.clip), (on.output.aoi_mask, on.output.clip));
            assert_eq!(again.hash(), on.hash());
            hashes.push(on.hash());
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 4);
        let error = parse_text("p.yaml", &format!("{BASE}  aoi_mask: [1]\n")).unwrap_err();
        assert_eq!(error.to_string(), "p.yaml:5: output.aoi_mask: must be true or false, not [1]");
    }
}
