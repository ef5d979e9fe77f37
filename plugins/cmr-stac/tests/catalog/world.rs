//! A server that answers like CMR and CMR-STAC, and what it knows.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use zagg_access::{PageLimits, Retries};
use zagg_cmr_stac::Cmr;
use zagg_core::catalog::{Catalog, ExactFootprint, Granules, Query, SearchContext};
use zagg_core::footprint::LonLat;
use zagg_core::granule::Granule;
use zagg_core::{Error, Result};
use zagg_tests::http_server::{Request, Response, Server};

/// One granule that the server knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) ring: Vec<LonLat>,
    pub(crate) start: String,
}

impl Record {
    pub(crate) fn concept(&self) -> String {
        let digest =
            self.id.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        format!("G{digest}-NSIDC_CPRD")
    }

    fn path(&self) -> String {
        // The archive adds to the names of some granules, not to those of their files.
        let (stem, _) = self.id.split_once(".h5").unwrap();
        format!("nsidc-cumulus-prod-protected/ATLAS/ATL03/007/{stem}.h5")
    }

    /// As an item of CMR-STAC.
    fn item(&self) -> Value {
        let (path, stem) = (self.path(), self.id.replace(".h5", ""));
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": self.id, "collection": "ATL03_007",
            "properties": {"datetime": self.start, "start_datetime": self.start, "end_datetime": self.start},
            "geometry": {"type": "Polygon", "coordinates": [self.ring]},
            "assets": {
                format!("gov/{path}"): {"href": format!("https://data.nsidc.earthdatacloud.nasa.gov/{path}"), "roles": ["data"]},
                format!("s3_s3://{stem}"): {"href": format!("s3://{path}"), "roles": ["data"]},
                "browse": {"href": format!("https://x/{stem}_BRW.h5"), "roles": ["browse"]},
            },
        })
    }

    /// As a granule of CMR.
    fn umm(&self) -> Value {
        let points: Vec<Value> =
            self.ring.iter().map(|p| json!({"Longitude": p[0], "Latitude": p[1]})).collect();
        let path = self.path();
        json!({
            "meta": {"concept-id": self.concept()},
            "umm": {
                "GranuleUR": self.id,
                "CollectionReference": {"ShortName": "ATL03", "Version": "007"},
                "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": self.start, "EndingDateTime": self.start}},
                "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}}},
                "DataGranule": {"ArchiveAndDistributionInformation": [{"Name": path.rsplit('/').next(), "SizeInBytes": 1234}]},
                "RelatedUrls": [
                    {"URL": format!("https://data.nsidc.earthdatacloud.nasa.gov/{path}"), "Type": "GET DATA"},
                    {"URL": format!("s3://{path}"), "Type": "GET DATA VIA DIRECT ACCESS"},
                    {"URL": "https://x/a.iso.xml", "Type": "EXTENDED METADATA"},
                ],
            },
        })
    }
}

/// Small squares along a parallel, one a day.
pub(crate) fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|number| {
            let lon = -175.0 + number as f64 * 350.0 / count as f64;
            let (day, track) = (1 + number % 28, 1 + number % 1387);
            Record {
                id: format!(
                    "ATL03_202401{day:02}{:06}_{track:04}{:02}02_007_01.h5",
                    number % 60,
                    21 + number % 3
                ),
                ring: vec![[lon, 10.0], [lon + 0.5, 10.0], [lon + 0.5, 10.5], [lon, 10.5], [lon, 10.0]],
                start: format!("2024-01-{day:02}T00:00:{:02}.000Z", number % 60),
            }
        })
        .enumerate()
        // No two have the same name.
        .map(|(number, record)| Record {
            id: record.id.replace("_007_01", &format!("_007_01_{number}")),
            ..record
        })
        .collect()
}

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// Whether it is CMR-STAC that is asked.
    pub(crate) is_stac: bool,
    /// Granules before this page.
    pub(crate) offset: usize,
    /// How often this page was asked for before, with this cursor.
    pub(crate) before: usize,
    /// The cursor, empty for the first page.
    pub(crate) cursor: String,
}

/// What becomes of a page before it is sent.
pub(crate) type Twist = Box<dyn Fn(&Asked, Value) -> std::result::Result<Value, Response> + Send + Sync>;

/// A server.
pub(crate) struct World {
    pub(crate) server: Server,
}

struct Service {
    records: Vec<Record>,
    direct_page: usize,
    twist: Twist,
    asked: Mutex<HashMap<(bool, String), usize>>,
}

impl World {
    /// A server without faults.
    pub(crate) fn new(records: Vec<Record>) -> Self {
        Self::with(records, Box::new(|_, page| Ok(page)))
    }

