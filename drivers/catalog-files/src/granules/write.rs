//! Granules as stac-geoparquet.

use std::io::Write;

use ::parquet::basic::Encoding;
use ::parquet::errors::Result as ParquetResult;
use ::parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder};
use ::parquet::schema::types::{ColumnPath, TypePtr};
use serde_json::{Value, json};
use zagg_core::catalog::Granules;
use zagg_core::granule::CatalogEntry;
use zagg_core::{Error, Result};

use super::assets::{Asset, KEYS, ROLE};
use super::exact::Record;
use super::geometry::bounds;
use super::row::Row;
use super::{INCOMPLETE, META, wkb};
use crate::columns::{Leaf, Sheet, Values, schema};

/// Rows of a group.
const GROUP_ROWS: usize = 1 << 15;
/// Bytes of geometries and records after which a group is closed, so that no page gets too long to be read.
const GROUP_BYTES: usize = 64 << 20;
/// The extension of STAC that `file:size` is from.
const FILE_EXTENSION: &str = "https://stac-extensions.github.io/file/v2.1.0/schema.json";

fn build_schema() -> ParquetResult<TypePtr> {
    let asset = |key: &str| {
        schema::group(
            key,
            false,
            vec![
                schema::text("href")?,
                schema::list("roles", schema::text("element")?)?,
                schema::integer("file:size")?,
            ],
        )
    };
    let link = schema::group("element", false, vec![schema::text("rel")?, schema::text("href")?])?;
    let sides =
        ["xmin", "ymin", "xmax", "ymax"].into_iter().map(schema::double).collect::<ParquetResult<_>>()?;
    let assets = KEYS.into_iter().map(asset).collect::<ParquetResult<_>>()?;
    schema::root(vec![
        schema::text("type")?,
        schema::text("stac_version")?,
        schema::list("stac_extensions", schema::text("element")?)?,
        schema::text("id")?,
        schema::text("collection")?,
        schema::bytes("geometry")?,
        schema::group("bbox", false, sides)?,
        schema::group("assets", false, assets)?,
        schema::list("links", link)?,
        schema::time("datetime")?,
        schema::time("start_datetime")?,
        schema::time("end_datetime")?,
        schema::text("zagg:record")?,
    ])
}

/// Dictionaries for what repeats, nothing for what does not: both are understood everywhere.
fn encodings(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let column = |path: &[&str]| ColumnPath::new(path.iter().map(ToString::to_string).collect());
    let mut plain = vec![column(&["id"]), column(&["geometry"])];
    plain.extend(KEYS.map(|key| column(&["assets", key, "href"])));
    let properties = properties.set_column_statistics_enabled(column(&["geometry"]), EnabledStatistics::None);
    plain.into_iter().fold(properties, |properties, path| {
        properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::PLAIN)
    })
}

/// What readers of GeoParquet must know. Without a coordinate system it is longitude and latitude of WGS84.
fn geo() -> Value {
    let covering = |side: &str| json!(["bbox", side]);
    json!({
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {
            "encoding": "WKB",
            "geometry_types": [],
            "edges": "spherical",
            "covering": {"bbox": {
                "xmin": covering("xmin"), "ymin": covering("ymin"), "xmax": covering("xmax"), "ymax": covering("ymax"),
            }},
        }},
    })
}

/// Writes the table.
pub(super) fn write(name: &str, granules: &Granules, to: &mut (dyn Write + Send)) -> Result<()> {
    let mut meta = granules.metadata.clone();
    if meta.contains_key(INCOMPLETE) {
        return Err(Error::input(format!(
            "{name}: the search's metadata must not have the key {INCOMPLETE}"
        )));
    }
    if !granules.incomplete.is_empty() {
        meta.insert(INCOMPLETE.into(), granules.incomplete.iter().cloned().collect());
    }
    let collection = meta.get("collection").and_then(Value::as_str).map(str::to_owned);
    let schema = build_schema().map_err(|error| Error::plugin(format!("{name}: {error}")))?;
    let entries = vec![
        (META, Value::Object(meta).to_string()),
        ("stac-geoparquet", json!({"version": "1.0.0"}).to_string()),
        ("geo", geo().to_string()),
    ];
    let mut sheet = Sheet::new(name, to, schema, entries, encodings)?;
    let mut rows = Rows::new();
    for entry in &granules.entries {
        rows.push(entry, collection.as_deref())
            .map_err(|error| error.context(format!("{name}: granule {}", entry.granule.id)))?;
        if rows.count == GROUP_ROWS || rows.bytes >= GROUP_BYTES {
            sheet.rows(std::mem::replace(&mut rows, Rows::new()).leaves())?;
        }
    }
    if rows.count > 0 {
        sheet.rows(rows.leaves())?;
    }
    sheet.close()
}

