//! Names that become parts of object names.

use zagg_core::{Error, Result};

/// Longest part of a name; what common file systems allow.
const MAX_LENGTH: usize = 255;

/// Deepest name of a record.
const MAX_PARTS: usize = 8;

/// Checks the name of a group or an array.
pub(crate) fn check_node(kind: &str, name: &str) -> Result<()> {
    check_part(kind, name, name)?;
    if name.starts_with("__") || name == "zarr.json" {
        return Err(Error::input(format!("{kind} '{name}': Zarr keeps this name to itself")));
    }
    Ok(())
}

/// Checks the name of a record; `/` makes folders.
pub(crate) fn check_record(name: &str) -> Result<()> {
    let mut count = 0;
    for part in name.split('/') {
        check_part("record", name, part)?;
        count += 1;
    }
    if count > MAX_PARTS {
        return Err(Error::input(format!("record '{name}': nested too deeply")));
    }
    if is_reserved(name) {
        return Err(Error::input(format!("record '{name}': the store keeps this name to itself")));
    }
    Ok(())
}

/// The names beside the store that are not records.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == crate::store::CLAIM
        || name == crate::lock::LOCK
        || name == crate::lock::TAKEOVER
        || name.split('/').next() == Some(crate::store::SCRATCH)
}

fn check_part(kind: &str, name: &str, part: &str) -> Result<()> {
    let reason = if part.is_empty() {
        "is empty or has an empty part"
    } else if part.starts_with('.') {
        "begins with a dot"
    } else if part.len() > MAX_LENGTH {
        "is too long"
    } else if part.contains(['/', '\\', ':']) || part.chars().any(char::is_control) {
        "has a character that names cannot have"
    } else {
        return Ok(());
    };
    Err(Error::input(format!("{kind} '{}': the name {reason}", name.escape_debug())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_outside() {
        for name in ["h_mean", "12", "Höhe", "a.b"] {
            check_node("array", name).unwrap();
        }
        for name in [
            "",
            ".",
            "..",
            ".x",
            "a/b",
            "/a",
            "a\\b",
            "c:",
            "a\0",
            "a\nb",
            "__x",
            "zarr.json",
            &"x".repeat(256),
        ] {
            assert!(check_node("array", name).is_err(), "{name:?}");
        }
        for name in ["plan.json", "shards/-5112323.json"] {
            check_record(name).unwrap();
        }
        for name in
            ["", "/x", "x/", "a//b", "../x", "a/../b", "lock", "template.json", "tmp/x", "a/b/c/d/e/f/g/h/i"]
        {
            assert!(check_record(name).is_err(), "{name:?}");
        }
    }
}
