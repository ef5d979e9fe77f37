//! CMR-STAC: item search of one provider (STAC API 1.0, *Item Search*; items of STAC 1.1.0).
//!
//! A page has 100 items at most, whatever is asked for. The next one is told by a link: for a `GET` an address with a cursor,
//! for a `POST` a body, or an address of which only the cursor counts.

mod item;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use zagg_access::{Page, PageRequest, PageServer};
use zagg_core::{Error, Result};

use crate::area::Region;
use crate::found::{Each, FromItem, text};
use crate::question::{Question, form};
use crate::walk::{Read, Reply};
use item::Item;

/// Items that a page is asked to have.
const PAGE: u64 = 100;
/// Longer questions are sent as the body of a `POST`.
pub(crate) const LONGEST_GET: usize = 2000;
const JSON: &str = "application/json";

/// The service.
#[derive(Debug)]
pub(crate) struct Stac<'a> {
    pub(crate) question: &'a Question,
}

impl Stac<'_> {
    /// The question for the first page of a region.
    pub(crate) fn first(&self, server: &PageServer, region: &Region) -> PageRequest {
        let question = self.question;
        let url = server.url(&format!("/stac/{}/search", question.provider.replace(' ', "%20")));
        let datetime = question.times().map(|(start, end)| {
            let open = || "..".to_string();
            format!("{}/{}", start.unwrap_or_else(open), end.unwrap_or_else(open))
        });
        let geometry = geometry(region);
        let mut pairs =
            vec![("collections".to_string(), question.collection()), ("limit".into(), PAGE.to_string())];
        pairs.extend(datetime.clone().map(|datetime| ("datetime".into(), datetime)));
        match region {
            Region::Box(edges) => pairs.push(("bbox".into(), edges.map(|edge| edge.to_string()).join(","))),
            _ => pairs.extend(geometry.as_ref().map(|geometry| ("intersects".into(), geometry.to_string()))),
        }
        let query = form(&pairs);
        if query.len() <= LONGEST_GET {
            return PageRequest::get(format!("{url}?{query}"));
        }
        let mut body = json!({"collections": [question.collection()], "limit": PAGE});
        let fields = [
            ("datetime", datetime.map(Value::from)),
            ("intersects", geometry),
            ("bbox", if let Region::Box(edges) = region { Some(json!(edges)) } else { None }),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        PageRequest::post(url, JSON, body.to_string())
    }

    /// The question for the next page that a link tells.
    fn next(&self, request: &PageRequest, link: &Link) -> Result<PageRequest> {
        let Some((_, body)) = &request.body else { return Ok(PageRequest::get(link.href.as_str())) };
        let ours = serde_json::from_str::<Map<String, Value>>(body).unwrap_or_default();
        let post = |url: &str, body: Map<String, Value>| {
            Ok(PageRequest::post(url, JSON, Value::Object(body).to_string()))
        };
        match (&link.body, cursor(&link.href)) {
            (Some(theirs), _) if link.merge => {
                let mut all = ours;
                all.extend(theirs.clone());
                post(&link.href, all)
            }
            (Some(theirs), _) => post(&link.href, theirs.clone()),
            // The address repeats nothing of the question but the cursor.
            (None, Some(cursor)) => {
                let mut all = ours;
                all.insert("cursor".into(), cursor.into());
                post(&request.url, all)
            }
            (None, None) => Err(Error::corrupt("its link to the next page has neither a body nor a cursor")),
        }
    }
}

impl Read for Stac<'_> {
    fn read(&self, request: &PageRequest, page: &Page) -> Result<Reply> {
        let read: StacPage = serde_json::from_slice(&page.bytes)
            .map_err(|error| Error::corrupt(format!("is no page of STAC items: {error}")))?;
        let found: Vec<_> = read.features.0.into_iter().map(|item| item.0).collect();
        let (collection, old) =
            (self.question.collection(), format!("{}.v{}", self.question.short_name, self.question.version));
        let is_foreign =
            |other: &&String| !other.eq_ignore_ascii_case(&collection) && !other.eq_ignore_ascii_case(&old);
        if let Some(other) = found.iter().filter_map(|one| one.collection.as_ref()).find(is_foreign) {
            return Err(Error::corrupt(format!("has an item of {other:?} where {collection} was asked for")));
        }
        let matched = read.number_matched.as_u64().or_else(|| read.context.get("matched")?.as_u64());
        let next = match read.links.0.iter().find(|link| link.rel == "next" && !link.href.is_empty()) {
            Some(link) if !found.is_empty() => Some(self.next(request, link)?),
            _ => None,
        };
        Ok(Reply { found, matched, next })
    }
}

#[derive(Deserialize)]
struct StacPage {
    features: Each<Item>,
    #[serde(default)]
    links: Each<Link>,
    #[serde(default, rename = "numberMatched")]
    number_matched: Value,
    #[serde(default)]
    context: Value,
}

struct Link {
    rel: String,
    href: String,
    body: Option<Map<String, Value>>,
    merge: bool,
}

