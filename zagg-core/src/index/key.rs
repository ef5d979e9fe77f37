//! What an index is known by.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::config::sort_keys;
use crate::grid::Grid;
use crate::hash::sha256_hex;
use crate::source::PointSource;

/// Hexadecimal digits of a hash in a name. The whole hash is inside the index.
const DIGITS: usize = 16;

/// Longest granule id that stands in a name as it is.
const LONGEST_ID: usize = 160;

/// What the indexes of one source and one grid have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexKey {
    source: String,
    grid: Value,
    folder: String,
}

impl IndexKey {
    /// The key of a source on a grid; `None` when the source keeps no indexes.
    pub fn new(source: &dyn PointSource, grid: &dyn Grid) -> Option<Self> {
        let source = sha256_hex(source.index_key()?.as_bytes());
        let grid = sort_keys(Value::Object(grid.signature()));
        let hash = sha256_hex(grid.to_string().as_bytes());
        let folder = format!("{}-{}", &source[..DIGITS], &hash[..DIGITS]);
        Some(Self { source, grid, folder })
    }

    /// SHA-256 of what the source says its indexes depend on.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Signature of the grid, its keys in ascending order.
    pub fn grid(&self) -> &Value {
        &self.grid
    }

    /// Whether a signature is that of the grid.
    pub(super) fn has_grid(&self, signature: Map<String, Value>) -> bool {
        // The signature was a text meanwhile, and not every number comes back from one bit by bit.
        let own = serde_json::from_str::<Value>(&self.grid.to_string());
        own.is_ok_and(|own| sort_keys(Value::Object(signature)) == own)
    }

    /// Name of a granule's index in an [`IndexStore`](super::IndexStore).
    pub fn name(&self, granule: &str) -> String {
        format!("{}/{}.json.gz", self.folder, file_name(granule))
    }
}

/// A granule id as a file name: whatever is not plain stands as `%` and two digits.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => name.push_str("%2E"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => name.push(char::from(byte)),
            // Writing into a text cannot fail.
            _ => drop(write!(name, "%{byte:02X}")),
        }
    }
    if name.len() > LONGEST_ID {
        name.truncate(LONGEST_ID - 1 - DIGITS);
        name.push('-');
        name.push_str(&sha256_hex(id.as_bytes())[..DIGITS]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_become_plain_file_names() {
        assert_eq!(file_name("ATL06_2018_001-01.h5"), "ATL06_2018_001-01.h5");
        assert_eq!(file_name("../a b"), "%2E.%2Fa%20b");
        assert_eq!(file_name("é"), "%C3%A9");
    }

    #[test]
    fn a_grid_is_known_again_by_its_text() {
        // Numbers of which some come back with another last bit.
        for number in (1..2000).map(|n| 0.1 * f64::from(n) / 7.0 + 1e-9 / f64::from(n)) {
            let grid = serde_json::json!({"cell": number, "type": "x"});
            let read: Map<String, Value> = serde_json::from_str(&grid.to_string()).unwrap();
            let key = IndexKey { source: String::new(), grid, folder: String::new() };
            assert!(key.has_grid(read), "{number}");
            let other = serde_json::json!({"cell": number * 1.01, "type": "x"});
            assert!(!key.has_grid(other.as_object().unwrap().clone()), "{number}");
        }
    }

    proptest! {
        #[test]
        fn names_are_short_plain_and_apart(a in ".{0,300}", b in ".{0,300}") {
            let name = file_name(&a);
            prop_assert!(name.len() <= LONGEST_ID && !name.starts_with('.'));
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"%._-".contains(&b)));
            prop_assert_eq!(name == file_name(&b), a == b);
        }
    }
}
