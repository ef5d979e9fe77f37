//! The settings under `output.grid`.

use serde_json::Value;
use zagg_core::grid::GridOptions;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

/// The finest level; its cells are about a centimetre wide.
pub(crate) const MAX_LEVEL: u8 = 30;

/// Blocks are dense, so a shard has at most 4^12 cells.
const MAX_LEVELS_APART: u8 = 12;

const KEYS: [&str; 5] = ["type", "parent_level", "child_level", "chunk_inner", "levels"];

/// What defines the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S2Options {
    /// Level of the shards.
    pub(crate) parent_level: u8,
    /// Level of the cells.
    pub(crate) child_level: u8,
    /// Level of the storage chunks.
    pub(crate) chunk_inner: u8,
}

impl S2Options {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// Names the key that is missing, unknown or has a value that does not fit.
    pub fn parse(options: &GridOptions) -> Result<Self> {
        let unknown = |(key, value): &(&String, &Value)| !value.is_null() && !KEYS.contains(&key.as_str());
        if let Some((key, _)) = options.iter().find(unknown) {
            return Err(Error::input(format!(
                "output.grid.{key} is not a setting of the s2 grid{}; null takes it away",
                did_you_mean(key, KEYS)
            )));
        }
        if let Some(other) = given(options, "type").filter(|value| value.as_str() != Some("s2")) {
            return Err(Error::input(format!("output.grid.type is {other}; it must be s2")));
        }
        let parent_level = required(options, "parent_level")?;
        let child_level = required(options, "child_level")?;
        if child_level < parent_level {
            return Err(Error::input(format!(
                "output.grid.child_level is {child_level}, coarser than output.grid.parent_level {parent_level}; cells \
                 must not be larger than shards"
            )));
        }
        if child_level - parent_level > MAX_LEVELS_APART {
            return Err(Error::input(format!(
                "output.grid.child_level {child_level} is more than {MAX_LEVELS_APART} above output.grid.parent_level \
                 {parent_level}: a shard would have 4^{} cells, the limit is 4^{MAX_LEVELS_APART}; raise parent_level to \
                 {} or more",
                child_level - parent_level,
                child_level - MAX_LEVELS_APART
            )));
        }
        let chunk_inner = level(options, "chunk_inner")?.unwrap_or(parent_level);
        if !(parent_level..=child_level).contains(&chunk_inner) {
            return Err(Error::input(format!(
                "output.grid.chunk_inner is {chunk_inner}; it must lie between parent_level {parent_level} and \
                 child_level {child_level}"
            )));
        }
        Ok(Self { parent_level, child_level, chunk_inner })
    }
}

fn required(options: &GridOptions, key: &str) -> Result<u8> {
    level(options, key)?.ok_or_else(|| {
        Error::input(format!("output.grid.{key} is missing; give an S2 level, 0 to {MAX_LEVEL}"))
    })
}

fn level(options: &GridOptions, key: &str) -> Result<Option<u8>> {
    let Some(value) = given(options, key) else { return Ok(None) };
    value.as_u64().and_then(|o| u8::try_from(o).ok()).filter(|o| *o <= MAX_LEVEL).map(Some).ok_or_else(|| {
        Error::input(format!("output.grid.{key} is {value}; it must be a whole number from 0 to {MAX_LEVEL}"))
    })
}

fn given<'a>(options: &'a GridOptions, key: &str) -> Option<&'a Value> {
    options.get(key).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<S2Options> {
        S2Options::parse(value.as_object().unwrap())
    }

    #[test]
    fn defaults_and_keys_taken_away() {
        let options = json!({"type": "s2", "parent_level": 8, "child_level": 14, "child_order": null});
        assert_eq!(parse(&options).unwrap(), S2Options { parent_level: 8, child_level: 14, chunk_inner: 8 });
    }

    #[test]
    fn errors_name_the_key() {
        for (options, expected) in [
            (json!({"child_level": 14}), "output.grid.parent_level is missing; give an S2 level, 0 to 30"),
            (
                json!({"parent_level": 8, "child_level": 14, "child_leve": 1}),
                "output.grid.child_leve is not a setting of the s2 grid; did you mean \"child_level\"?; null takes it away",
            ),
            (json!({"type": "healpix"}), "output.grid.type is \"healpix\"; it must be s2"),
            (json!({"parent_level": 9, "child_level": 8}), "coarser than"),
            (json!({"parent_level": 8, "child_level": 21}), "raise parent_level to 9 or more"),
            (json!({"parent_level": 8, "child_level": 14, "chunk_inner": 7}), "output.grid.chunk_inner is 7"),
            (
                json!({"parent_level": 8, "child_level": 14, "chunk_inner": 15}),
                "output.grid.chunk_inner is 15",
            ),
        ] {
            let text = parse(&options).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
        for bad in [json!("6"), json!(-1), json!(6.0), json!(31), json!([6]), json!(1e300), json!(u64::MAX)] {
            let text = parse(&json!({"parent_level": bad, "child_level": 12})).unwrap_err().to_string();
            let expected =
                format!("output.grid.parent_level is {bad}; it must be a whole number from 0 to 30");
            assert_eq!(text, expected);
        }
        assert!(parse(&json!({"parent_level": 18, "child_level": 30})).is_ok());
    }
}
