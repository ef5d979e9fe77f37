//! Granules from stac-geoparquet, ours and that of others.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use zagg_core::catalog::Granules;
use zagg_core::{Error, Result};

use super::assets::Asset;
use super::exact::Record;
use super::row::{self, Row};
use super::{INCOMPLETE, META};
use crate::columns::{Batch, Table};
use crate::times;

/// Rows that are read at once.
const ROWS: usize = 256;
/// The most granules without geometry that are named one by one.
const MAX_NAMED: usize = 20;

/// The granules in a table.
pub(super) fn read(table: &mut Table) -> Result<Granules> {
    check_geo(table)?;
    let mut found = Granules::default();
    if let Some(text) = table.entry(META) {
        found.metadata = serde_json::from_str(text).map_err(|_| {
            Error::corrupt(format!("{}: {META} in its metadata is no JSON object", table.name()))
        })?;
    }
    match found.metadata.remove(INCOMPLETE) {
        None => {}
        Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
            found.incomplete = lines.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        Some(_) => {
            return Err(Error::corrupt(format!("{}: {INCOMPLETE} in its metadata is no list", table.name())));
        }
    }
    let columns = Columns::of(table)?;
    let leaves = columns.leaves.clone();
    let mut placeless = Vec::new();
    table.scan(&leaves, ROWS, |table, batches| {
        for row in 0..batches[columns.id].len() {
            let read = columns.row(batches, row)?;
            let id = read.id.clone();
            let geometry = batches[columns.geometry].bytes(row)?.next();
            let record = columns.record.map_or(Ok(None), |record| batches[record].text(row))?;
            table.keep(read.assets.iter().map(|asset| asset.href.len()).sum::<usize>() + id.len())?;
            table.keep(geometry.map_or(0, <[u8]>::len) + record.map_or(0, str::len))?;
            let entry = Record::entry(record, read, geometry)
                .map_err(|error| error.context(format!("{}: granule {id}", table.name())))?;
            match entry {
                Some(entry) => found.entries.push(entry),
                None => placeless.push(id),
            }
        }
        Ok(())
    })?;
    found.incomplete.extend(without_geometry(&placeless));
    Ok(found)
}

/// Lines about granules that cannot be placed.
pub(super) fn without_geometry(ids: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = ids
        .iter()
        .take(MAX_NAMED)
        .map(|id| format!("granule {id} has no geometry and cannot be placed"))
        .collect();
    if ids.len() > MAX_NAMED {
        lines.push(format!("{} more granules have no geometry", ids.len() - MAX_NAMED));
    }
    lines
}

/// Refuses geometries that are not longitude and latitude of WGS84 in well-known binary.
fn check_geo(table: &Table) -> Result<()> {
    let Some(text) = table.entry("geo") else { return Ok(()) };
    let name = table.name();
    let geo: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| Error::corrupt(format!("{name}: geo in its metadata is no JSON object")))?;
    let column = geo.get("columns").and_then(|columns| columns.get("geometry"));
    let Some(column) = column else { return Ok(()) };
    if column.get("encoding").is_some_and(|encoding| encoding != "WKB") {
        return Err(Error::unsupported(format!(
            "{name}: its geometries are encoded as {}; only WKB is read",
            column["encoding"]
        )));
    }
    let Some(crs) = column.get("crs").filter(|crs| !crs.is_null()) else { return Ok(()) };
    let id =
        |key: &str| crs.get("id").and_then(|id| id.get(key)).map(|value| value.to_string().replace('"', ""));
    match (id("authority").as_deref(), id("code").as_deref()) {
        (Some("EPSG"), Some("4326" | "4979")) | (Some("OGC"), Some("CRS84" | "CRS84h")) => Ok(()),
        (authority, code) => Err(Error::unsupported(format!(
            "{name}: its geometries are in the coordinate system {}:{}; only WGS84 is read",
            authority.unwrap_or("unknown"),
            code.unwrap_or("unknown")
        ))),
    }
}

