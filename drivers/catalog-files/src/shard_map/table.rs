//! Shard maps as Parquet, with every granule once.

use std::collections::HashSet;
use std::io::Write;

use ::parquet::basic::Encoding;
use ::parquet::errors::Result as ParquetResult;
use ::parquet::file::properties::WriterPropertiesBuilder;
use ::parquet::schema::types::{ColumnPath, TypePtr};
use serde_json::{Map, Value, json};
use zagg_core::granule::Granule;
use zagg_core::shard_map::{AreaCodes, ShardEntry, ShardMap};
use zagg_core::{Error, Result};

use crate::columns::{Batch, Leaf, Sheet, Table, Values, schema};

/// Entry of the file's metadata.
pub(super) const ENTRY: &str = "zagg:shard_map";

/// Rows that are read at once.
const ROWS: usize = 256;
/// Rows of a group that is written.
const GROUP_ROWS: usize = 1 << 16;
/// Pairs and runs after which a group is closed, so that no page gets too long to be read.
const GROUP_ITEMS: usize = 1 << 21;
/// The most shards, as in JSON.
const MAX_SHARDS: usize = 1 << 26;
/// The most pairs: fifty times those of the largest map known. A column of equal numbers takes no room in a file.
const MAX_PAIRS: usize = 1 << 28;
/// The most runs of cells in areas.
const MAX_RUNS: usize = 1 << 27;

/// Columns of text in `granule`.
const TEXTS: [&str; 6] = ["id", "s3", "https", "file", "time_start", "time_end"];

fn build_schema(has_areas: bool) -> ParquetResult<TypePtr> {
    let mut columns = vec![
        schema::unsigned_64("shard_key", false)?,
        schema::list("shard_granules", schema::required_unsigned_32("element")?)?,
    ];
    if has_areas {
        let run = vec![schema::unsigned_64("first", true)?, schema::unsigned_64("last", true)?];
        columns.push(schema::list("aoi_mask", schema::group("element", true, run)?)?);
    }
    let mut granule = vec![schema::required_text("id")?];
    for name in &TEXTS[1..] {
        granule.push(schema::text(name)?);
    }
    granule.push(schema::unsigned_64("size", false)?);
    columns.push(schema::group("granule", false, granule)?);
    schema::root(columns)
}

/// Numbers as differences, texts as they are: nearly all are unlike each other, but alike enough for Zstandard.
fn encodings(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let column = |path: &[&str]| ColumnPath::new(path.iter().map(ToString::to_string).collect());
    let integers = [
        column(&["shard_key"]),
        column(&["shard_granules", "list", "element"]),
        column(&["aoi_mask", "list", "element", "first"]),
        column(&["aoi_mask", "list", "element", "last"]),
        column(&["granule", "size"]),
    ];
    let properties = properties.set_dictionary_enabled(false);
    let properties = integers.into_iter().fold(properties, |properties, path| {
        properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
    });
    TEXTS.iter().fold(properties, |properties, name| {
        properties.set_column_encoding(column(&["granule", name]), Encoding::DELTA_LENGTH_BYTE_ARRAY)
    })
}

/// Writes the table.
pub(super) fn write(name: &str, map: &ShardMap, to: &mut (dyn Write + Send)) -> Result<()> {
    let about = json!({
        "metadata": map.metadata,
        "grid_signature": map.grid_signature,
        "shards": map.shards.len(),
        "granules": map.granules.len(),
    });
    let schema =
        build_schema(map.aoi_mask.is_some()).map_err(|error| Error::plugin(format!("{name}: {error}")))?;
    let mut sheet = Sheet::new(name, to, schema, vec![(ENTRY, about.to_string())], encodings)?;
    let mut rows = Rows::new(map.aoi_mask.is_some());
    for at in 0..map.shards.len().max(map.granules.len()) {
        rows.shard(name, map, at)?;
        rows.granule(map.granules.get(at));
        if rows.count == GROUP_ROWS || rows.items >= GROUP_ITEMS {
            sheet.rows(rows.take())?;
        }
    }
    if rows.count > 0 {
        sheet.rows(rows.take())?;
    }
    sheet.close()
}

/// Rows that are not written yet.
struct Rows {
    keys: Leaf,
    pairs: Leaf,
    runs: Option<[Leaf; 2]>,
    texts: Vec<Leaf>,
    sizes: Leaf,
    count: usize,
    items: usize,
}

impl Rows {
    fn new(has_areas: bool) -> Self {
        let integers = || Leaf::new(Values::Integers(Vec::new()));
        Self {
            keys: integers(),
            pairs: Leaf::new(Values::Small(Vec::new())),
            runs: has_areas.then(|| [integers(), integers()]),
            texts: TEXTS.iter().map(|_| Leaf::new(Values::Bytes(Vec::new()))).collect(),
            sizes: integers(),
            count: 0,
            items: 0,
        }
    }

