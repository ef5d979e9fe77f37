//! A copy of a finished store in larger chunks.
//!
//! The copy is a store of its own at another place, with the same values and attributes. That is what makes it safe: the old
//! store is only read, and the new one is open until all of it is there. Nobody ever sees metadata and chunks that disagree,
//! and a copy that was cut off is done over by the same call.

mod copy;

use std::path::{Component, PathBuf};
use std::str::FromStr;

use serde_json::{Map, Value, json};
use zagg_core::store::{ArraySpec, GroupSpec, Store, StoreState, StoreTemplate, Written};
use zagg_core::{Error, Result};

use super::read::{ArraySummary, Summary};
use super::{MAX_METADATA, NODE, ZarrStore};
use crate::lock;

/// Key of the root's attribute `zagg` that tells a copy.
pub(super) const ATTRIBUTE: &str = "rechunked";

/// Most dimensions that chunks are given along.
const MAX_GIVEN: usize = 4;

/// In which chunks.
///
/// As text: `1048576` (cells of an object along every dimension that has several), `512x512` (along the first dimensions, one
/// number each), `1048576/65536` (objects of so many cells with inner chunks of so many).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rechunk {
    /// Cells of an object: one number for all dimensions that are divided, or one for each of the first dimensions.
    pub object: Vec<u64>,
    /// Cells of a chunk within an object, given in the same way. Without, an object is one chunk.
    pub inner: Option<Vec<u64>>,
}

impl Rechunk {
    /// Checks that the numbers fit each other.
    ///
    /// # Errors
    /// When they are none or too many, zero, or inner chunks do not divide objects.
    pub fn check(&self) -> Result<()> {
        let inner = self.inner.as_ref().unwrap_or(&self.object);
        let sound = (1..=MAX_GIVEN).contains(&self.object.len())
            && inner.len() == self.object.len()
            && self.object.iter().zip(inner).all(|(object, inner)| *inner > 0 && object % inner == 0)
            && self.object.iter().all(|object| *object > 0);
        if sound {
            return Ok(());
        }
        Err(Error::input(
            "chunks to write are given as cells such as 1048576, 512x512 or 1048576/65536, where inner chunks divide objects",
        ))
    }

    /// Shape of objects and of chunks of an array.
    fn shapes(&self, array: &ArraySummary) -> (Vec<u64>, Vec<u64>) {
        let old = (array.block_shape.clone(), array.chunk_shape.clone());
        let rank = array.shape.len();
        let given = |numbers: &[u64], d: usize| match numbers {
            [all] => (array.shape[d] > array.block_shape[d]).then_some(*all),
            each => each.get(d).copied(),
        };
        if self.object.len() > 1 && rank < self.object.len() {
            return old;
        }
        let wanted: Vec<Option<u64>> = (0..rank).map(|d| given(&self.object, d)).collect();
        if wanted.iter().all(Option::is_none) {
            return old;
        }
        let mut object = array.block_shape.clone();
        for (d, wanted) in wanted.iter().enumerate() {
            if let Some(wanted) = wanted {
                // No larger than the array, but for what inner chunks need.
                let unit = self.inner.as_ref().and_then(|inner| given(inner, d)).unwrap_or(1);
                object[d] = (*wanted).min(array.shape[d].max(1).next_multiple_of(unit));
            }
        }
        let chunk = match &self.inner {
            None => object.clone(),
            Some(inner) => (0..rank).map(|d| given(inner, d).unwrap_or(object[d])).collect(),
        };
        (object, chunk)
    }

    fn to_json(&self) -> Value {
        json!({"object": self.object, "inner": self.inner})
    }
}

impl FromStr for Rechunk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers =
            |text: &str| -> Option<Vec<u64>> { text.split('x').map(|n| n.trim().parse().ok()).collect() };
        let (object, inner) = match text.split_once('/') {
            None => (numbers(text), None),
            Some((object, inner)) => (numbers(object), Some(numbers(inner).unwrap_or_default())),
        };
        let rechunk = Self { object: object.unwrap_or_default(), inner };
        rechunk.check().map_err(|error| error.context(format!("{text:?}")))?;
        Ok(rechunk)
    }
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rechunked {
    /// Arrays of the store.
    pub arrays: u64,
    /// Objects and bytes of the copy, without metadata.
    pub written: Written,
    /// State of the store, and of the copy.
    pub state: Option<StoreState>,
}

