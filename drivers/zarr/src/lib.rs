//! The Zarr v3 store.
