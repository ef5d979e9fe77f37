//! Stores in buckets: the same objects as on disk, whatever the server does, and nobody else's are touched.

mod faults;
mod locks;
mod objects;
mod resume;
mod runs;

use std::time::Duration;

use zagg_access::{BucketFolder, Retries, StoreChain};
use zagg_core::config::StoreAccess;
use zagg_tests::s3_server::{Account, Bucket, S3Server};
use zagg_zarr::ZarrStore;

/// Retries that do not keep a test waiting.
const HASTY: Retries = Retries {
    attempts: 5,
    first_pause: Duration::from_millis(2),
    longest_pause: Duration::from_millis(10),
    total: Duration::from_secs(20),
};

const PLACE: &str = "s3://own-bucket/stores/out.zarr";

/// A server with a bucket of its owner's, and the owner's chain of credentials.
struct World {
    server: S3Server,
    keys: tempfile::NamedTempFile,
}

impl World {
    fn new() -> Self {
        Self::with(Bucket { region: "us-east-1".into(), ..Bucket::default() })
    }

    fn with(bucket: Bucket) -> Self {
        let owner = Account::new("owner").session("tok/en+==");
        let server = S3Server::start();
        server.bucket_in("own-bucket", bucket, &[&owner]);
        Self { server, keys: key_file(&owner) }
    }

    fn chain(&self) -> StoreChain {
        self.chain_of(&self.keys)
    }

    fn chain_of(&self, keys: &tempfile::NamedTempFile) -> StoreChain {
        let access = StoreAccess { region: None, endpoint_url: Some(self.server.server.url()) };
        StoreChain::new(&access, Some(keys.path())).unwrap().with_retries(HASTY)
    }

    /// Another handle on the store at [`PLACE`], as another process would have.
    fn store(&self) -> ZarrStore {
        ZarrStore::open_with(PLACE, &self.chain()).unwrap()
    }

    fn folder(&self) -> BucketFolder {
        self.chain().bucket_folder(PLACE).unwrap()
    }

    /// Names of the objects below the store, or beside it with `.zagg/` as a prefix.
    fn names(&self, below: &str) -> Vec<String> {
        let root = format!("/own-bucket/stores/out.zarr{below}");
        let paths = self.server.objects.paths(&root);
        paths.iter().filter_map(|path| path.strip_prefix(&root).map(str::to_string)).collect()
    }

    fn put(&self, below: &str, bytes: &[u8]) {
        self.server.objects.put(&format!("/own-bucket/stores/out.zarr{below}"), bytes);
    }

    fn get(&self, below: &str) -> Option<Vec<u8>> {
        self.server.objects.get(&format!("/own-bucket/stores/out.zarr{below}"))
    }
}

/// A file of keys.
fn key_file(account: &Account) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let json = serde_json::json!({
        "accessKeyId": account.key_id, "secretAccessKey": account.secret, "sessionToken": account.token,
    });
    std::fs::write(file.path(), json.to_string()).unwrap();
    file
}