impl ZarrStore {
    /// Copies this store, which must be finished, to another place in larger (or smaller) chunks. The values are equal, and so
    /// are the bytes of every copy made in the same way. Runs refuse to write into a copy, and a call that was cut off is done
    /// over by another. With `overwrite` a store of zagg that is there is deleted first.
    ///
    /// Nothing else may write to either store meanwhile, which the locks of both see to; of a store that cannot be written to,
    /// no lock is taken. Memory: one object of the copy, and the objects of the store that it is made of.
    ///
    /// # Errors
    /// When the store is open or the copy's place is taken, when a run has both or one of them, when the store has changed
    /// meanwhile, and when reading or writing fails.
    pub fn rechunk(&self, to: &Self, how: &Rechunk, overwrite: bool) -> Result<Rechunked> {
        how.check()?;
        if self.location.trim_end_matches('/') == to.location.trim_end_matches('/') {
            return Err(Error::input(format!(
                "store {}: the copy needs another place; nothing is rewritten where it is",
                self.location
            )));
        }
        let ours = [&self.store, &self.beside].map(|objects| resolved(&objects.full_name("")));
        let theirs = [&to.store, &to.beside].map(|objects| resolved(&objects.full_name("")));
        // Equal places are found out by their one lock, whatever they are called.
        let within = |one: &PathBuf, other: &PathBuf| one != other && one.starts_with(other);
        if ours.iter().any(|ours| theirs.iter().any(|theirs| within(ours, theirs) || within(theirs, ours))) {
            return Err(Error::input(format!(
                "store {}: the copy cannot lie inside it or around it; give {} another place",
                self.location, to.location
            )));
        }
        self.existing_root()?;
        if let Err(error) = self.acquire()
            && self.beside.get(lock::LOCK, MAX_METADATA)?.is_some()
        {
            return Err(error);
        }
        let outcome = to.acquire().and_then(|()| {
            let copied = self.copy_to(to, how, overwrite);
            to.release().and(copied)
        });
        self.release().and(outcome)
    }

    fn copy_to(&self, to: &Self, how: &Rechunk, overwrite: bool) -> Result<Rechunked> {
        let before = self.store.get(NODE, MAX_METADATA)?;
        let summary = self.inspect()?;
        if summary.state == StoreState::Open {
            return Err(Error::input(format!(
                "store {}: it is open, a run writes to it or was cut off; finish it first",
                self.location
            )));
        }
        to.create(&template(&summary, how), overwrite)?;
        let mut rechunked = Rechunked { state: Some(summary.state), ..Rechunked::default() };
        for group in &summary.groups {
            for array in &group.arrays {
                rechunked.written += copy::array(self, to, &group.name, &array.name)?;
                rechunked.arrays += 1;
            }
        }
        if self.store.get(NODE, MAX_METADATA)? != before {
            return Err(Error::changed(format!(
                "store {}: it changed while it was copied; run again",
                self.location
            )));
        }
        to.finalize(summary.state)?;
        Ok(rechunked)
    }
}

/// A place under the one name that all its spellings have, as it will be when the folders that are missing have been made. That
/// of a bucket has one spelling.
fn resolved(name: &str) -> PathBuf {
    let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
    let mut place = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = place.pop(),
            other => place.push(other),
        }
        if let Ok(real) = place.canonicalize() {
            place = real;
        }
    }
    place
}

/// The template of a copy: that of the store in other chunks, and a note that it is one.
fn template(summary: &Summary, how: &Rechunk) -> StoreTemplate {
    let mut attributes = summary.attributes.clone();
    let about = json!({"template": summary.template, "chunks": how.to_json()});
    if let Some(Value::Object(ours)) = attributes.get_mut("zagg") {
        for made_by_the_store in ["state", "template", "groups"] {
            ours.shift_remove(made_by_the_store);
        }
        ours.insert(ATTRIBUTE.to_owned(), about.clone());
    } else {
        attributes.insert(
            "zagg".to_owned(),
            Value::Object(Map::from_iter([(ATTRIBUTE.to_owned(), about.clone())])),
        );
    }
    let groups = summary.groups.iter().map(|group| GroupSpec {
        name: group.name.clone(),
        attributes: group.attributes.clone(),
        arrays: group.arrays.iter().map(|array| spec(array, how)).collect(),
    });
    let groups = groups.collect();
    StoreTemplate { attributes, groups, hash: zagg_core::hash::sha256_hex(about.to_string().as_bytes()) }
}

fn spec(array: &ArraySummary, how: &Rechunk) -> ArraySpec {
    let (block_shape, chunk_shape) = how.shapes(array);
    ArraySpec {
        name: array.name.clone(),
        dtype: array.dtype,
        fill: array.fill.clone(),
        ragged: array.ragged.clone(),
        dimensions: array.dimensions.clone(),
        shape: array.shape.clone(),
        block_shape,
        chunk_shape,
        compression: array.compression,
        attributes: array.attributes.clone(),
        content: None,
    }
}

#[cfg(test)]
mod tests;