/// Which columns hold what, as places in `leaves`.
struct Columns {
    leaves: Vec<usize>,
    id: usize,
    geometry: usize,
    record: Option<usize>,
    start: Option<Time>,
    end: Option<Time>,
    moment: Option<Time>,
    assets: Vec<AssetColumns>,
}

/// A column of times, and what its numbers are multiplied and divided by; text without.
struct Time {
    at: usize,
    unit: Option<(i64, i64)>,
}

#[derive(Default)]
struct AssetColumns {
    key: String,
    href: usize,
    roles: Option<usize>,
    size: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Result<Self> {
        let mut leaves = Vec::new();
        let mut add = |leaf: usize| {
            leaves.push(leaf);
            leaves.len() - 1
        };
        let (id, geometry) = (add(table.require(&["id"])?), add(table.require(&["geometry"])?));
        let record = table.leaf(&["zagg:record"]).map(&mut add);
        let mut time = |name: &str| {
            let leaf = table.leaf(&[name])?;
            Some(Time { at: add(leaf), unit: table.time_unit(leaf) })
        };
        let (start, end, moment) = (time("start_datetime"), time("end_datetime"), time("datetime"));
        let mut assets: BTreeMap<&str, (Option<usize>, AssetColumns)> = BTreeMap::new();
        for (leaf, path) in table.paths().iter().enumerate() {
            let [root, key, rest @ ..] = &path[..] else { continue };
            if root != "assets" {
                continue;
            }
            let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
            let (href, asset) = assets.entry(key).or_default();
            match rest[..] {
                ["href"] => *href = Some(leaf),
                ["roles", _, _] => asset.roles = Some(leaf),
                ["file:size"] => asset.size = Some(leaf),
                _ => {}
            }
        }
        let assets = assets
            .into_iter()
            .filter_map(|(key, (href, asset))| {
                Some(AssetColumns {
                    key: key.to_owned(),
                    href: add(href?),
                    roles: asset.roles.map(&mut add),
                    size: asset.size.map(&mut add),
                })
            })
            .collect();
        Ok(Self { leaves, id, geometry, record, start, end, moment, assets })
    }

    fn row(&self, batches: &[Batch], row: usize) -> Result<Row> {
        let id = batches[self.id].text(row)?.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| batches[self.id].fault("a granule without an id"))?.to_owned();
        let mut assets = Vec::new();
        for columns in &self.assets {
            let Some(href) = batches[columns.href].text(row)? else { continue };
            let roles = match columns.roles {
                // Of lists that are always empty the type is not known.
                Some(roles) if batches[roles].is_bytes() => {
                    batches[roles].texts(row)?.map(|role| Ok(role?.to_owned())).collect::<Result<_>>()?
                }
                _ => Vec::new(),
            };
            let size = columns.size.map_or(Ok(None), |size| batches[size].integer(row))?;
            assets.push(Asset {
                key: columns.key.clone(),
                href: href.to_owned(),
                roles,
                size: size.and_then(|size| u64::try_from(size).ok()),
            });
        }
        let time = |time: &Option<Time>| time.as_ref().map_or(Ok(None), |time| time.read(batches, row));
        let (start, end) = row::times(time(&self.start)?, time(&self.end)?, time(&self.moment)?);
        Ok(Row { id, assets, start, end })
    }
}

impl Time {
    /// Microseconds since 1970.
    fn read(&self, batches: &[Batch], row: usize) -> Result<Option<i64>> {
        let column = &batches[self.at];
        if column.is_bytes() {
            let Some(text) = column.text(row)? else { return Ok(None) };
            let time = times::micros(text);
            return time.map(Some).ok_or_else(|| column.fault(&format!("{text:?} is no time")));
        }
        let Some((times, by)) = self.unit else {
            return if column.defined(row) == 0 {
                Ok(None)
            } else {
                Err(column.fault("its values are no times"))
            };
        };
        let Some(count) = column.integer(row)? else { return Ok(None) };
        let micros = count.checked_mul(times).map(|count| count.div_euclid(by));
        micros.map(Some).ok_or_else(|| column.fault(&format!("{count} is no time")))
    }
}
