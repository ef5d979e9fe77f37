//! Numbers of bytes as people write them.

use serde_json::Value;

/// Units and their bytes, the longer names first.
const UNITS: [(&str, u64); 9] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("b", 1),
];

/// Bytes of a text such as `512MiB`, `2 GB` or `1000000`.
///
/// # Errors
/// Says what is expected.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(name, bytes)| Some((lower.strip_suffix(name)?, *bytes)));
    let (number, unit) = unit.unwrap_or((&lower, 1));
    let digits = number.trim();
    let whole = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    whole
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| format!("{text:?} is no number of bytes; write it like 512MiB or 2GB"))
}

/// Bytes of a number or a text.
pub(super) fn read(value: &Value) -> Result<u64, String> {
    match value {
        Value::String(text) => parse_bytes(text),
        other => other
            .as_u64()
            .ok_or_else(|| format!("{other} is no number of bytes; write it like 512MiB or 2GB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_or_decimal() {
        for (text, bytes) in [
            ("0", 0),
            ("1000000", 1_000_000),
            ("512MiB", 512 << 20),
            (" 2 GB ", 2_000_000_000),
            ("3kib", 3 << 10),
            ("7B", 7),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "1.5GiB", "1 GiBs", "+3MB", "99999999999999999999", "99999999999TB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert!(read(&Value::from(-1)).is_err() && read(&Value::Null).is_err());
    }
}
