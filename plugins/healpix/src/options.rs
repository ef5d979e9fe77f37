//! The settings under `output.grid`.

use serde_json::Value;
use zagg_core::grid::GridOptions;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

/// The highest order: a NESTED id at 29 still fits 62 bits.
pub(crate) const MAX_ORDER: u8 = 29;

/// Blocks are dense, so a shard has at most 4^12 cells.
const MAX_ORDERS_APART: u8 = 12;

const KEYS: [&str; 12] = [
    "type",
    "indexing_scheme",
    "parent_order",
    "child_order",
    "chunk_inner",
    "sharded",
    "ellipsoid",
    "morton",
    "levels",
    "shard_order",
    "emit_cell_ids",
    "cell_ids_encoding",
];

/// The surface that latitudes refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ellipsoid {
    /// Latitudes are geodetic; cells are found from the authalic latitude.
    Wgs84,
    /// Latitudes are taken as they are.
    Sphere,
}

/// What defines the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealpixOptions {
    /// Order of the shards.
    pub parent_order: u8,
    /// Order of the cells.
    pub child_order: u8,
    /// Order of the storage chunks.
    pub chunk_inner: u8,
    /// Surface of the latitudes.
    pub ellipsoid: Ellipsoid,
    /// Whether the packed morton words are a coordinate, too.
    pub morton: bool,
}

impl HealpixOptions {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// Names the key that is missing, unknown or has a value that does not fit.
    pub fn parse(options: &GridOptions) -> Result<Self> {
        if let Some(key) = options.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(Error::input(format!(
                "output.grid.{key} is not a setting of the healpix grid{}",
                did_you_mean(key, KEYS)
            )));
        }
        choice(options, "type", &["healpix"])?;
        choice(options, "indexing_scheme", &["nested"])?;
        let parent_order = required(order(options, "parent_order")?, "parent_order")?;
        let child_order = required(order(options, "child_order")?, "child_order")?;
        if child_order < parent_order {
            return Err(Error::input(format!(
                "output.grid.child_order is {child_order}, coarser than output.grid.parent_order {parent_order}; \
                 cells must not be larger than shards"
            )));
        }
        if child_order - parent_order > MAX_ORDERS_APART {
            return Err(Error::input(format!(
                "output.grid.child_order {child_order} is more than {MAX_ORDERS_APART} above output.grid.parent_order \
                 {parent_order}: a shard would have 4^{} cells, the limit is 4^{MAX_ORDERS_APART}; raise parent_order to \
                 {} or more",
                child_order - parent_order,
                child_order - MAX_ORDERS_APART
            )));
        }
        let chunk_inner = order(options, "chunk_inner")?.unwrap_or(parent_order);
        if !(parent_order..=child_order).contains(&chunk_inner) {
            return Err(Error::input(format!(
                "output.grid.chunk_inner is {chunk_inner}; it must lie between parent_order {parent_order} and \
                 child_order {child_order}"
            )));
        }
        // One object per shard is what the store writes anyway, so the value changes nothing.
        flag(options, "sharded")?;
        let ellipsoid = match choice(options, "ellipsoid", &["WGS84", "sphere"])? {
            Some("sphere") => Ellipsoid::Sphere,
            _ => Ellipsoid::Wgs84,
        };
        let morton = flag(options, "morton")?.unwrap_or(false);
        defaults_only(options, parent_order)?;
        Ok(Self { parent_order, child_order, chunk_inner, ellipsoid, morton })
    }
}

/// Refuses settings of the Python program that would ask for something else than what is done here.
fn defaults_only(options: &GridOptions, parent_order: u8) -> Result<()> {
    if let Some(shard_order) = order(options, "shard_order")?.filter(|o| *o != parent_order) {
        return Err(Error::unsupported(format!(
            "output.grid.shard_order is {shard_order}, but stored shards always have the parent_order, {parent_order}; \
             leave shard_order out"
        )));
    }
    if flag(options, "emit_cell_ids")? == Some(true) {
        return Err(Error::unsupported(
            "output.grid.emit_cell_ids cannot be set: the compact layout always has cell_ids and the full_sphere layout \
             never does; leave it out and choose output.layout",
        ));
    }
    if options.get("cell_ids_encoding").and_then(Value::as_str) == Some("morton") {
        return Err(Error::unsupported(
            "output.grid.cell_ids_encoding: morton is not offered; cell_ids are nested, and output.grid.morton: true adds \
             the packed morton words as a coordinate",
        ));
    }
    choice(options, "cell_ids_encoding", &["nested"])?;
    Ok(())
}

fn required(value: Option<u8>, key: &str) -> Result<u8> {
    value.ok_or_else(|| {
        Error::input(format!("output.grid.{key} is missing; give a HEALPix order, 0 to {MAX_ORDER}"))
    })
}

