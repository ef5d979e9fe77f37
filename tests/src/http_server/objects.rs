//! Objects in memory and files of folders, with byte ranges, ETags and injected faults.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use super::{End, Handler, Request, Response, Server, lock};

/// A way in which an answer goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The first byte comes later.
    Latency(Duration),
    /// Bytes of the body a second.
    Pace(u64),
    /// Another status, without the object.
    Status(u16),
    /// Another status, with a `Retry-After`.
    RetryAfter(u16, String),
    /// Only so many bytes of the body, then the connection ends as said.
    Cut(usize, End),
    /// The connection is reset instead of an answer.
    Torn,
    /// The range is ignored: 200 and the whole object.
    Whole,
    /// This `Content-Range` in the place of the right one.
    ContentRange(String),
    /// This `ETag` in the place of the right one; none when empty.
    ETag(String),
    /// Another status with a body of a type.
    Answer(u16, String, String),
    /// A page of HTML with status 200 in the place of the object.
    Html(String),
}

/// When a fault strikes.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    path: Option<String>,
    skip: usize,
    times: usize,
}

impl Rule {
    /// A fault of every request.
    pub fn new(fault: Fault) -> Self {
        Self { fault, path: None, skip: 0, times: usize::MAX }
    }

    /// Only of requests for this path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_string());
        self
    }

    /// Only from the request of this number on, counted from 0 among those that the rule is about.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Whether it strikes now; counts the request.
    fn strikes(&mut self, request: &Request) -> bool {
        if self.path.as_ref().is_some_and(|path| *path != request.path) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times == 0 {
            return false;
        }
        self.times -= 1;
        true
    }
}

/// Objects under paths, with rules for faults. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Objects(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    memory: HashMap<String, (Arc<[u8]>, String)>,
    folder: Option<PathBuf>,
    rules: Vec<Rule>,
}

/// Where the bytes of an object come from.
enum Object {
    Memory(Arc<[u8]>, String),
    File(PathBuf, u64, String),
}

impl Objects {
    /// Puts an object in memory under a path that starts with a slash, in the place of one that was there.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let object = labelled(bytes.into());
        lock(&self.0).memory.insert(path.to_string(), object);
    }

    /// Puts an object in memory if there is none under the path, and says whether it did.
    pub fn put_new(&self, path: &str, bytes: impl Into<Vec<u8>>) -> bool {
        let object = labelled(bytes.into());
        match lock(&self.0).memory.entry(path.to_string()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(object);
                true
            }
        }
    }

    /// Takes an object in memory away.
    pub fn remove(&self, path: &str) {
        lock(&self.0).memory.remove(path);
    }

    /// The bytes of an object in memory.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        lock(&self.0).memory.get(path).map(|(bytes, _)| bytes.to_vec())
    }

    /// Paths of the objects in memory that begin with `prefix`, ascending.
    pub fn paths(&self, prefix: &str) -> Vec<String> {
        let mut paths: Vec<String> =
            lock(&self.0).memory.keys().filter(|path| path.starts_with(prefix)).cloned().collect();
        paths.sort_unstable();
        paths
    }

    /// Serves the files of a folder, too.
    pub fn folder(&self, folder: impl Into<PathBuf>) {
        lock(&self.0).folder = Some(folder.into());
    }

    /// Adds a rule. All rules that strike apply, in the order added.
    pub fn rule(&self, rule: Rule) {
        lock(&self.0).rules.push(rule);
    }

    /// Forgets all rules.
    pub fn clear_rules(&self) {
        lock(&self.0).rules.clear();
    }

    fn find(&self, path: &str) -> Option<Object> {
        let content = lock(&self.0);
        if let Some((bytes, etag)) = content.memory.get(path) {
            return Some(Object::Memory(Arc::clone(bytes), etag.clone()));
        }
        let relative = Path::new(path.strip_prefix('/')?);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let file = content.folder.as_ref()?.join(relative);
        let metadata = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file)?;
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let etag = format!("\"{:x}-{:x}\"", metadata.len(), changed.as_nanos());
        Some(Object::File(file, metadata.len(), etag))
    }

    fn faults(&self, request: &Request) -> Vec<Fault> {
        let mut content = lock(&self.0);
        let striking =
            content.rules.iter_mut().filter_map(|rule| rule.strikes(request).then(|| rule.fault.clone()));
        striking.collect()
    }
}

/// Bytes with their ETag.
fn labelled(bytes: Vec<u8>) -> (Arc<[u8]>, String) {
    let bytes: Arc<[u8]> = bytes.into();
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    (bytes, format!("\"{:016x}\"", hasher.finish()))
}