    /// The columns in the order of the schema.
    fn take(&mut self) -> Vec<Leaf> {
        let full = std::mem::replace(self, Self::new(self.runs.is_some()));
        let mut columns = vec![full.keys, full.pairs];
        columns.extend(full.runs.into_iter().flatten());
        columns.extend(full.texts);
        columns.push(full.sizes);
        columns
    }

    fn shard(&mut self, name: &str, map: &ShardMap, at: usize) -> Result<()> {
        let Some(shard) = map.shards.get(at) else {
            self.keys.null(0);
            self.pairs.null(0);
            self.runs.iter_mut().flatten().for_each(|runs| runs.null(0));
            return Ok(());
        };
        self.keys.integer(shard.key as i64, 1, false);
        if shard.granules.is_empty() {
            self.pairs.null(1);
        }
        for (item, &granule) in shard.granules.iter().enumerate() {
            if granule as usize >= map.granules.len() {
                return Err(Error::input(format!(
                    "{name}: shard {} lists a granule that is not there",
                    shard.key
                )));
            }
            self.pairs.integer(granule.into(), 2, item > 0);
        }
        self.items += shard.granules.len();
        if let (Some([first, last]), Some(areas)) = (&mut self.runs, &map.aoi_mask) {
            let runs = areas.get(at).map_or(&[][..], AreaCodes::runs);
            if runs.is_empty() {
                first.null(1);
                last.null(1);
            }
            for (item, &(from, to)) in runs.iter().enumerate() {
                first.integer(from as i64, 2, item > 0);
                last.integer(to as i64, 2, item > 0);
            }
            self.items += runs.len();
        }
        Ok(())
    }

    fn granule(&mut self, granule: Option<&Granule>) {
        self.count += 1;
        let Some(granule) = granule else {
            self.texts.iter_mut().for_each(|text| text.null(0));
            self.sizes.null(0);
            return;
        };
        let Granule { id, s3, https, file, time_start, time_end, size } = granule;
        let (id, rest) = (Some(id.as_str()), [s3, https, file, time_start, time_end]);
        let texts = std::iter::once((id, 1)).chain(rest.map(|text| (text.as_deref(), 2)));
        for (column, (text, defined)) in self.texts.iter_mut().zip(texts) {
            column.text(text, defined);
        }
        match size {
            Some(size) => self.sizes.integer(*size as i64, 2, false),
            None => self.sizes.null(1),
        }
    }
}

/// The map in a table.
pub(super) fn read(table: &mut Table) -> Result<ShardMap> {
    let about = About::of(table)?;
    let mut leaves =
        vec![table.require(&["shard_key"])?, table.require(&["shard_granules", "list", "element"])?];
    for name in TEXTS {
        leaves.push(table.require(&["granule", name])?);
    }
    leaves.push(table.require(&["granule", "size"])?);
    let area = ["first", "last"].map(|name| table.leaf(&["aoi_mask", "list", "element", name]));
    let has_areas = match area {
        [Some(first), Some(last)] => {
            leaves.extend([first, last]);
            true
        }
        _ => false,
    };
    let mut found = Found { areas: has_areas.then(Vec::new), ..Found::default() };
    table.scan(&leaves, ROWS, |table, columns| found.add(table, columns, &about))?;
    found.finish(table.name(), about)
}

/// The entry of the file's metadata.
struct About {
    metadata: Map<String, Value>,
    grid_signature: Map<String, Value>,
    shards: usize,
    granules: usize,
}

impl About {
    fn of(table: &Table) -> Result<Self> {
        let name = table.name();
        let wrong = |what: &str| Error::corrupt(format!("{name}: {ENTRY} in its metadata {what}"));
        let mut about: Map<String, Value> = serde_json::from_str(table.entry(ENTRY).unwrap_or_default())
            .map_err(|_| wrong("is no JSON object"))?;
        let mut object = |key: &str| match about.remove(key) {
            Some(Value::Object(object)) => Ok(object),
            _ => Err(wrong(&format!("has no {key}"))),
        };
        let (metadata, grid_signature) = (object("metadata")?, object("grid_signature")?);
        let count = |key: &str, most: usize| {
            let count = about.get(key).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
            count
                .filter(|&count| count <= most)
                .ok_or_else(|| wrong(&format!("has no sound number of {key}")))
        };
        let (shards, granules) = (count("shards", MAX_SHARDS)?, count("granules", u32::MAX as usize)?);
        Ok(Self { metadata, grid_signature, shards, granules })
    }
}

