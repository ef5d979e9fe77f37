//! Faults of a transfer, which no index keeps.

use std::sync::Arc;

use zagg_atl06::synthetic::GranuleSpec;
use zagg_core::{Error, ErrorKind};

use super::{Shelf, indexed, maker, remote, run, used};
use crate::support::crossing;

/// What drivers answer where a server refuses, has lost the object, or sends something else.
const FAULTS: [ErrorKind; 4] =
    [ErrorKind::Input, ErrorKind::NotFound, ErrorKind::Corrupt, ErrorKind::Temporary];

#[test]
fn no_index_keeps_a_fault_of_the_transfer() {
    // With a group to look for and a part that is missing in the granule itself.
    let without = vec!["gt1l/land_ice_segments/latitude".into(), "gt2r".into()];
    let spec = GranuleSpec { without, ..crossing(600)[0].clone() };
    let (mut job, archive) = remote(std::slice::from_ref(&spec));
    (job.options.workers, job.options.io_threads) = (1, 1);
    let sound = super::filled(&job).objects();
    let calls = archive.calls().len();
    assert!(calls >= 2, "{calls} calls");
    for kind in FAULTS {
        for at in 0..calls {
            let what = format!("{kind:?} at call {at}");
            let fault = || Error::new(kind, "the server refuses");
            let shelf = Arc::new(Shelf::default());
            archive.fail_after(at, fault());
            let error = maker(&job, &shelf).make(&job.map.granules[0], false).unwrap_err();
            assert!(error.message().contains("the server refuses"), "{what}: {error}");
            assert!(shelf.objects().is_empty(), "{what}");
            // A run that is disturbed writes the index of the granule as it is, or none.
            archive.fail_after(at, fault());
            let (got, _) = run(&indexed(&job, &shelf, "build"));
            assert!(used(&got).written <= 1, "{what}");
            assert!(shelf.objects().is_empty() || shelf.objects() == sound, "{what}");
        }
    }
}