fn order(options: &GridOptions, key: &str) -> Result<Option<u8>> {
    let Some(value) = given(options, key) else { return Ok(None) };
    value.as_u64().and_then(|o| u8::try_from(o).ok()).filter(|o| *o <= MAX_ORDER).map(Some).ok_or_else(|| {
        Error::input(format!("output.grid.{key} is {value}; it must be a whole number from 0 to {MAX_ORDER}"))
    })
}

fn flag(options: &GridOptions, key: &str) -> Result<Option<bool>> {
    let Some(value) = given(options, key) else { return Ok(None) };
    value
        .as_bool()
        .map(Some)
        .ok_or_else(|| Error::input(format!("output.grid.{key} is {value}; it must be true or false")))
}

fn choice<'a>(options: &GridOptions, key: &str, known: &[&'a str]) -> Result<Option<&'a str>> {
    let Some(value) = given(options, key) else { return Ok(None) };
    if let Some(found) = value.as_str().and_then(|text| known.iter().find(|k| **k == text)) {
        return Ok(Some(found));
    }
    let hint = value.as_str().map(|text| did_you_mean(text, known.iter().copied())).unwrap_or_default();
    Err(Error::input(format!("output.grid.{key} is {value}{hint}; it must be {}", known.join(" or "))))
}

/// A key with the value null counts as absent, as everywhere in YAML.
fn given<'a>(options: &'a GridOptions, key: &str) -> Option<&'a Value> {
    options.get(key).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<HealpixOptions> {
        HealpixOptions::parse(value.as_object().unwrap())
    }

    fn message(value: &Value) -> String {
        parse(value).unwrap_err().to_string()
    }

    #[test]
    fn defaults() {
        let options = parse(&json!({"type": "healpix", "parent_order": 6, "child_order": 12})).unwrap();
        assert_eq!(
            options,
            HealpixOptions {
                parent_order: 6,
                child_order: 12,
                chunk_inner: 6,
                ellipsoid: Ellipsoid::Wgs84,
                morton: false
            }
        );
    }

    #[test]
    fn settings_of_the_python_program_are_accepted_with_their_defaults() {
        let options = parse(&json!({
            "type": "healpix", "indexing_scheme": "nested", "parent_order": 6, "child_order": 12, "chunk_inner": 8,
            "sharded": true, "shard_order": 6, "emit_cell_ids": false,
            "cell_ids_encoding": "nested", "levels": [12, 10], "ellipsoid": "sphere", "morton": true
        }))
        .unwrap();
        assert_eq!((options.chunk_inner, options.ellipsoid, options.morton), (8, Ellipsoid::Sphere, true));
        let both = |key: &str, value: Value| {
            let mut map = json!({"parent_order": 6, "child_order": 12});
            map[key] = value;
            message(&map)
        };
        assert!(both("shard_order", json!(7)).starts_with("output.grid.shard_order is 7"));
        assert!(both("emit_cell_ids", json!(true)).starts_with("output.grid.emit_cell_ids"));
        assert!(both("cell_ids_encoding", json!("morton")).contains("output.grid.morton: true"));
        assert_eq!(
            both("indexing_scheme", json!("ring")),
            "output.grid.indexing_scheme is \"ring\"; it must be nested"
        );
        assert_eq!(
            both("ellipsoid", json!("WGS8")),
            "output.grid.ellipsoid is \"WGS8\"; did you mean \"WGS84\"?; it must be WGS84 or sphere"
        );
        assert_eq!(both("sharded", json!("yes")), "output.grid.sharded is \"yes\"; it must be true or false");
    }

    #[test]
    fn errors_name_the_key() {
        assert_eq!(
            message(&json!({"child_order": 12})),
            "output.grid.parent_order is missing; give a HEALPix order, 0 to 29"
        );
        for bad in [json!("6"), json!(-1), json!(6.0), json!(30), json!([6]), json!(1e300)] {
            let text = message(&json!({"parent_order": bad, "child_order": 12}));
            assert_eq!(
                text,
                format!("output.grid.parent_order is {bad}; it must be a whole number from 0 to 29")
            );
        }
        assert_eq!(
            message(&json!({"parent_order": 6, "child_ordre": 12})),
            "output.grid.child_ordre is not a setting of the healpix grid; did you mean \"child_order\"?"
        );
        assert!(message(&json!({"parent_order": 7, "child_order": 6})).contains("coarser than"));
        assert!(
            message(&json!({"parent_order": 6, "child_order": 19}))
                .contains("raise parent_order to 7 or more")
        );
        assert!(parse(&json!({"parent_order": 6, "child_order": 18})).is_ok());
        assert!(parse(&json!({"parent_order": 29, "child_order": 29})).is_ok());
        for chunk in [5, 13] {
            assert!(
                message(&json!({"parent_order": 6, "child_order": 12, "chunk_inner": chunk}))
                    .starts_with(&format!("output.grid.chunk_inner is {chunk}"))
            );
        }
    }
}