/// Rows that are not written yet.
struct Rows {
    kind: Leaf,
    stac_version: Leaf,
    extensions: Leaf,
    id: Leaf,
    collection: Leaf,
    geometry: Leaf,
    sides: [Leaf; 4],
    assets: [AssetLeaves; 3],
    links: [Leaf; 2],
    times: [Leaf; 3],
    record: Leaf,
    count: usize,
    bytes: usize,
}

/// Columns of an asset.
struct AssetLeaves {
    href: Leaf,
    roles: Leaf,
    size: Leaf,
}

fn texts() -> Leaf {
    Leaf::new(Values::Bytes(Vec::new()))
}

fn integers() -> Leaf {
    Leaf::new(Values::Integers(Vec::new()))
}

fn floats() -> Leaf {
    Leaf::new(Values::Floats(Vec::new()))
}

impl AssetLeaves {
    fn new() -> Self {
        Self { href: texts(), roles: texts(), size: integers() }
    }

    /// Levels: `assets` 1, the asset 2, its members 3, the list of roles 4, its items 5.
    fn push(&mut self, asset: Option<&Asset>) {
        let Some(asset) = asset else {
            self.href.null(1);
            self.roles.null(1);
            self.size.null(1);
            return;
        };
        self.href.text(Some(&asset.href), 3);
        self.roles.bytes(ROLE.as_bytes(), 5, false);
        match asset.size.and_then(|size| i64::try_from(size).ok()) {
            Some(size) => self.size.integer(size, 3, false),
            None => self.size.null(2),
        }
    }
}

impl Rows {
    fn new() -> Self {
        Self {
            kind: texts(),
            stac_version: texts(),
            extensions: texts(),
            id: texts(),
            collection: texts(),
            geometry: texts(),
            sides: [floats(), floats(), floats(), floats()],
            assets: [AssetLeaves::new(), AssetLeaves::new(), AssetLeaves::new()],
            links: [texts(), texts()],
            times: [integers(), integers(), integers()],
            record: texts(),
            count: 0,
            bytes: 0,
        }
    }

    fn push(&mut self, entry: &CatalogEntry, collection: Option<&str>) -> Result<()> {
        let row = Row::of(&entry.granule);
        let geometry = wkb::write(&entry.footprint)?;
        let record = Record::of(entry, &row, &geometry)?.map(|record| record.text()).transpose()?;
        self.count += 1;
        self.bytes += geometry.len() + record.as_ref().map_or(0, String::len);
        self.kind.text(Some("Feature"), 1);
        self.stac_version.text(Some("1.0.0"), 1);
        // Levels: the list 1, its items 3.
        match row.assets.iter().any(|asset| asset.size.is_some()) {
            true => self.extensions.bytes(FILE_EXTENSION.as_bytes(), 3, false),
            false => self.extensions.null(1),
        }
        self.id.text(Some(&row.id), 1);
        self.collection.text(collection, 1);
        self.geometry.bytes(&geometry, 1, false);
        match bounds(&wkb::read(&geometry)?) {
            Some(bounds) => self.sides.iter_mut().zip(bounds).for_each(|(side, value)| side.float(value, 2)),
            None => self.sides.iter_mut().for_each(|side| side.null(0)),
        }
        for (leaves, key) in self.assets.iter_mut().zip(KEYS) {
            leaves.push(row.assets.iter().find(|asset| asset.key == key));
        }
        self.links.iter_mut().for_each(|link| link.null(1));
        for (leaf, time) in self.times.iter_mut().zip([row.start, row.start, row.end]) {
            match time {
                Some(time) => leaf.integer(time, 1, false),
                None => leaf.null(0),
            }
        }
        self.record.text(record.as_deref(), 1);
        Ok(())
    }

    /// The columns in the order of the schema.
    fn leaves(self) -> Vec<Leaf> {
        let mut leaves =
            vec![self.kind, self.stac_version, self.extensions, self.id, self.collection, self.geometry];
        leaves.extend(self.sides);
        for asset in self.assets {
            leaves.extend([asset.href, asset.roles, asset.size]);
        }
        leaves.extend(self.links);
        leaves.extend(self.times);
        leaves.push(self.record);
        leaves
    }
}