    /// A server with faults.
    pub(crate) fn with(records: Vec<Record>, twist: Twist) -> Self {
        let service = Service { records, direct_page: 130, twist, asked: Mutex::default() };
        Self { server: Server::start(move |request: &Request| service.answer(request)) }
    }

    /// Requests so far, as CMR-STAC's and CMR's.
    pub(crate) fn requests(&self) -> (usize, usize) {
        let log = self.server.log();
        let stac = log.iter().filter(|logged| logged.request.path.starts_with("/stac")).count();
        (stac, log.len() - stac)
    }
}

impl Service {
    fn answer(&self, request: &Request) -> Response {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        match request.path.as_str() {
            "/stac/NSIDC_CPRD/search" => {
                let question = match request.method.as_str() {
                    "POST" => serde_json::from_str(&body).unwrap(),
                    _ => parameters(&request.query),
                };
                let cursor = text(&question["cursor"]);
                self.stac(request, &question, &cursor)
            }
            "/search/granules.umm_json" => {
                let question = parameters(if body.is_empty() { &request.query } else { &body });
                let cursor = request.header("cmr-search-after").unwrap_or_default().to_string();
                self.direct(&question, &cursor)
            }
            _ => Response::new(404).with_body("application/json", "{\"errors\":[\"no such thing\"]}"),
        }
    }

    /// The granules with a vertex in the box that is asked for.
    fn matching(&self, question: &Value) -> Vec<&Record> {
        let edges: Vec<f64> = match question.get("bbox").or_else(|| question.get("bounding_box[]")) {
            Some(Value::Array(edges)) => edges.iter().map(|edge| edge.as_f64().unwrap()).collect(),
            Some(Value::String(edges)) => edges.split(',').map(|edge| edge.parse().unwrap()).collect(),
            _ => vec![-180.0, -90.0, 180.0, 90.0],
        };
        let [west, south, east, north] = edges[..] else { panic!("four edges") };
        assert!(west <= east, "CMR refuses {edges:?}");
        let within = |p: &LonLat| (west..=east).contains(&p[0]) && (south..=north).contains(&p[1]);
        self.records.iter().filter(|record| record.ring.iter().any(within)).collect()
    }

    fn asked(&self, is_stac: bool, key: &str, cursor: &str) -> Asked {
        let mut asked = self.asked.lock().unwrap();
        let count = asked.entry((is_stac, key.to_string())).or_default();
        *count += 1;
        let offset = cursor.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        Asked { is_stac, offset, before: *count - 1, cursor: cursor.to_string() }
    }

    fn stac(&self, request: &Request, question: &Value, cursor: &str) -> Response {
        let asked = self.asked(true, &format!("{}{cursor}", request.query), cursor);
        let found = self.matching(question);
        let page: Vec<&&Record> = found.iter().skip(asked.offset).take(100).collect();
        let next = format!("{}.{}", asked.offset + page.len(), asked.before);
        let host = request.header("host").unwrap();
        // As on the real server, the last page with a granule has a link as well.
        let mut links = vec![json!({"rel": "root", "href": format!("http://{host}/stac")})];
        if !page.is_empty() {
            let query: Vec<&str> = request
                .query
                .split('&')
                .filter(|pair| !pair.starts_with("cursor=") && !pair.is_empty())
                .collect();
            let href = format!("http://{host}{}?{}&cursor={next}", request.path, query.join("&"));
            links.push(json!({"rel": "next", "href": href}));
        }
        let page = json!({
            "type": "FeatureCollection", "stac_version": "1.1.0",
            "numberMatched": found.len(), "numberReturned": page.len(),
            "context": {"limit": 100, "matched": found.len(), "returned": page.len()},
            "features": page.iter().map(|record| record.item()).collect::<Vec<_>>(),
            "links": links,
        });
        match (self.twist)(&asked, page) {
            Ok(page) => Response::new(200).with_body("application/geo+json", page.to_string()),
            Err(response) => response,
        }
    }