/// What has been read.
#[derive(Default)]
struct Found {
    shards: Vec<ShardEntry>,
    areas: Option<Vec<AreaCodes>>,
    granules: Vec<Granule>,
    rows: usize,
    pairs: usize,
    runs: usize,
}

impl Found {
    fn add(&mut self, table: &mut Table, columns: &[Batch], about: &About) -> Result<()> {
        let wrong = |what: &str| Error::corrupt(format!("{}: {what}", table.name()));
        let [keys, pairs, rest @ ..] = columns else {
            return Err(wrong("columns are missing"));
        };
        let mut kept = 0;
        for row in 0..keys.len() {
            let (is_shard, is_granule) = (self.rows < about.shards, self.rows < about.granules);
            if !is_shard && !is_granule {
                return Err(wrong("more rows than its metadata say"));
            }
            self.rows += 1;
            if is_shard {
                let key = keys.integer(row)?.ok_or_else(|| wrong("a shard without a key"))? as u64;
                let numbers = pairs.integers(row)?;
                self.pairs += numbers.len();
                if self.pairs > MAX_PAIRS {
                    return Err(Error::unsupported(format!("{}: more than {MAX_PAIRS} pairs", table.name())));
                }
                let granules = numbers
                    .iter()
                    .map(|&number| u32::try_from(number).ok().filter(|&n| (n as usize) < about.granules))
                    .collect::<Option<_>>()
                    .ok_or_else(|| wrong(&format!("shard {key} lists a granule that is not there")))?;
                self.shards.push(ShardEntry { key, granules });
                if let (Some(areas), [.., first, last]) = (&mut self.areas, rest) {
                    let (first, last) = (first.integers(row)?, last.integers(row)?);
                    self.runs += first.len();
                    if first.len() != last.len() || self.runs > MAX_RUNS {
                        return Err(wrong("aoi_mask has runs that do not end, or too many"));
                    }
                    let mut area = AreaCodes::default();
                    for (&first, &last) in first.iter().zip(last) {
                        let (first, last) = (first as u64, last as u64);
                        if last < first {
                            return Err(wrong(&format!(
                                "the area of shard {key} has a run that ends before it begins"
                            )));
                        }
                        area.push_run(first, last);
                    }
                    areas.push(area);
                }
            }
            if is_granule {
                let text = |at: usize| -> Result<Option<String>> {
                    rest.get(at).map_or(Ok(None), |column| Ok(column.text(row)?.map(str::to_owned)))
                };
                let id =
                    text(0)?.filter(|id| !id.is_empty()).ok_or_else(|| wrong("a granule without an id"))?;
                let size = rest.get(TEXTS.len()).map_or(Ok(None), |column| column.integer(row))?;
                let granule = Granule {
                    id,
                    s3: text(1)?,
                    https: text(2)?,
                    file: text(3)?,
                    time_start: text(4)?,
                    time_end: text(5)?,
                    size: size.map(|size| size as u64),
                };
                kept += length(&granule);
                self.granules.push(granule);
            }
        }
        table.keep(kept)
    }

    fn finish(self, name: &str, about: About) -> Result<ShardMap> {
        let wrong = |what: String| Error::corrupt(format!("{name}: {what}"));
        if (self.shards.len(), self.granules.len()) != (about.shards, about.granules) {
            return Err(wrong("fewer rows than its metadata say".into()));
        }
        let mut ids = HashSet::with_capacity(self.granules.len());
        if let Some(twice) = self.granules.iter().find(|granule| !ids.insert(granule.id.as_str())) {
            return Err(wrong(format!("granule {} stands twice", twice.id)));
        }
        check_lists(&self.shards, &self.granules).map_err(wrong)?;
        ShardMap::from_parts(
            name,
            about.metadata,
            about.grid_signature,
            self.granules,
            self.shards,
            self.areas,
        )
    }
}

/// Bytes of the texts of a granule.
fn length(granule: &Granule) -> usize {
    let Granule { id, s3, https, file, time_start, time_end, size: _ } = granule;
    [s3, https, file, time_start, time_end].into_iter().flatten().map(String::len).sum::<usize>() + id.len()
}

/// No shard may list a granule twice.
fn check_lists(shards: &[ShardEntry], granules: &[Granule]) -> Result<(), String> {
    // For each granule the number of the last shard that listed it, counted from 1.
    let mut listed = vec![0_usize; granules.len()];
    for (number, shard) in shards.iter().enumerate() {
        for &granule in &shard.granules {
            let stamp = &mut listed[granule as usize];
            if *stamp == number + 1 {
                return Err(format!(
                    "shard {} lists granule {} twice",
                    shard.key, granules[granule as usize].id
                ));
            }
            *stamp = number + 1;
        }
    }
    Ok(())
}
