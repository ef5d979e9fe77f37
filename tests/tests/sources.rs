//! Every source passes the conformance suite.

use std::sync::Arc;

use zagg_atl06::synthetic::write_granule;
use zagg_core::conformance;
use zagg_core::granule::Granule;
use zagg_core::range_reader::{MemoryReader, RangeReader};

use crate::support::{crossing, pipeline, preset, registry};

#[test]
fn sources_of_hdf5_conform() {
    let spec = crossing(300).remove(0);
    let bytes = write_granule(&spec).unwrap();
    let granule = Granule { id: spec.name.clone(), ..Granule::default() };
    for reader in ["atl06", "hdf5-points"] {
        let pipeline = pipeline(&[preset(), &format!("data_source: {{reader: {reader}}}")]);
        let source = registry().source(reader, &pipeline.data_source.options).unwrap();
        let object: Arc<dyn RangeReader> = Arc::new(MemoryReader::new(&spec.name, bytes.clone()));
        assert_eq!(conformance::source(&*source, &granule, &object), Ok(()), "{reader}");
    }
}
