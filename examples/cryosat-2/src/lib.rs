//! CryoSat-2 SIRAL level 2 as a plugin that is a preset and nothing else: `zagg run --plugin cryosat-2`.
//!
//! The granules are NetCDF-4, which is HDF5, so the source `hdf5-points` that every zagg has reads them; what there is to say
//! of the product is said in `pipeline.yaml`.

use zagg_core::registry::{Entry, Make};

zagg_core::export_plugin! {
    Entry {
        name: "cryosat-2",
        aliases: &[],
        description: "CryoSat-2 SIRAL level 2 heights at 20 Hz onto HEALPix",
        make: Make::Preset(include_str!("pipeline.yaml")),
    },
}
