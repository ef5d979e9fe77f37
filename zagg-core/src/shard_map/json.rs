//! The JSON form of shard maps, from and to streams.
//!
//! A granule's record stands in every shard that needs it: a map of five million pairs is 1.7 GB of JSON, of which a
//! fiftieth part says something new. Reading therefore never holds the text. A record that has been seen before is
//! recognised by its bytes; only a new one is understood, and each granule is kept once.

mod scan;
mod write;

use std::collections::HashMap;
use std::io::Read;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{AreaCodes, ShardEntry, ShardMap};
use crate::error::{Error, Result};
use crate::granule::Granule;
use scan::{Scanner, shown};

/// Largest `metadata` or `grid_signature`, in bytes.
const MAX_OBJECT: usize = 256 << 20;
/// Largest record of a granule, in bytes.
const MAX_RECORD: usize = 16 << 20;
/// Digits of the largest number, and some.
const MAX_NUMBER: usize = 32;
/// The most shards of a map: more than a whole Earth of HEALPix shards of order 11.
const MAX_SHARDS: usize = 1 << 26;
/// Bytes of records that are remembered as they stand. Records that all differ, which ours and the original's do not,
/// would otherwise be held twice.
const MAX_REMEMBERED: usize = 512 << 20;

impl ShardMap {
    /// Reads the JSON form; `name` is the file, for messages.
    ///
    /// # Errors
    /// When it is not a shard map, or contradicts itself.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::read_json(name, text.as_bytes())
    }

    /// Reads the JSON form from a stream, with memory for the map and not for its text; `name` is the file, for messages.
    /// Keys of the file other than `metadata`, `grid_signature`, `shard_keys`, `granules` and `aoi_mask` are passed over.
    ///
    /// # Errors
    /// When it is not a shard map, contradicts itself, or cannot be read.
    pub fn read_json(name: &str, input: impl Read) -> Result<Self> {
        let mut scanner = Scanner::new(name, input);
        let mut file = File::default();
        scanner.object(|scanner, key| match key {
            "metadata" => set(scanner, key, &mut file.metadata, |s| object(s, key)),
            "grid_signature" => set(scanner, key, &mut file.grid_signature, |s| object(s, key)),
            "shard_keys" => set(scanner, key, &mut file.keys, numbers),
            "granules" => {
                let keys = file.keys.take();
                let lists = set(scanner, key, &mut file.lists, |s| lists(s, keys.as_deref().unwrap_or(&[])));
                file.keys = keys;
                lists
            }
            "aoi_mask" => set(scanner, key, &mut file.areas, areas),
            _ => scanner.skip(),
        })?;
        scanner.end()?;
        file.assemble(name)
    }

    /// The map of shards in any order, which lists its granules by their place in `granules`; `name` is the file.
    ///
    /// # Errors
    /// When a shard stands twice, or there are not as many areas as shards.
    pub fn from_parts(
        name: &str,
        metadata: Map<String, Value>,
        grid_signature: Map<String, Value>,
        granules: Vec<Granule>,
        mut shards: Vec<ShardEntry>,
        areas: Option<Vec<AreaCodes>>,
    ) -> Result<Self> {
        let mut aoi_mask = None;
        if let Some(areas) = areas {
            if areas.len() != shards.len() {
                return Err(Error::input(format!(
                    "{name}: {} shard_keys but {} lists in aoi_mask; make the map again",
                    shards.len(),
                    areas.len()
                )));
            }
            let mut pairs: Vec<(ShardEntry, AreaCodes)> = shards.into_iter().zip(areas).collect();
            pairs.sort_by_key(|(shard, _)| shard.key);
            let (sorted, areas) = pairs.into_iter().unzip();
            shards = sorted;
            aoi_mask = Some(areas);
        } else {
            shards.sort_by_key(|shard| shard.key);
        }
        match shards.windows(2).find(|pair| pair[0].key == pair[1].key) {
            Some(pair) => Err(Error::input(format!("{name}: shard key {} stands twice", pair[0].key))),
            None => Ok(Self { metadata, grid_signature, granules, shards, aoi_mask }),
        }
    }
}

/// What has been read of the file.
#[derive(Default)]
struct File {
    metadata: Option<Map<String, Value>>,
    grid_signature: Option<Map<String, Value>>,
    keys: Option<Vec<u64>>,
    lists: Option<GranuleLists>,
    areas: Option<Option<Vec<AreaCodes>>>,
}

