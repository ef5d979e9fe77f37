//! A web server on this machine that answers as NASA's catalogs do, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// One question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path without the query.
    pub(crate) path: String,
    /// Names and values of the query, decoded, in their order.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    /// A value of the query or of a JSON or form body.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let in_query = self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let in_body = || match serde_json::from_str::<Value>(&self.body).ok()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
                let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_string);
                Some(items.iter().map(text).collect::<Vec<_>>().join(","))
            }
            other => Some(other.to_string()),
        };
        let in_form = || pairs(&self.body).into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
        in_query.or_else(in_body).or_else(in_form)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: value.to_string().into_bytes(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"{\"errors\":[\"no\"]}".to_vec() }
    }
}

/// A server that lives as long as the test process.
pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<dyn Fn(&Asked) -> Answer + Send + Sync>,
}

impl Server {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let own: Arc<dyn Fn(&Asked) -> Answer + Send + Sync> = Arc::new(answer);
        let (remember, answer) = (asked.clone(), own.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (remember, answer) = (remember.clone(), answer.clone());
                thread::spawn(move || {
                    let Some(question) = read(&stream) else { return };
                    remember.lock().unwrap().push(question.clone());
                    write(&stream, &answer(&question));
                });
            }
        });
        Self { address, asked, answer: own }
    }

    /// A server of granules, in pages of so many, as both catalogs: STAC below `/stac`, CMR itself below `/search`. It does
    /// not look at the place and the time asked for.
    pub(crate) fn of_granules(granules: Vec<Value>, per_page: usize) -> Self {
        Self::new(move |asked| {
            if asked.path.ends_with("granules.umm_json") {
                umm_page(asked, &granules, per_page)
            } else if asked.path.ends_with("/search") {
                stac_page(asked, &granules, per_page)
            } else {
                Answer::status(404)
            }
        })
    }

    /// What this server answers to a question that another one got.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        (self.answer)(asked)
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A granule as the pages tell it: name, start and end, and the rings of its polygons, of which each is one.
pub(crate) fn granule(id: &str, start: &str, end: &str, rings: &[Vec<[f64; 2]>]) -> Value {
    json!({"id": id, "start": start, "end": end, "rings": rings})
}

fn stac_page(asked: &Asked, granules: &[Value], per_page: usize) -> Answer {
    let at: usize = asked.value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let page: Vec<Value> = granules.iter().skip(at).take(per_page).map(item).collect();
    let mut links = vec![json!({"rel": "self", "href": "ignored"})];
    let next = at + page.len();
    if next < granules.len() {
        let host = asked.header("host").unwrap();
        let query: Vec<String> = asked
            .query
            .iter()
            .filter(|(name, _)| name != "cursor")
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let href = format!("http://{host}{}?{}&cursor={next}", asked.path, query.join("&"));
        links.push(json!({"rel": "next", "method": "GET", "href": href}));
    }
    Answer::json(&json!({
        "type": "FeatureCollection",
        "stac_version": "1.1.0",
        "numberMatched": granules.len(),
        "numberReturned": page.len(),
        "context": {"returned": page.len(), "limit": per_page, "matched": granules.len()},
        "features": page,
        "links": links,
    }))
}

fn item(granule: &Value) -> Value {
    let id = granule["id"].as_str().unwrap();
    let (folder, file) = (format!("protected/ATLAS/{}", &id[..5]), file_of(id));
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": id,
        "collection": format!("{}_007", &id[..5]),
        "geometry": {"type": "Polygon", "coordinates": granule["rings"]},
        "properties": {
            "datetime": granule["start"], "start_datetime": granule["start"], "end_datetime": granule["end"],
        },
        "assets": {
            "gov/x": {"href": format!("https://data.example.gov/{folder}/{file}"), "roles": ["data"]},
            "s3_x": {"href": format!("s3://nsidc-{folder}/{file}"), "roles": ["data"]},
            "metadata": {"href": format!("https://cmr.example.gov/{id}.xml"), "roles": ["metadata"]},
        },
        "links": [],
    })
}

/// The file of a granule. Names of granules that were catalogued twice have more behind it, as `….h5_dpyQXxz6`.
fn file_of(id: &str) -> String {
    let stem = id.split(".h5").next().unwrap();
    format!("{stem}.h5")
}

fn umm_page(asked: &Asked, granules: &[Value], per_page: usize) -> Answer {
    let at: usize = asked
        .header("cmr-search-after")
        .map_or(0, |text| text.trim_matches(['[', ']', '"']).parse().unwrap());
    let page: Vec<Value> = granules.iter().skip(at).take(per_page).map(umm).collect();
    let next = at + page.len();
    let mut answer = Answer::json(&json!({"hits": granules.len(), "took": 1, "items": page}));
    answer.headers.push(("CMR-Hits".into(), granules.len().to_string()));
    // The page with the last granule has it as well, as NASA's.
    if next > at {
        answer.headers.push(("CMR-Search-After".into(), format!("[\"{next}\"]")));
    }
    answer
}

fn umm(granule: &Value) -> Value {
    let id = granule["id"].as_str().unwrap();
    let (folder, file) = (format!("protected/ATLAS/{}", &id[..5]), file_of(id));
    let points = |ring: &Value| -> Vec<Value> {
        let place = |point: &Value| json!({"Longitude": point[0], "Latitude": point[1]});
        ring.as_array().unwrap().iter().map(place).collect()
    };
    let polygons: Vec<Value> = granule["rings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ring| json!({"Boundary": {"Points": points(ring)}}))
        .collect();
    json!({
        "meta": {"concept-type": "granule", "concept-id": format!("G-{id}"), "native-id": id, "provider-id": "NSIDC_CPRD"},
        "umm": {
            "GranuleUR": id,
            "CollectionReference": {"ShortName": &id[..5], "Version": "007"},
            "TemporalExtent": {
                "RangeDateTime": {"BeginningDateTime": granule["start"], "EndingDateTime": granule["end"]},
            },
            "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {"GPolygons": polygons}}},
            "DataGranule": {"DayNightFlag": "Unspecified", "ProductionDateTime": "2024-05-01T00:00:00.000Z"},
            "RelatedUrls": [
                {"URL": format!("https://data.example.gov/{folder}/{file}"), "Type": "GET DATA"},
                {"URL": format!("s3://nsidc-{folder}/{file}"), "Type": "GET DATA VIA DIRECT ACCESS"},
            ],
            "MetadataSpecification": {
                "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.5", "Name": "UMM-G", "Version": "1.6.5",
            },
        },
    })
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut asked = Asked { method, path: decoded(path), query: pairs(query), ..Asked::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let length: usize = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

fn write(mut stream: &TcpStream, answer: &Answer) {
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
    // A program that has seen enough may be gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body));
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    let (bytes, mut found, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (bytes[at], hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                found.push(byte);
                at += 3;
            }
            (b'+', _) => {
                found.push(b' ');
                at += 1;
            }
            (byte, _) => {
                found.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(found).unwrap()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