impl FromItem for Link {
    fn from_item(link: &Value) -> Self {
        let of = |pointer: &str| text(link, pointer).unwrap_or_default().to_string();
        Self {
            rel: of("/rel"),
            href: of("/href"),
            body: link.get("body").and_then(Value::as_object).cloned(),
            merge: link.get("merge").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

/// The cursor in the query of an address, decoded.
fn cursor(href: &str) -> Option<String> {
    let (_, query) = href.split_once('?')?;
    let text = query.split('&').find_map(|pair| pair.strip_prefix("cursor="))?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => (digit(rest.next())? * 16 + digit(rest.next())?) as u8,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|cursor| !cursor.is_empty())
}

/// A region as GeoJSON; none for boxes and for all of the globe.
fn geometry(region: &Region) -> Option<Value> {
    Some(match region {
        Region::Everywhere | Region::Box(_) => return None,
        Region::Polygons(rings) => match rings.as_slice() {
            [ring] => json!({"type": "Polygon", "coordinates": [ring]}),
            rings => {
                let polygons: Vec<Value> = rings.iter().map(|ring| json!([ring])).collect();
                json!({"type": "MultiPolygon", "coordinates": polygons})
            }
        },
        Region::Lines(lines) => match lines.as_slice() {
            [line] => json!({"type": "LineString", "coordinates": line}),
            lines => json!({"type": "MultiLineString", "coordinates": lines}),
        },
        Region::Points(points) => match points.as_slice() {
            [point] => json!({"type": "Point", "coordinates": point}),
            points => json!({"type": "MultiPoint", "coordinates": points}),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zagg_access::PageLimits;
    use zagg_core::catalog::Query;
    use zagg_core::footprint::{Footprint, LonLat, Polygon};

    use super::*;

    fn question(area: Option<Footprint>) -> Question {
        let (short_name, version) = (Some("ATL06".to_string()), Some("007".to_string()));
        Question::new(&Query { short_name, version, area, start: Some(0.0), ..Query::default() }).unwrap()
    }

    fn first(area: Option<Footprint>) -> PageRequest {
        let question = question(area);
        let server = PageServer::new("https://cmr.example.org/", PageLimits::default()).unwrap();
        Stac { question: &question }.first(&server, &question.asked.regions[0])
    }

    #[test]
    fn short_questions_are_addresses_and_long_ones_bodies() {
        let edges = Footprint::Box { west: -10.5, south: -80.0, east: 10.0, north: -70.0 };
        assert_eq!(
            first(Some(edges)).url,
            "https://cmr.example.org/stac/NSIDC_CPRD/search?collections=ATL06_007&limit=100&\
             datetime=1970-01-01T00:00:00.000Z%2F..&bbox=-10.5,-80,10,-70"
        );
        let ring = |places: u32| -> Vec<LonLat> {
            (0..places)
                .map(|i| f64::from(i) * std::f64::consts::TAU / f64::from(places))
                .map(|t| [t.cos(), t.sin()])
                .collect()
        };
        let polygon =
            |places| Footprint::Polygons(vec![Polygon { exterior: ring(places), holes: Vec::new() }]);
        let short = first(Some(polygon(4)));
        assert!(
            short.body.is_none() && short.url.contains("&intersects=%7B%22type%22:%22Polygon%22,"),
            "{}",
            short.url
        );
        let (kind, body) = first(Some(polygon(400))).body.unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(kind, "application/json");
        assert_eq!(body["collections"], json!(["ATL06_007"]));
        assert_eq!(body["datetime"], "1970-01-01T00:00:00.000Z/..");
        assert_eq!(body["intersects"]["coordinates"][0].as_array().unwrap().len(), 401);
        assert!(body.get("bbox").is_none());
    }

    #[test]
    fn links_to_the_next_page_are_followed_as_they_are_meant() {
        let question = question(None);
        let stac = Stac { question: &question };
        let next = |request: &PageRequest, link: Value| stac.next(request, &Link::from_item(&link));
        let get = PageRequest::get("https://x/search?a");
        assert_eq!(
            next(&get, json!({"href": "https://x/search?cursor=b"})).unwrap().url,
            "https://x/search?cursor=b"
        );
        let post = PageRequest::post("https://x/search", JSON, r#"{"limit":100,"bbox":[1]}"#);
        for (link, url, body) in [
            (json!({"href": "https://x/n", "body": {"token": 1}}), "https://x/n", json!({"token": 1})),
            (
                json!({"href": "https://x/n", "body": {"token": 1}, "merge": true}),
                "https://x/n",
                json!({"limit": 100, "bbox": [1], "token": 1}),
            ),
            (
                json!({"href": "https://x/n?cursor=e30%3D&limit=9"}),
                "https://x/search",
                json!({"limit": 100, "bbox": [1], "cursor": "e30="}),
            ),
        ] {
            let request = next(&post, link).unwrap();
            assert_eq!(request.url, url);
            assert_eq!(serde_json::from_str::<Value>(&request.body.unwrap().1).unwrap(), body);
        }
        assert!(
            next(&post, json!({"href": "https://x/n?page=2"})).unwrap_err().message().contains("neither")
        );
    }

    proptest! {
        #[test]
        fn any_cursor_is_read_or_not(href in "https://x/\\?(a=b&)?cursor=[%a-f0-9+=é]{0,20}") {
            let _ = cursor(&href);
        }

        #[test]
        fn any_bytes_are_a_page_or_a_fault(text in "[\\[\\]{}\",:a-z0-9 ]{0,80}") {
            let _ = serde_json::from_slice::<StacPage>(text.as_bytes());
        }
    }

    #[test]
    fn depth_and_nonsense_are_faults() {
        for text in [
            "[".repeat(100_000),
            format!("{{\"features\":{}", "[".repeat(100_000)),
            "{}".into(),
            "null".into(),
            "{\"features\":{}}".into(),
            "{\"features\":[".into(),
        ] {
            assert!(serde_json::from_slice::<StacPage>(text.as_bytes()).is_err());
        }
        let odd = r#"{"features":[1,null,"x",[]],"links":[7],"numberMatched":"many","context":3}"#;
        let page: StacPage = serde_json::from_slice(odd.as_bytes()).unwrap();
        assert_eq!(page.features.0.len(), 4);
    }
}
