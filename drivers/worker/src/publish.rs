//! Writing a plan, once.

use zagg_core::plan::{DOCUMENT, MAX_DOCUMENT, NewPlan};
use zagg_core::{Error, Result};

use crate::place::PlanPlace;

/// What [`publish`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// There was no plan: it was written.
    New,
    /// This very plan was there and is kept.
    Existing,
    /// Another plan was there, and this one took its place.
    Replaced,
}

/// The place of the plan for a store when none is named: `<store>.zagg/work`.
pub fn default_uri(store: &str) -> String {
    format!("{}.zagg/{}", store.trim_end_matches('/'), zagg_core::plan::BESIDE)
}

/// Writes a plan, its document last and only where there is none: of several who write at once, one does. With `replace` a plan
/// that is there gives way; the caller knows that no worker reads it.
///
/// # Errors
/// When another plan is there, or it cannot be written.
pub fn publish(place: &PlanPlace, new: &NewPlan, replace: bool) -> Result<Published> {
    let digest = new.plan.digest()?;
    let found = digest_at(place)?;
    if found.as_ref() == Some(&digest) {
        return Ok(Published::Existing);
    }
    if found.is_some() && !replace {
        return Err(another(place));
    }
    let mut objects = new.objects(place.uri())?;
    let document = objects.pop().map(|(_, bytes)| bytes).unwrap_or_default();
    for (name, bytes) in objects {
        place.put(&name, &bytes.into())?;
    }
    let document = document.into();
    if found.is_some() {
        place.put(DOCUMENT, &document)?;
        return Ok(Published::Replaced);
    }
    if place.put_new(DOCUMENT, &document)? {
        return Ok(Published::New);
    }
    match digest_at(place)? == Some(digest) {
        true => Ok(Published::Existing),
        false => Err(another(place)),
    }
}

fn digest_at(place: &PlanPlace) -> Result<Option<String>> {
    let bytes = place.get(DOCUMENT, MAX_DOCUMENT)?;
    Ok(bytes.map(|bytes| zagg_core::hash::sha256_hex(&bytes)))
}

fn another(place: &PlanPlace) -> Error {
    Error::input(format!(
        "{}: holds another plan; give another place with --output, or remove it",
        place.uri()
    ))
}
