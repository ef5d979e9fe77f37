//! Paths that pick a field of a dataset's records: `path/to/dataset#outer#inner`.

use crate::access::{Access, Step};
use crate::dataset::Dataset;
use crate::group;

/// Nested records that a path may go into.
const MAX_FIELDS: usize = 16;

/// The dataset at a path, with the field that the path picks. A `#` may be part of a name: the longest path that leads
/// somewhere is taken.
pub(crate) fn dataset(access: &Access<'_>, root: u64, path: &str) -> Step<Option<Dataset>> {
    for (plain, members) in splits(path) {
        if let Some(address) = group::address_of(access, root, plain)? {
            let dataset = Dataset::read(access, path, address)?;
            return Ok(Some(if members.is_empty() {
                dataset
            } else {
                dataset.with_members(path, members)?
            }));
        }
    }
    Ok(None)
}

/// Every way to read a path, the one without fields first.
pub fn splits(path: &str) -> impl Iterator<Item = (&str, Vec<String>)> {
    let hashes = path.rmatch_indices('#').map(|(at, _)| at).take(MAX_FIELDS);
    std::iter::once((path, Vec::new())).chain(hashes.map(|at| {
        let members = path[at + 1..].split('#').map(str::to_owned).collect();
        (&path[..at], members)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_paths_come_first() {
        let found: Vec<_> = splits("g/a#b#c").map(|(path, members)| format!("{path} {members:?}")).collect();
        assert_eq!(found, ["g/a#b#c []", "g/a#b [\"c\"]", "g/a [\"b\", \"c\"]"]);
        assert_eq!(splits("g/a").count(), 1);
    }
}
