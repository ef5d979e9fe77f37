//! CMR itself: its search for granules, 2,000 a page (CMR search API, *Granule Search By Parameters* and *Search After*).

mod feed;
mod umm;

use std::collections::HashMap;

use serde::Deserialize;
use zagg_access::{Page, PageRequest, PageServer};
use zagg_core::{Error, Result};

use crate::area::Region;
use crate::found::{Each, Found, Place};
use crate::question::{Question, form};
use crate::stac::LONGEST_GET;
use crate::walk::{Read, Reply, Walk};
use feed::FeedEntry;
use umm::UmmItem;

/// Granules of a page, the most that there may be.
const PAGE: usize = 2000;
/// Granules whose footprints are asked for at once.
const BATCH: usize = 200;
/// Longest cursor that is sent back.
const LONGEST_CURSOR: usize = 8000;
/// The header with the cursor, in answers and in questions.
const CURSOR: &str = "CMR-Search-After";
const FORM: &str = "application/x-www-form-urlencoded";

/// The service.
#[derive(Debug)]
pub(crate) struct Direct<'a> {
    pub(crate) question: &'a Question,
}

impl Direct<'_> {
    /// The question for the first page of a region.
    pub(crate) fn first(&self, server: &PageServer, region: &Region) -> PageRequest {
        let question = self.question;
        let mut pairs: Vec<(String, String)> = [
            ("short_name", question.short_name.as_str()),
            ("version", &question.version),
            ("provider", &question.provider),
            ("page_size", &PAGE.to_string()),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into();
        if let Some((start, end)) = question.times() {
            let temporal = format!("{},{}", start.unwrap_or_default(), end.unwrap_or_default());
            pairs.push(("temporal".into(), temporal));
        }
        pairs.extend(parameters(region));
        asked(server.url("/search/granules.umm_json"), &pairs)
    }

    /// Asks for the footprints of granules that have none in UMM-G, as those of an orbit have not.
    ///
    /// # Errors
    /// When they cannot be had. Those that came are in `found` all the same.
    pub(crate) fn complete(&self, walk: &Walk<'_>, found: &mut [Found]) -> Result<()> {
        let mut absent: HashMap<String, usize> = HashMap::new();
        for (at, one) in found.iter().enumerate() {
            if matches!(one.place, Place::Absent(_)) {
                absent.insert(one.key.clone(), at);
            }
        }
        let mut keys: Vec<String> = absent.keys().cloned().collect();
        keys.sort_unstable();
        for batch in keys.chunks(BATCH) {
            let mut pairs: Vec<(String, String)> =
                batch.iter().map(|key| ("concept_id[]".to_string(), key.clone())).collect();
            pairs.push(("page_size".into(), PAGE.to_string()));
            let request = asked(walk.server.url("/search/granules.json"), &pairs);
            for entry in walk.ask(&request, &Feed)?.found {
                let at = absent.get(&entry.key);
                if let Some(one) = at.and_then(|at| found.get_mut(*at))
                    && !matches!(entry.place, Place::Absent(_))
                {
                    one.place = entry.place;
                }
            }
        }
        Ok(())
    }
}

impl Read for Direct<'_> {
    fn read(&self, request: &PageRequest, page: &Page) -> Result<Reply> {
        let read: UmmPage = serde_json::from_slice(&page.bytes)
            .map_err(|error| Error::corrupt(format!("is no page of granules: {error}")))?;
        let found: Vec<Found> = read.items.0.into_iter().map(|item| item.0).collect();
        let product = self.question.short_name.to_ascii_lowercase() + "_";
        let is_foreign = |other: &&String| !other.to_ascii_lowercase().starts_with(&product);
        if let Some(other) = found.iter().filter_map(|one| one.collection.as_ref()).find(is_foreign) {
            let asked = &self.question.short_name;
            return Err(Error::corrupt(format!("has a granule of {other:?} where {asked} was asked for")));
        }
        Ok(reply(found, read.hits, request, page))
    }
}

/// The reader of `granules.json`.
struct Feed;

impl Read for Feed {
    fn read(&self, request: &PageRequest, page: &Page) -> Result<Reply> {
        let read: FeedPage = serde_json::from_slice(&page.bytes)
            .map_err(|error| Error::corrupt(format!("is no feed of granules: {error}")))?;
        Ok(reply(read.feed.entry.0.into_iter().map(|entry| entry.0).collect(), None, request, page))
    }
}

