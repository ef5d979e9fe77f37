//! The same source with the C library as reader.

use zagg_core::registry::{Entry, Make};

use crate::{Hdf5Points, Reader};

zagg_core::export_plugin! {
    Entry {
        name: "hdf5-native",
        aliases: &[],
        description: "as hdf5-points, with local files read by the C library",
        make: Make::Source(|options| Ok(Box::new(Hdf5Points::with(Reader::Native, options)?))),
    },
}
