//! Granules and indexes in buckets, over HTTP.

use std::sync::Arc;

use zagg_access::{Access, StoreChain};
use zagg_atl06::synthetic::{GranuleSpec, write_granule};
use zagg_core::config::{SourceAccess, SourceCredentials, StoreAccess};
use zagg_core::granule::Driver;
use zagg_local::LocalExecutor;
use zagg_tests::s3_server::{Account, S3Server};

use super::{indexed_pipeline, told, used};
use crate::support::{Job, assert_same_tree, crossing, grid_of, pipeline, preset};

/// A server with a public bucket of granules and a bucket of the user's own for indexes, and the job that uses both.
fn in_buckets(job: &Job, specs: &[GranuleSpec], on_miss: &str) -> (S3Server, Job) {
    let server = S3Server::start();
    server.bucket("granules", &[]);
    let owner = Account::new("owner");
    server.bucket("own", &[&owner]);
    for spec in specs {
        server.objects.put(&format!("/granules/ATL06/{}", spec.name), write_granule(spec).unwrap());
    }
    let keys = serde_json::json!({"accessKeyId": owner.key_id, "secretAccessKey": owner.secret});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys.to_string()).unwrap();
    let access = StoreAccess { region: None, endpoint_url: Some(server.server.url()) };
    let chain = StoreChain::new(&access, Some(file.path())).unwrap();

    let mut remote = Job { pipeline: indexed_pipeline(on_miss), ..job.clone() };
    for granule in &mut remote.map.granules {
        granule.file = None;
        granule.s3 = Some(format!("s3://granules/ATL06/{}", granule.id));
    }
    remote.options.driver = Some(Driver::S3);
    remote.options.index = Some(chain.index_store("s3://own/idx").unwrap());
    let options = SourceAccess {
        endpoint_url: Some(server.server.url()),
        path_style: true,
        region: None,
        credentials: SourceCredentials::Anonymous,
    };
    remote.opener = Arc::new(Access::new(&options).unwrap());
    (server, remote)
}

fn with(job: &Job, on_miss: &str) -> Job {
    Job { pipeline: indexed_pipeline(on_miss), ..job.clone() }
}

#[test]
fn an_index_in_a_bucket_leaves_two_round_trips() {
    let specs = [GranuleSpec { segments_per_beam: 60_000, ..crossing(1)[0].clone() }];
    let local = Job::atl06(pipeline(&[preset()]), &specs);
    let (want, tree) = local.run_on_disk(&LocalExecutor::default());
    let (server, job) = in_buckets(&local, &specs, "build");
    let (built, files) = job.run_on_disk(&LocalExecutor::default());
    assert_same_tree(&files, &tree, "built");
    assert_eq!((told(&built), used(&built).written), (told(&want), 1));
    let (again, files) = with(&job, "error").run_on_disk(&LocalExecutor::default());
    assert_same_tree(&files, &tree, "used");
    assert_eq!((told(&again), used(&again).used), (told(&want), 1));

    // One shard in the middle of the track, by a program that has seen nothing before.
    let grid = grid_of(&job.pipeline);
    let mut one = with(&job, "error");
    let key = one.map.shards[one.map.shards.len() / 2].key;
    one.options.shards = vec![grid.shard_label(grid.shard_from_key(key).unwrap())];
    server.server.take_log();
    let (summary, _) = one.run_in_memory();
    let log = server.server.take_log();
    assert_eq!((summary.shards_done, summary.traffic.round_trips), (1, 2));
    let (first, rest) = log.split_first().unwrap();
    assert!(first.request.path.starts_with("/own/idx/"), "{}", first.request.path);
    assert!(rest.iter().all(|l| l.request.path.starts_with("/granules/ATL06/")));
    // No request to find out about the object: each asks for the version that was indexed.
    assert!(
        !rest.is_empty() && rest.iter().all(|l| l.status == 206 && l.request.header("if-match").is_some())
    );
    let sent: u64 = log.iter().map(|l| l.bytes).sum();
    say!(
        "one shard of an indexed granule in a bucket: {} requests, {sent} bytes for {:?}",
        log.len(),
        summary.traffic
    );
}

#[test]
fn an_object_of_the_bucket_that_was_replaced_is_read_anew() {
    let specs = crossing(3000);
    let local = Job::atl06(pipeline(&[preset()]), &specs);
    let (server, job) = in_buckets(&local, &specs, "build");
    job.run_in_memory();
    let other = GranuleSpec { seed: 99, ..specs[0].clone() };
    server.objects.put(&format!("/granules/ATL06/{}", specs[0].name), write_granule(&other).unwrap());
    let replaced = Job::atl06(pipeline(&[preset()]), &[other, specs[1].clone(), specs[2].clone()]);
    let (want, tree) = Job { map: local.map, ..replaced }.run_on_disk(&LocalExecutor::default());
    let (got, files) = with(&job, "read").run_on_disk(&LocalExecutor::default());
    assert_same_tree(&files, &tree, "replaced");
    assert_eq!(told(&got), told(&want));
    assert_eq!((used(&got).used, used(&got).missed), (2, 1));
    let (got, _) = with(&job, "error").run_in_memory();
    assert!(got.holes.iter().all(|(hole, _)| hole.granule == specs[0].name) && !got.holes.is_empty());
}
