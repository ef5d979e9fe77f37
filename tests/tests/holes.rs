//! Reads that fail: what could not be read is named, and everything else is as it would have been.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::OpenObject;
use zagg_core::store::StoreState;
use zagg_core::{Error, Result};
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::{Job, assert_same_tree, crossing, pipeline, preset, table, tree};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Fails,
    /// The last range comes back with a byte less.
    ShortRange,
    /// The last range does not come back.
    FewRanges,
    /// Every byte is zero.
    Zeros,
    Panics,
}

/// Lets one call fail, counted over all objects.
#[derive(Debug)]
struct FaultyOpener {
    inner: Arc<dyn OpenObject>,
    calls: Arc<AtomicU64>,
    at: u64,
    fault: Fault,
}

#[derive(Debug)]
struct FaultyReader {
    inner: Arc<dyn RangeReader>,
    calls: Arc<AtomicU64>,
    at: u64,
    fault: Fault,
}

impl OpenObject for FaultyOpener {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        let inner = self.inner.open(href)?;
        Ok(Arc::new(FaultyReader { inner, calls: Arc::clone(&self.calls), at: self.at, fault: self.fault }))
    }
}

impl RangeReader for FaultyReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn etag(&self) -> Option<&str> {
        self.inner.etag()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut answer = self.inner.read_ranges(ranges)?;
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return Ok(answer);
        }
        match self.fault {
            Fault::Fails => return Err(Error::io(format!("{}: injected failure", self.location()))),
            Fault::Panics => panic!("injected panic"),
            Fault::FewRanges => {
                answer.pop();
            }
            Fault::ShortRange => {
                if let Some(last) = answer.last_mut() {
                    last.truncate(last.len().saturating_sub(1));
                }
            }
            Fault::Zeros => answer = answer.iter().map(|bytes| Bytes::from(vec![0; bytes.len()])).collect(),
        }
        Ok(answer)
    }
}

fn faulty(job: &Job, at: u64, fault: Fault) -> (Job, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let opener = FaultyOpener { inner: Arc::clone(&job.opener), calls: Arc::clone(&calls), at, fault };
    (Job { opener: Arc::new(opener), ..job.clone() }, calls)
}

#[test]
fn whichever_read_fails_the_store_is_whole_or_says_what_it_lacks() {
    crate::support::faulty::quiet_panics();
    let mut job = Job::atl06(pipeline(&[preset()]), &crossing(12_000)[..2]);
    (job.options.workers, job.options.io_threads) = (1, 1);
    let (undisturbed, want) = job.run_on_disk(&LocalExecutor::default());
    let (counted, calls) = faulty(&job, u64::MAX, Fault::Fails);
    counted.run_in_memory();
    let calls = calls.load(Ordering::SeqCst);
    assert!(calls >= 8, "{calls} calls");
    for fault in [Fault::Fails, Fault::ShortRange, Fault::FewRanges, Fault::Zeros, Fault::Panics] {
        let mut incomplete = 0;
        for at in 0..calls {
            let what = format!("{fault:?} at call {at} of {calls}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out.zarr");
            let open = || Arc::new(ZarrStore::open_path(&path).unwrap());
            let summary = faulty(&job, at, fault).0.run(open()).unwrap();
            if summary.state == StoreState::Complete {
                // Zeros may be what they stand for, or stand for nothing that is needed.
                assert!(fault == Fault::Zeros || summary.rows_kept == undisturbed.rows_kept, "{what}");
                if fault != Fault::Zeros {
                    assert_same_tree(&tree(&path), &want, &what);
                }
                continue;
            }
            incomplete += 1;
            assert_eq!(summary.exit_code(), 3, "{what}");
            assert_eq!(summary.shards_failed, 0, "{what}: {:?}", summary.failures);
            assert!(!summary.holes.is_empty(), "{what}");
            let names: Vec<&str> = summary.holes.iter().map(|(hole, _)| hole.granule.as_str()).collect();
            assert!(names.iter().all(|name| *name == names[0]), "{what}: {names:?}");
            assert!(job.map.granules.iter().any(|granule| granule.id == names[0]), "{what}");
            assert!(summary.rows_kept <= undisturbed.rows_kept, "{what}");
            assert_eq!(table(&open()).total("count"), summary.rows_kept as f64, "{what}");
            let again = job.run(open()).unwrap();
            assert_eq!((again.state, again.holes.len()), (StoreState::Complete, 0), "{what}");
            assert_same_tree(&tree(&path), &want, &what);
        }
        // Metadata that did not come are asked for again.
        let least = if matches!(fault, Fault::Zeros | Fault::FewRanges) { 0 } else { calls / 2 };
        assert!(incomplete > least, "{fault:?}: {incomplete} of {calls}");
    }
}

#[test]
fn a_granule_that_is_gone_is_a_hole_in_every_shard_that_lists_it() {
    let specs = crossing(3000);
    let job = Job::atl06(pipeline(&[preset()]), &specs[..2]);
    let mut without = job.clone();
    let mut one = crate::support::Memory::default();
    let gone = &specs[0].name;
    let kept = &specs[1].name;
    one.0.insert(kept.clone(), zagg_atl06::synthetic::write_granule(&specs[1]).unwrap().into());
    without.opener = Arc::new(one);
    let (summary, store) = without.run_in_memory();
    let lists = |name: &str| {
        let number = job.map.granules.iter().position(|granule| granule.id == name).unwrap() as u32;
        job.map.shards.iter().filter(|shard| shard.granules.contains(&number)).count() as u64
    };
    assert_eq!((summary.state, summary.shards_incomplete), (StoreState::Incomplete, lists(gone)));
    let [(hole, shards)] = &summary.holes[..] else { panic!("{:?}", summary.holes) };
    assert_eq!((&hole.granule, &hole.part, *shards), (gone, &None, lists(gone)));
    let (alone, _) = Job::atl06(pipeline(&[preset()]), &specs[1..2]).run_in_memory();
    assert_eq!(summary.rows_kept, alone.rows_kept);
    assert_eq!(table(&store).total("count"), alone.rows_kept as f64);
}

#[test]
fn absent_beams_are_no_holes_and_absent_datasets_are() {
    let mut specs = crossing(3000);
    specs[0].without = vec!["gt1l/land_ice_segments".into(), "gt2l".into()];
    specs[1].without = vec!["gt3r/land_ice_segments/h_li".into()];
    let (summary, _) = Job::atl06(pipeline(&[preset()]), &specs[..2]).run_in_memory();
    assert_eq!(summary.state, StoreState::Incomplete);
    for (hole, _) in &summary.holes {
        assert_eq!((&hole.granule, hole.part.as_deref()), (&specs[1].name, Some("gt3r")));
        assert!(hole.reason.contains("/gt3r/land_ice_segments/h_li"), "{}", hole.reason);
    }
    specs[1].without.clear();
    let (summary, _) = Job::atl06(pipeline(&[preset()]), &specs[..2]).run_in_memory();
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0));
}
