//! Whole runs over HTTPS with a login, beside the same run on local files.

use std::sync::Arc;
use std::time::Duration;

use zagg_access::{Access, Archive, Earthdata, Environment, Hosts, Retries};
use zagg_atl06::synthetic::write_granule;
use zagg_core::granule::Driver;
use zagg_core::source::OpenObject;
use zagg_local::LocalExecutor;
use zagg_tests::earthdata_server::EarthdataServer;
use zagg_tests::http_server::{End, Fault, Rule};

use crate::support::{Job, assert_same_tree, crossing, pipeline, preset};

/// Granules at the archive, and the job that reads them there.
fn at_the_archive(local: &Job, server: &EarthdataServer, granules: &[(String, Vec<u8>)]) -> Job {
    for (name, bytes) in granules {
        server.objects.put(&format!("/nsidc-cumulus-prod-protected/ATLAS/{name}"), bytes.clone());
    }
    let archive = Archive::new("nsidc", "NSIDC", &server.s3_credentials(), &["nsidc-cumulus-*"]);
    let hosts = Hosts::stand_in(&server.login.url(), vec![archive]).unwrap();
    let token = server.token();
    let environment =
        Environment::from_variables(|name| (name == "EARTHDATA_TOKEN").then(|| token.clone().into()));
    let first_pause = Duration::from_millis(5);
    let earthdata =
        Earthdata::with_retries(environment, hosts, Retries { first_pause, ..Retries::default() }).unwrap();
    let mut job = local.clone();
    job.opener = Arc::new(Access::default().with_earthdata(earthdata)) as Arc<dyn OpenObject>;
    job.options.driver = Some(Driver::Https);
    job.options.io_threads = 8;
    for granule in &mut job.map.granules {
        granule.https = Some(server.href(&format!("/nsidc-cumulus-prod-protected/ATLAS/{}", granule.id)));
        granule.file = None;
    }
    job
}

#[test]
fn a_run_over_https_gives_the_bytes_of_a_local_run() {
    let specs = crossing(12_000);
    let granules: Vec<(String, Vec<u8>)> =
        specs.iter().map(|spec| (spec.name.clone(), write_granule(spec).unwrap())).collect();
    let local = Job::atl06(pipeline(&[preset()]), &specs);
    let (want_summary, want) = local.run_on_disk(&LocalExecutor::default());
    let server = EarthdataServer::start();
    let remote = at_the_archive(&local, &server, &granules);

    let (summary, got) = remote.run_on_disk(&LocalExecutor::default());
    assert_same_tree(&got, &want, "over https");
    assert!(want_summary.rows_kept > 0);
    assert_eq!((summary.shards_done, summary.rows_kept), (want_summary.shards_done, want_summary.rows_kept));
    assert_eq!(server.data.log().len(), granules.len(), "one redirect per granule");
    assert_eq!(server.asked(), (0, 0), "the token of the environment is used as it is");

    // The same through a bad network: every fifth answer or so fails in one way or another, and signatures expire.
    for fault in [Fault::Status(503), Fault::Torn, Fault::Cut(1000, End::Close), Fault::Cut(0, End::Reset)] {
        for number in 0..4 {
            server.objects.rule(Rule::new(fault.clone()).after(3 + number * 11).times(1));
        }
    }
    server.expire_signatures();
    let (_, got) = at_the_archive(&local, &server, &granules).run_on_disk(&LocalExecutor::default());
    assert_same_tree(&got, &want, "over a bad network");
    let failed =
        server.signed.log().iter().filter(|logged| logged.status == 0 || logged.status == 503).count();
    assert!(failed >= 4, "{failed} failures were injected");
}