impl File {
    fn assemble(self, name: &str) -> Result<ShardMap> {
        let missing = |key: &str| {
            Error::input(format!(
                "{name}: missing required key '{key}'; this is not a shard map, make one with zagg catalog"
            ))
        };
        let grid_signature = self.grid_signature.ok_or_else(|| missing("grid_signature"))?;
        let keys = self.keys.ok_or_else(|| missing("shard_keys"))?;
        let lists = self.lists.ok_or_else(|| missing("granules"))?;
        if keys.len() != lists.shards.len() {
            return Err(Error::input(format!(
                "{name}: {} shard_keys but {} lists of granules; make the map again",
                keys.len(),
                lists.shards.len()
            )));
        }
        let shards = keys
            .into_iter()
            .zip(lists.shards)
            .map(|(key, granules)| ShardEntry { key, granules: granules.into_vec() })
            .collect();
        let metadata = self.metadata.unwrap_or_default();
        ShardMap::from_parts(
            name,
            metadata,
            grid_signature,
            lists.granules.all,
            shards,
            self.areas.unwrap_or_default(),
        )
    }
}

/// Reads the value of a key that may stand once.
fn set<R: Read, T>(
    scanner: &mut Scanner<'_, R>,
    key: &str,
    to: &mut Option<T>,
    read: impl FnOnce(&mut Scanner<'_, R>) -> Result<T>,
) -> Result<()> {
    if to.is_some() {
        return Err(scanner.fault(&format!("the key '{key}' stands twice")));
    }
    *to = Some(read(scanner)?);
    Ok(())
}

/// A value that serde understands, which is small.
fn value<T: DeserializeOwned, R: Read>(scanner: &mut Scanner<'_, R>, what: &str, most: usize) -> Result<T> {
    let text = scanner.raw(most)?;
    match serde_json::from_slice(text) {
        Ok(value) => Ok(value),
        Err(error) => Err(scanner.fault(&format!("{what}: {}", without_place(&error)))),
    }
}

/// The message of serde without line and column, which count from the start of the piece that it was given.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map(|(message, _)| message.to_owned()).unwrap_or(text)
}

fn object<R: Read>(scanner: &mut Scanner<'_, R>, key: &str) -> Result<Map<String, Value>> {
    value(scanner, key, MAX_OBJECT)
}

/// A number that is an integer from 0 to 2^64 - 1, written without point or exponent.
fn number<R: Read>(scanner: &mut Scanner<'_, R>) -> Result<u64> {
    let text = scanner.raw(MAX_NUMBER)?;
    let digits =
        !text.is_empty() && text.iter().all(u8::is_ascii_digit) && (text[0] != b'0' || text.len() == 1);
    match std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok()) {
        Some(number) => Ok(number),
        None => {
            let shown = String::from_utf8_lossy(text).into_owned();
            Err(scanner.fault(&format!("{shown} is no integer from 0 to 2^64 - 1")))
        }
    }
}

fn numbers<R: Read>(scanner: &mut Scanner<'_, R>) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    scanner.array(|scanner| {
        all.push(number(scanner)?);
        if all.len() > MAX_SHARDS { Err(too_many(scanner)) } else { Ok(()) }
    })?;
    Ok(all)
}

fn too_many<R: Read>(scanner: &Scanner<'_, R>) -> Error {
    Error::unsupported(format!("{}: more than {MAX_SHARDS} shards", scanner.name()))
}

/// `aoi_mask`: a list of numbers for each shard, or `null`.
fn areas<R: Read>(scanner: &mut Scanner<'_, R>) -> Result<Option<Vec<AreaCodes>>> {
    if scanner.peek()? == Some(b'n') {
        return match scanner.raw(MAX_NUMBER)? {
            b"null" => Ok(None),
            _ => Err(scanner.fault("aoi_mask: expected a list of lists")),
        };
    }
    let mut all = Vec::new();
    scanner.array(|scanner| {
        let mut codes = AreaCodes::default();
        scanner.array(|scanner| {
            codes.push(number(scanner)?);
            Ok(())
        })?;
        all.push(codes);
        if all.len() > MAX_SHARDS { Err(too_many(scanner)) } else { Ok(()) }
    })?;
    Ok(Some(all))
}

