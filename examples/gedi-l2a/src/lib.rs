//! GEDI L2A canopy heights as a plugin with code: the source and the preset `gedi-l2a`.

pub mod source;

use zagg_core::registry::{Entry, Make};

zagg_core::export_plugin! {
    Entry {
        name: "gedi-l2a",
        aliases: &[],
        description: "GEDI L2A footprints of eight beams, with the product's names for its datasets",
        make: Make::Source(|options| Ok(Box::new(source::Source::new(options)?))),
    },
    Entry {
        name: "gedi-l2a",
        aliases: &[],
        description: "GEDI L2A canopy heights and ground elevation onto HEALPix",
        make: Make::Preset(include_str!("pipeline.yaml")),
    },
}
