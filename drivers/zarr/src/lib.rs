//! The Zarr v3 store: [`ZarrStore`] implements [`zagg_core::store::Store`].
//!
//! What lies where:
//!
//! | object | content |
//! | --- | --- |
//! | `<store>/zarr.json` | root group; attribute `zagg` with `state`, `template` (hash) and `groups` (names of all arrays); consolidated metadata once finalized |
//! | `<store>/<group>/zarr.json` | a group with its attributes |
//! | `<store>/<group>/<array>/zarr.json` | an array |
//! | `<store>/<group>/<array>/c/…` | its blocks; those that are fill throughout are left out |
//! | `<store>.zagg/template.json` | claim on the place: the template's hash and which nodes are zagg's own |
//! | `<store>.zagg/lock` | who is writing |
//! | `<store>.zagg/tmp/` | files that are not finished |
//! | `<store>.zagg/…` | records |
//!
//! The bytes inside the store depend on template, blocks and state alone. Overwriting deletes what the root and the
//! claim name, and all records; files that others have put into the store stay.
//!
//! A store lies in a local folder, in memory, or (feature `buckets`, on by default) under `s3://bucket/folder`, where the same
//! objects have the same names.

mod codec;
mod json;
mod layout;
mod location;
mod lock;
mod names;
mod objects;
mod store;
mod validate;
mod values;

#[cfg(test)]
mod testing;

pub use objects::logged::{Operation, StoreLog};
pub use store::{ArraySummary, GroupSummary, Rechunk, Rechunked, Summary, ZarrStore};
pub use validate::{Check, Finding, Validation};