#[derive(Deserialize)]
struct UmmPage {
    #[serde(default)]
    hits: Option<u64>,
    items: Each<UmmItem>,
}

#[derive(Deserialize)]
struct FeedPage {
    feed: FeedBody,
}

#[derive(Deserialize)]
struct FeedBody {
    entry: Each<FeedEntry>,
}

fn reply(found: Vec<Found>, hits: Option<u64>, request: &PageRequest, page: &Page) -> Reply {
    let matched = page.header("CMR-Hits").and_then(|hits| hits.trim().parse().ok()).or(hits);
    // The page that holds the last granule has a cursor as well; the one after it is empty.
    let cursor = page.header(CURSOR).filter(|cursor| !cursor.is_empty() && cursor.len() <= LONGEST_CURSOR);
    let next = cursor.map(|cursor| request.clone().with_header(CURSOR, cursor));
    Reply { found, matched, next }
}

/// A question in an address, or in a form when it is long.
fn asked(url: String, pairs: &[(String, String)]) -> PageRequest {
    let form = form(pairs);
    if form.len() <= LONGEST_GET {
        return PageRequest::get(format!("{url}?{form}"));
    }
    PageRequest::post(url, FORM, form)
}

/// The parameters that say where.
fn parameters(region: &Region) -> Vec<(String, String)> {
    let flat = |places: &[[f64; 2]]| {
        let numbers: Vec<String> = places.iter().flatten().map(f64::to_string).collect();
        numbers.join(",")
    };
    let (name, values): (&str, Vec<String>) = match region {
        Region::Everywhere => return Vec::new(),
        Region::Box(edges) => ("bounding_box", vec![edges.map(|edge| edge.to_string()).join(",")]),
        Region::Polygons(rings) => ("polygon", rings.iter().map(|ring| flat(ring)).collect()),
        Region::Lines(lines) => ("line", lines.iter().map(|line| flat(line)).collect()),
        Region::Points(points) => ("point", points.iter().map(|point| flat(&[*point])).collect()),
    };
    let several = values.len() > 1;
    let mut pairs: Vec<(String, String)> =
        values.into_iter().map(|value| (format!("{name}[]"), value)).collect();
    if several {
        // Every one must match otherwise.
        pairs.push((format!("options[{name}][or]"), "true".into()));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn regions_are_parameters() {
        let shown = |region: Region| -> String {
            let pairs = parameters(&region);
            pairs.iter().map(|(name, value)| format!("{name}={value} ")).collect()
        };
        assert_eq!(shown(Region::Box([-1.5, 2.0, 3.0, 4.0])), "bounding_box[]=-1.5,2,3,4 ");
        assert_eq!(shown(Region::Everywhere), "");
        let ring = vec![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        assert_eq!(shown(Region::Polygons(vec![ring.clone()])), "polygon[]=0,0,1,0,0,1,0,0 ");
        let both = shown(Region::Polygons(vec![ring.clone(), ring.clone()]));
        assert!(both.ends_with(" options[polygon][or]=true "), "{both}");
        assert_eq!(shown(Region::Points(vec![[1.0, 2.0]])), "point[]=1,2 ");
        assert!(shown(Region::Lines(vec![ring[..2].to_vec(); 2])).starts_with("line[]=0,0,1,0 line[]="));
    }

    #[test]
    fn long_questions_are_forms() {
        let pair = |value: &str| vec![("polygon[]".to_string(), value.to_string())];
        assert_eq!(
            asked("https://x/g".into(), &pair("1,2")),
            PageRequest::get("https://x/g?polygon%5B%5D=1,2")
        );
        let long = asked("https://x/g".into(), &pair(&"1,2".repeat(1000)));
        assert_eq!(long.url, "https://x/g");
        assert_eq!(long.body.unwrap().0, FORM);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_page_or_a_fault(text in "[\\[\\]{}\",:a-z0-9 ]{0,80}") {
            let _ = serde_json::from_slice::<UmmPage>(text.as_bytes());
            let _ = serde_json::from_slice::<FeedPage>(text.as_bytes());
        }
    }
}