    fn direct(&self, question: &Value, cursor: &str) -> Response {
        assert_eq!(
            (text(&question["short_name"]).as_str(), text(&question["page_size"]).as_str()),
            ("ATL03", "2000")
        );
        let plain = cursor.trim_matches(['[', ']', '"']);
        let asked = self.asked(false, &format!("{question}{cursor}"), plain);
        let found = self.matching(question);
        let page: Vec<&&Record> = found.iter().skip(asked.offset).take(self.direct_page).collect();
        let body = json!({
            "hits": found.len(), "took": 1, "items": page.iter().map(|record| record.umm()).collect::<Vec<_>>(),
        });
        match (self.twist)(&asked, body) {
            Ok(body) => {
                let hits = body["hits"].to_string();
                let mut response = Response::new(200)
                    .with_body(
                        "application/vnd.nasa.cmr.umm_results+json;version=1.6.6; charset=utf-8",
                        body.to_string(),
                    )
                    .with_header("CMR-Hits", &hits);
                if !page.is_empty() {
                    response = response
                        .with_header("CMR-Search-After", &format!("[\"{}\"]", asked.offset + page.len()));
                }
                response
            }
            Err(response) => response,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// The parameters of a query or a form.
pub(crate) fn parameters(query: &str) -> Value {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), Value::from(decoded(value)))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap() as u8;
        bytes.push(if byte == b'%' { digit() * 16 + digit() } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}

/// What the user sees.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) warnings: Mutex<Vec<String>>,
    pub(crate) progress: Mutex<Vec<(u64, Option<u64>, String)>>,
}

impl SearchContext for Watch {
    fn exact_footprint(&self, _granule: &Granule) -> Result<ExactFootprint> {
        Err(Error::unsupported("nothing is opened here"))
    }

    fn progress(&self, done: u64, total: Option<u64>, what: &str) {
        self.progress.lock().unwrap().push((done, total, what.to_string()));
    }

    fn warn(&self, message: &str) {
        self.warnings.lock().unwrap().push(message.to_string());
    }
}

impl Watch {
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }
}

/// Limits that do not keep a test waiting.
pub(crate) fn hasty() -> PageLimits {
    PageLimits {
        retries: Retries {
            attempts: 3,
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(1500),
            total: Duration::from_secs(20),
        },
        longest: 8 << 20,
        silence: Duration::from_secs(5),
        attempt: Duration::from_secs(10),
    }
}

pub(crate) fn query(server: &Server) -> Query {
    Query {
        short_name: Some("ATL03".into()),
        version: Some("007".into()),
        options: [("endpoint".to_string(), Value::from(server.url()))].into_iter().collect(),
        ..Query::default()
    }
}

/// Asks by CMR-STAC first.
pub(crate) fn by_stac(query: &Query) -> (Result<Granules>, Arc<Watch>) {
    let watch = Arc::new(Watch::default());
    (Cmr::stac().with_limits(hasty()).search(query, &*watch), watch)
}

/// Asks by CMR first.
pub(crate) fn by_cmr(query: &Query) -> (Result<Granules>, Arc<Watch>) {
    let watch = Arc::new(Watch::default());
    (Cmr::direct().with_limits(hasty()).search(query, &*watch), watch)
}

/// The ids, sorted.
pub(crate) fn ids(granules: &Granules) -> Vec<&str> {
    let mut ids: Vec<&str> = granules.entries.iter().map(|entry| entry.granule.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The ids of records, sorted.
pub(crate) fn ids_of(records: &[Record]) -> Vec<&str> {
    let mut ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// A file of real data; none, and said so, where it is not there.
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ZAGG_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join("cmr").join(name);
    if path.is_file() {
        return Some(path);
    }
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {} is not there; set ZAGG_TEST_DATA", path.display());
    None
}

/// Names and footprints of a stac-geoparquet file.
pub(crate) fn footprints(path: &PathBuf) -> Vec<Record> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut records = Vec::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let mut record = Record { id: String::new(), ring: Vec::new(), start: String::new() };
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("id", Field::Str(id)) => record.id = id.clone(),
                ("geometry", Field::Bytes(wkb)) => record.ring = ring(wkb.data()),
                _ => {}
            }
        }
        // ATL03_20181014084923_…
        let digits = record.id.split('_').nth(1).unwrap();
        let (date, clock) = digits.split_at(8);
        record.start = format!(
            "{}-{}-{}T{}:{}:{}.000Z",
            &date[..4],
            &date[4..6],
            &date[6..8],
            &clock[..2],
            &clock[2..4],
            &clock[4..6]
        );
        records.push(record);
    }
    records
}

/// The ring of a polygon in little-endian WKB.
fn ring(wkb: &[u8]) -> Vec<LonLat> {
    let word = |at: usize| u32::from_le_bytes(wkb[at..at + 4].try_into().unwrap());
    assert_eq!((wkb[0], word(1), word(5)), (1, 3, 1), "a little-endian polygon of one ring");
    let number = |at: usize| f64::from_le_bytes(wkb[at..at + 8].try_into().unwrap());
    (0..word(9) as usize).map(|i| [number(13 + 16 * i), number(21 + 16 * i)]).collect()
}
