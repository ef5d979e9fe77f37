//! ICESat-2 ATL06 land-ice heights: the source and product knowledge.
//!
//! The source is [`hdf5-points`](zagg_hdf5_points) with what every ATL06 granule has: six beams with their segments, and
//! where the coordinates are. A pipeline that says `reader: atl06` may leave `groups` and `coordinates` out.

#[cfg(feature = "synthetic")]
pub mod synthetic;

use std::sync::Arc;

use serde_json::{Value, json};
use zagg_core::Result;
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Entry, Make};
use zagg_core::source::{ColumnSpec, OpenGranule, PointSource, SourceOptions};
use zagg_hdf5_points::Hdf5Points;

/// The beams of a granule: three pairs, left and right.
pub const BEAMS: [&str; 6] = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"];

zagg_core::export_plugin! {
    Entry {
        name: "atl06",
        aliases: &[],
        description: "ICESat-2 ATL06 land-ice heights, segments of six beams",
        make: Make::Source(|options| Ok(Box::new(Atl06::new(options)?))),
    },
}

/// The source.
#[derive(Debug)]
pub struct Atl06 {
    points: Hdf5Points,
}

impl Atl06 {
    /// The source of a section `data_source`.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn new(section: &SourceOptions) -> Result<Self> {
        let mut section = section.clone();
        let defaults = [
            ("groups", json!(BEAMS)),
            (
                "coordinates",
                json!({
                    "latitude": "/{group}/land_ice_segments/latitude",
                    "longitude": "/{group}/land_ice_segments/longitude",
                }),
            ),
        ];
        for (key, value) in defaults {
            if section.get(key).is_none_or(Value::is_null) {
                section.insert(key.into(), value);
            }
        }
        Ok(Self { points: Hdf5Points::new(&section)? })
    }
}

impl PointSource for Atl06 {
    fn columns(&self) -> &[ColumnSpec] {
        self.points.columns()
    }

    fn open(&self, granule: &Granule, reader: Arc<dyn RangeReader>) -> Result<Box<dyn OpenGranule>> {
        self.points.open(granule, reader)
    }

    fn index_key(&self) -> Option<String> {
        self.points.index_key()
    }

    fn open_indexed(
        &self,
        granule: &Granule,
        reader: Arc<dyn RangeReader>,
        index: &Value,
    ) -> Result<Box<dyn OpenGranule>> {
        self.points.open_indexed(granule, reader, index)
    }
}
