//! Shard maps as JSON text.

use std::io::Write;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::shard_map::ShardMap;

/// The most numbers in `aoi_mask`: some 20 bytes each, while memory and Parquet hold runs of them.
const MAX_AREA_NUMBERS: u64 = 1 << 33;

impl ShardMap {
    /// The JSON form, indented by two.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn to_json(&self) -> Result<String> {
        let mut text = Vec::new();
        self.write_json("shard map", &mut text)?;
        String::from_utf8(text)
            .map_err(|_| Error::plugin("shard map: the JSON form is no text, which is a bug"))
    }

    /// Writes the JSON form, indented by two, with memory for each granule's record once; `name` is the file, for messages.
    ///
    /// # Errors
    /// When it cannot be written, when a shard lists a granule that is not there, or when `aoi_mask` has so many numbers
    /// that only Parquet can hold it.
    pub fn write_json(&self, name: &str, mut output: impl Write) -> Result<()> {
        if let Some(areas) = &self.aoi_mask
            && areas.iter().fold(0, |sum: u64, area| sum.saturating_add(area.len())) > MAX_AREA_NUMBERS
        {
            return Err(Error::input(format!(
                "{name}: aoi_mask has more than {MAX_AREA_NUMBERS} numbers, too many for JSON; write a .parquet file"
            )));
        }
        if let Some(shard) =
            self.shards.iter().find(|s| s.granules.iter().any(|&g| g as usize >= self.granules.len()))
        {
            return Err(Error::input(format!(
                "{name}: shard {} lists a granule that is not there",
                shard.key
            )));
        }
        self.write(&mut output).map_err(|error| Error::from_io(&error, name))
    }

    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        to.write_all(b"{\n  \"metadata\": ")?;
        to.write_all(&indented(&self.metadata, "\n  ")?)?;
        to.write_all(b",\n  \"grid_signature\": ")?;
        to.write_all(&indented(&self.grid_signature, "\n  ")?)?;
        to.write_all(b",\n  \"shard_keys\": ")?;
        list(to, &self.shards, "\n    ", |to, shard| write!(to, "{}", shard.key))?;
        to.write_all(b",\n  \"granules\": ")?;
        let mut records = Records { granules: &self.granules, texts: vec![None; self.granules.len()] };
        list(to, &self.shards, "\n    ", |to, shard| {
            list(to, &shard.granules, "\n      ", |to, &at| to.write_all(records.text(at as usize)?))
        })?;
        if let Some(areas) = &self.aoi_mask {
            to.write_all(b",\n  \"aoi_mask\": ")?;
            list(to, areas, "\n    ", |to, area| {
                list(to, area.iter(), "\n      ", |to, code| write!(to, "{code}"))
            })?;
        }
        to.write_all(b"\n}\n")?;
        to.flush()
    }
}

/// A list with each item behind `indent`, and the closing bracket two spaces further left.
fn list<W: Write, T>(
    to: &mut W,
    items: impl IntoIterator<Item = T>,
    indent: &str,
    mut item: impl FnMut(&mut W, T) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut before: &[u8] = b"[";
    for each in items {
        to.write_all(before)?;
        to.write_all(indent.as_bytes())?;
        item(to, each)?;
        before = b",";
    }
    match before {
        b"[" => to.write_all(b"[]"),
        _ => {
            to.write_all(&indent.as_bytes()[..indent.len() - 2])?;
            to.write_all(b"]")
        }
    }
}

/// A value with its lines indented; strings of JSON have no line breaks.
fn indented(value: &impl Serialize, line: &str) -> std::io::Result<Vec<u8>> {
    let text = serde_json::to_vec_pretty(value)?;
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for (at, part) in text.split(|&byte| byte == b'\n').enumerate() {
        if at > 0 {
            out.extend_from_slice(line.as_bytes());
        }
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// The records of granules as text, each made when it is first needed.
struct Records<'a> {
    granules: &'a [Granule],
    texts: Vec<Option<Box<[u8]>>>,
}

impl Records<'_> {
    fn text(&mut self, at: usize) -> std::io::Result<&[u8]> {
        let text = &mut self.texts[at];
        Ok(match text {
            Some(text) => text,
            None => text.insert(indented(&self.granules[at], "\n      ")?.into()),
        })
    }
}
