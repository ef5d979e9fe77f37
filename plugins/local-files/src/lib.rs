//! Catalog of granules in a local folder, with positions taken from the data.