/// The lists of granules of a map's shards, with every granule once.
#[derive(Debug, Default)]
pub struct GranuleLists {
    granules: Interner,
    /// One list for each shard.
    shards: Vec<Box<[u32]>>,
    /// For each granule the number of the last shard that listed it, counted from 1.
    listed: Vec<u32>,
}

impl GranuleLists {
    /// Adds the list of the next shard, whose key this is, from its JSON text; `name` is the file, for messages.
    ///
    /// # Errors
    /// When the text is no list of records of granules, or contradicts what is there already.
    pub fn push_json(&mut self, name: &str, key: u64, text: &[u8]) -> Result<()> {
        let mut scanner = Scanner::new(name, text);
        self.push(&mut scanner, || key.to_string())?;
        scanner.end()
    }

    /// The granules, and for each shard the places of its granules among them.
    pub fn into_parts(self) -> (Vec<Granule>, Vec<Box<[u32]>>) {
        (self.granules.all, self.shards)
    }

    fn push<R: Read>(&mut self, scanner: &mut Scanner<'_, R>, label: impl Fn() -> String) -> Result<()> {
        if self.shards.len() == MAX_SHARDS {
            return Err(too_many(scanner));
        }
        let mut shard = Vec::new();
        // At most MAX_SHARDS.
        let stamp = self.shards.len() as u32 + 1;
        scanner.array(|scanner| {
            let at = record(scanner, &mut self.granules, &label)?;
            if self.listed.len() <= at as usize {
                self.listed.resize(at as usize + 1, 0);
            }
            if self.listed[at as usize] == stamp {
                return Err(Error::input(format!(
                    "{}: shard {} lists granule {} twice",
                    scanner.name(),
                    label(),
                    shown(&self.granules.all[at as usize].id)
                )));
            }
            self.listed[at as usize] = stamp;
            shard.push(at);
            Ok(())
        })?;
        self.shards.push(shard.into());
        Ok(())
    }
}

fn lists<R: Read>(scanner: &mut Scanner<'_, R>, keys: &[u64]) -> Result<GranuleLists> {
    let mut lists = GranuleLists::default();
    scanner.array(|scanner| {
        let number = lists.shards.len();
        let key = keys.get(number);
        lists.push(scanner, || key.map_or_else(|| format!("number {number}"), u64::to_string))
    })?;
    Ok(lists)
}

/// Granules, each once, found again by the bytes of their records or by their ids.
#[derive(Debug, Default)]
struct Interner {
    all: Vec<Granule>,
    by_record: HashMap<Box<[u8]>, u32>,
    by_id: HashMap<String, u32>,
    remembered: usize,
}

/// The number of the granule whose record comes next.
fn record<R: Read>(
    scanner: &mut Scanner<'_, R>,
    granules: &mut Interner,
    shard: impl Fn() -> String,
) -> Result<u32> {
    let text = scanner.raw(MAX_RECORD)?;
    if let Some(&at) = granules.by_record.get(text) {
        return Ok(at);
    }
    let granule: Granule = match serde_json::from_slice(text) {
        Ok(granule) => granule,
        Err(error) => return Err(scanner.fault(&format!("a granule: {}", without_place(&error)))),
    };
    let record = (granules.remembered < MAX_REMEMBERED).then(|| Box::<[u8]>::from(text));
    let name = scanner.name();
    if granule.id.is_empty() {
        return Err(Error::input(format!("{name}: shard {} lists a granule without an id", shard())));
    }
    let at = match granules.by_id.get(&granule.id) {
        Some(&at) if granules.all[at as usize] == granule => at,
        Some(_) => {
            return Err(Error::input(format!(
                "{name}: granule {} stands for different files in different shards; ids are file names and must be unique",
                shown(&granule.id)
            )));
        }
        None => {
            let at = u32::try_from(granules.all.len())
                .map_err(|_| Error::unsupported(format!("{name}: more than 2^32 granules")))?;
            granules.by_id.insert(granule.id.clone(), at);
            granules.all.push(granule);
            at
        }
    };
    if let Some(record) = record {
        granules.remembered += record.len();
        granules.by_record.insert(record, at);
    }
    Ok(at)
}

#[cfg(test)]
mod tests;