impl Object {
    fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes, _) => bytes.len() as u64,
            Self::File(_, size, _) => *size,
        }
    }

    fn etag(&self) -> &str {
        match self {
            Self::Memory(_, etag) | Self::File(_, _, etag) => etag,
        }
    }

    fn bytes(&self, range: &Range<u64>) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes, _) => Ok(bytes[range.start as usize..range.end as usize].to_vec()),
            Self::File(path, ..) => {
                let mut file = std::fs::File::open(path)?;
                file.seek(SeekFrom::Start(range.start))?;
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    fn answer(&self, request: &Request, whole: bool) -> std::io::Result<Response> {
        const TYPE: &str = "application/octet-stream";
        let (size, etag) = (self.size(), self.etag());
        let labelled =
            |response: Response| response.with_header("ETag", etag).with_header("Accept-Ranges", "bytes");
        if request.header("if-match").is_some_and(|tags| !lists(tags, etag)) {
            return Ok(labelled(Response::new(412)));
        }
        if request.header("if-none-match").is_some_and(|tags| lists(tags, etag)) {
            return Ok(labelled(Response::new(304)));
        }
        let range = request.header("range").filter(|_| !whole).and_then(parse_range);
        Ok(labelled(match range.map(|range| range.within(size)) {
            None => Response::new(200).with_body(TYPE, self.bytes(&(0..size))?),
            Some(None) => Response::new(416).with_header("Content-Range", &format!("bytes */{size}")),
            Some(Some(range)) => Response::new(206)
                .with_header("Content-Range", &format!("bytes {}-{}/{size}", range.start, range.end - 1))
                .with_body(TYPE, self.bytes(&range)?),
        }))
    }
}

impl Handler for Objects {
    fn answer(&self, request: &Request) -> Response {
        let faults = self.faults(request);
        let whole = faults.contains(&Fault::Whole);
        let mut response = match (request.method.as_str(), self.find(&request.path)) {
            ("GET" | "HEAD", Some(object)) => {
                object.answer(request, whole).unwrap_or_else(|_| Response::new(500))
            }
            ("GET" | "HEAD", None) => Response::new(404),
            _ => Response::new(405).with_header("Allow", "GET, HEAD"),
        };
        for fault in faults {
            response = match fault {
                Fault::Latency(latency) => response.after(latency),
                Fault::Pace(bytes_per_second) => response.at_pace(bytes_per_second),
                Fault::Status(status) => Response::new(status),
                Fault::RetryAfter(status, after) => Response::new(status).with_header("Retry-After", &after),
                Fault::Cut(bytes, end) => response.cut_after(bytes, end),
                Fault::Torn => Response::torn(),
                Fault::Whole => response,
                Fault::ContentRange(text) => response.set_header("Content-Range", &text),
                Fault::ETag(etag) if etag.is_empty() => response.without_header("ETag"),
                Fault::ETag(etag) => response.set_header("ETag", &etag),
                Fault::Answer(status, kind, body) => Response::new(status).with_body(&kind, body),
                Fault::Html(page) => Response::new(200).with_body("text/html; charset=utf-8", page),
            };
        }
        response
    }
}

/// Whether a list of ETags names one, by strong comparison.
fn lists(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}

/// A range as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    From(u64),
    FromTo(u64, u64),
    Last(u64),
}

impl Wanted {
    /// The bytes of an object of this size; none when there are none of them.
    fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(start) => start..size,
            Self::FromTo(start, last) => start..size.min(last.saturating_add(1)),
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

/// The range of a `Range` header; none for forms that a server may ignore (RFC 9110, section 14.2).
fn parse_range(text: &str) -> Option<Wanted> {
    let (start, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    match (start, last) {
        ("", last) => last.parse().ok().map(Wanted::Last),
        (start, "") => start.parse().ok().map(Wanted::From),
        (start, last) => {
            let (start, last) = (start.parse().ok()?, last.parse().ok()?);
            (start <= last).then_some(Wanted::FromTo(start, last))
        }
    }
}

/// A server of objects.
#[derive(Debug)]
pub struct ObjectServer {
    /// What it serves, to be changed while it runs.
    pub objects: Objects,
    /// The server.
    pub server: Server,
}

impl ObjectServer {
    /// Starts a server without objects on a free port of loopback.
    pub fn start() -> Self {
        let objects = Objects::default();
        let server = Server::start(objects.clone());
        Self { objects, server }
    }

    /// Starts a server with one object and gives its URL, too.
    pub fn with(path: &str, bytes: impl Into<Vec<u8>>) -> (Self, String) {
        let server = Self::start();
        server.objects.put(path, bytes);
        let url = format!("{}{path}", server.server.url());
        (server, url)
    }
}
