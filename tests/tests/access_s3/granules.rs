//! Whole granules from a bucket: the same store as from local bytes, and how many requests it takes.

use std::sync::Arc;

use zagg_access::Access;
use zagg_atl06::synthetic::{GranuleSpec, write_granule};
use zagg_core::config::SourceCredentials;
use zagg_core::granule::Driver;
use zagg_core::range_reader::FIRST_READ;
use zagg_core::store::StoreState;
use zagg_local::LocalExecutor;
use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::S3Server;

use super::{HASTY, options};
use crate::support::{Job, assert_same_tree, crossing, grid_of, pipeline, preset};

/// Puts granules into a public bucket, and has the job read them there.
fn from_bucket(job: &Job, specs: &[GranuleSpec]) -> (S3Server, Job) {
    let server = S3Server::start();
    server.bucket("granules", &[]);
    for spec in specs {
        server.objects.put(&format!("/granules/ATL06/{}", spec.name), write_granule(spec).unwrap());
    }
    let mut remote = job.clone();
    for granule in &mut remote.map.granules {
        granule.file = None;
        granule.s3 = Some(format!("s3://granules/ATL06/{}", granule.id));
    }
    remote.options.driver = Some(Driver::S3);
    let access = Access::new(&options(&server, SourceCredentials::Anonymous)).unwrap().with_retries(HASTY);
    remote.opener = Arc::new(access);
    (server, remote)
}

#[test]
fn a_run_from_a_bucket_writes_the_bytes_of_a_local_run() {
    let specs = crossing(12_000);
    let job = Job::atl06(pipeline(&[preset()]), &specs);
    let (_, want) = job.run_on_disk(&LocalExecutor::default());
    for (threads, fault) in [(1, None), (8, Some(Rule::new(Fault::Status(503)).after(2).times(5)))] {
        let (server, mut remote) = from_bucket(&job, &specs);
        (remote.options.io_threads, remote.options.workers) = (threads, 2);
        if let Some(rule) = fault {
            server.objects.rule(rule);
        }
        let (summary, got) = remote.run_on_disk(&LocalExecutor::default());
        assert_eq!(summary.state, StoreState::Complete);
        assert_same_tree(&got, &want, &format!("{threads} threads"));
    }
}

#[test]
fn a_granule_takes_few_requests() {
    let specs = [GranuleSpec { segments_per_beam: 60_000, ..crossing(1)[0].clone() }];
    let mut job = Job::atl06(pipeline(&[preset()]), &specs);
    (job.options.io_threads, job.options.workers) = (1, 1);
    let size = write_granule(&specs[0]).unwrap().len() as u64;
    assert!(size > 2 * FIRST_READ, "the granule must not be read whole by opening it: {size} bytes");
    let grid = grid_of(&job.pipeline);
    let label = |number: usize| grid.shard_label(grid.shard_from_key(job.map.shards[number].key).unwrap());
    // One shard, and all of them from one opened granule.
    for (shards, most) in [(vec![label(4)], 80), (Vec::new(), 150)] {
        let (server, mut remote) = from_bucket(&job, &specs);
        remote.options.shards = shards;
        let (summary, _) = remote.run_in_memory();
        assert_eq!(summary.shards_done, summary.shards);
        let log = server.server.log();
        let bytes: u64 = log.iter().map(|l| l.bytes).sum();
        let opened = log.iter().filter(|l| l.request.header("if-match").is_none()).count();
        say!(
            "granule of {} KiB in a bucket, shards {}: {} requests and {} KiB for {} ranges in {} round trips",
            size >> 10,
            summary.shards,
            log.len(),
            bytes >> 10,
            summary.traffic.requests,
            summary.traffic.round_trips,
        );
        assert_eq!(opened, 1, "opened once");
        // Six beams of two coordinates and five variables each lie far apart; their chunks lie side by side.
        assert!(log.len() <= most, "{} requests", log.len());
        assert!(
            log.len() as u64 <= summary.traffic.requests + 1,
            "{} requests for {:?}",
            log.len(),
            summary.traffic
        );
        assert!(bytes <= size, "{bytes} bytes of {size}");
    }
}
