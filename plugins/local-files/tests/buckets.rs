//! Granules in a bucket: found page by page, opened through the same access as granules are.

// Helpers of tests may fail like the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;
use std::time::Duration;

use zagg_access::{Access, Retries};
use zagg_core::catalog::{Catalog, ExactFootprint, Query, SearchContext};
use zagg_core::config::{SourceAccess, SourceCredentials};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{Driver, Granule};
use zagg_core::source::OpenObject;
use zagg_core::{ErrorKind, Result};
use zagg_local_files::LocalFiles;
use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::{Bucket, S3Server};

/// A program that reads of each granule the number of its only shard.
struct Program {
    access: Access,
    progress: Mutex<Vec<u64>>,
}

impl Program {
    fn of(server: &S3Server) -> Self {
        let options = SourceAccess {
            endpoint_url: Some(server.server.url()),
            path_style: true,
            region: None,
            credentials: SourceCredentials::Anonymous,
        };
        let retries = Retries {
            attempts: 3,
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(10),
            total: Duration::from_secs(20),
        };
        let access = Access::new(&options).unwrap().with_retries(retries);
        Self { access, progress: Mutex::default() }
    }
}

impl SearchContext for Program {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        let driver = if granule.file.is_some() { Driver::File } else { Driver::S3 };
        let reader = self.access.open(granule.href(driver)?)?;
        let bytes = reader.read_ranges(&[0..reader.size()])?.remove(0);
        let shard = String::from_utf8_lossy(&bytes).parse().unwrap();
        Ok(ExactFootprint { footprint: Footprint::Shards(vec![shard]), holes: Vec::new() })
    }

    fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        self.access.list(url)
    }

    fn progress(&self, done: u64, _total: Option<u64>, _what: &str) {
        self.progress.lock().unwrap().push(done);
    }

    fn warn(&self, message: &str) {
        panic!("the catalog warns: {message}");
    }
}

/// A public bucket with seven granules and what is none, listed two a page.
fn server() -> S3Server {
    let server = S3Server::start();
    let bucket = Bucket { region: "us-east-1".into(), page: 2, ..Bucket::default() };
    server.bucket_in("bucket", bucket, &[]);
    for key in [
        "2024/a.h5",
        "2024/b.h5",
        "2024/01/c.h5",
        "2024/01/d.nc",
        "2024/01/d.nc.xml",
        "2024/",
        "2024b/e.h5",
        "f.h5",
        "2023/a b.h5",
    ] {
        server.objects.put(&format!("/bucket/{key}"), key.len().to_string());
    }
    server
}

fn query(files: &[&str]) -> Query {
    Query { files: files.iter().map(|file| (*file).to_string()).collect(), ..Query::default() }
}

#[test]
fn a_prefix_is_a_folder_with_all_below_it() {
    let server = server();
    let found = |files: &[&str]| -> Vec<String> {
        let program = Program::of(&server);
        let found = LocalFiles.search(&query(files), &program).unwrap();
        assert!(found.incomplete.is_empty());
        assert_eq!(program.progress.lock().unwrap().len(), found.entries.len());
        for entry in &found.entries {
            let href = entry.granule.s3.as_ref().unwrap();
            let key = href.strip_prefix("s3://bucket/").unwrap();
            assert_eq!(entry.footprint, Footprint::Shards(vec![key.len() as u64]), "{href}");
            assert_eq!(entry.granule.size, Some(key.len().to_string().len() as u64));
            assert_eq!((entry.granule.file.as_ref(), entry.granule.https.as_ref()), (None, None));
        }
        found.entries.into_iter().map(|entry| entry.granule.id).collect()
    };
    assert_eq!(found(&["s3://bucket/2024"]), ["a.h5", "b.h5", "c.h5", "d.nc"]);
    assert_eq!(found(&["s3://bucket/2024/01/"]), ["c.h5", "d.nc"]);
    assert_eq!(found(&["s3://bucket"]), ["a b.h5", "a.h5", "b.h5", "c.h5", "d.nc", "e.h5", "f.h5"]);
    // No folder: what begins so.
    assert_eq!(found(&["s3://bucket/2024/01/c"]), ["c.h5"]);
    assert_eq!(found(&["s3://bucket/2024/*.h5", "s3://bucket/2024/a.h5"]), ["a.h5", "b.h5"]);
    assert_eq!(found(&["s3://bucket/20*/**/[a-c]*.h5"]), ["a b.h5", "a.h5", "b.h5", "c.h5"]);
}

#[test]
fn files_and_objects_go_together_and_names_are_unique() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let path = folder.path().join("b2.h5");
    std::fs::write(&path, "9").unwrap();
    let program = Program::of(&server);
    let both = query(&["s3://bucket/2024/*.h5", path.to_str().unwrap()]);
    let found = LocalFiles.search(&both, &program).unwrap();
    let ids: Vec<&str> = found.entries.iter().map(|entry| entry.granule.id.as_str()).collect();
    assert_eq!(ids, ["a.h5", "b.h5", "b2.h5"]);
    std::fs::rename(&path, folder.path().join("b.h5")).unwrap();
    let both = query(&["s3://bucket/2024/*.h5", folder.path().to_str().unwrap()]);
    let error = LocalFiles.search(&both, &program).unwrap_err();
    assert!(error.message().starts_with("two files have the name b.h5: "), "{error}");
    assert!(error.message().contains("s3://bucket/2024/b.h5"), "{error}");
}

#[test]
fn what_cannot_be_listed_or_read_is_told() {
    let server = server();
    let program = Program::of(&server);
    for (files, says) in [
        ("s3://bucket/2022", "no object there ends in .h5"),
        ("s3://bucket/2024/*.tif", "no object matches"),
        ("s3://bucket/[", "not a pattern"),
        ("s3://*/x", "a bucket has no wildcards"),
        ("s3://absent-bucket/x", "absent-bucket"),
        ("https://host/folder", "servers cannot be listed"),
    ] {
        let error = LocalFiles.search(&query(&[files]), &program).unwrap_err();
        assert!(error.message().contains(says), "{files}: {error}");
    }
    // A listing that fails for a while is had all the same; an object that cannot be read leaves the answer incomplete.
    server.objects.rule(Rule::new(Fault::Status(503)).path("/bucket/").times(1));
    server.objects.rule(Rule::new(Fault::Status(403)).path("/bucket/2024/b.h5"));
    let found = LocalFiles.search(&query(&["s3://bucket/2024"]), &program).unwrap();
    assert_eq!(found.entries.len(), 3);
    assert!(
        found.incomplete[0].starts_with("granule b.h5: s3://bucket/2024/b.h5: "),
        "{:?}",
        found.incomplete
    );
    // One page of the listing is missing: no smaller answer.
    server.objects.rule(Rule::new(Fault::Status(503)).path("/bucket").after(2));
    let error = LocalFiles.search(&query(&["s3://bucket/2024"]), &program).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary, "{error}");
}
