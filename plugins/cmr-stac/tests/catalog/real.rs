//! Real answers of CMR, replayed, and real footprints.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};
use zagg_core::catalog::Query;
use zagg_core::footprint::{Footprint, Polygon};
use zagg_tests::http_server::{Request, Response, Server};

use super::world::{World, by_cmr, by_stac, footprints, ids, ids_of, parameters, query, real};

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn asks(server: &Server, short_name: &str, version: &str, provider: &str) -> Query {
    Query {
        short_name: Some(short_name.into()),
        version: Some(version.into()),
        provider: Some(provider.into()),
        ..query(server)
    }
}

/// Recorded answers by the cursor of their question, with their own headers; an empty page after the last one. CMR-STAC is
/// down.
fn replay(pages: Vec<Value>, hits: Option<usize>) -> Server {
    let by_cursor: HashMap<String, Value> = pages
        .into_iter()
        .map(|page| {
            let cursor = page["request_headers"]["cmr-search-after"][0].as_str().unwrap_or_default();
            (cursor.to_string(), page)
        })
        .collect();
    Server::start(move |request: &Request| {
        if request.path != "/search/granules.umm_json" {
            return Response::new(503);
        }
        let cursor = request.header("cmr-search-after").unwrap_or_default();
        let first = &by_cursor[""];
        let (body, after) = match by_cursor.get(cursor) {
            Some(page) => {
                (page["body"].to_string(), page["response_headers"]["CMR-Search-After"][0].as_str())
            }
            None => ("{\"hits\":0,\"took\":1,\"items\":[]}".to_string(), None),
        };
        let real = first["response_headers"]["CMR-Hits"][0].as_str().unwrap().to_string();
        let response = Response::new(200)
            .with_body("application/vnd.nasa.cmr.umm_results+json;version=1.6.6; charset=utf-8", body)
            .with_header("CMR-Hits", &hits.map_or(real, |hits| hits.to_string()));
        match after {
            Some(after) => response.with_header("CMR-Search-After", after),
            None => response,
        }
    })
}

#[test]
fn ten_real_pages_follow_each_other_by_their_cursors() {
    let Some(path) = real("pythoncmr_umm_json_10pages_search_after.json") else { return };
    let pages = json_of(&path).as_array().unwrap().clone();
    let server = replay(pages.clone(), Some(20));
    let (found, watch) = by_cmr(&asks(&server, "MOD02QKM", "6.1", "LAADS"));
    let found = found.unwrap();
    assert!(found.incomplete.is_empty() && watch.warnings().is_empty(), "{:?}", watch.warnings());
    let names: Vec<&str> = pages
        .iter()
        .flat_map(|page| page["body"]["items"].as_array().unwrap())
        .map(|item| item["umm"]["DataGranule"]["Identifiers"][0]["Identifier"].as_str().unwrap())
        .collect();
    assert_eq!(found.entries.iter().map(|entry| entry.granule.id.as_str()).collect::<Vec<_>>(), names);
    let one = &found.entries[0];
    assert_eq!(one.granule.size, Some(27_984_421));
    assert_eq!(one.granule.s3, Some(format!("s3://prod-lads/MOD02QKM/{}", names[0])));
    assert!(one.granule.https.as_ref().unwrap().ends_with(names[0]));
    assert_eq!(one.granule.time_start.as_deref(), Some("2000-02-24T00:05:00.000Z"));
    let Footprint::Polygons(polygons) = &one.footprint else { panic!("polygons") };
    assert_eq!(polygons[0].exterior[1], [-145.553577, 66.835767]);
    // With the total that CMR really told there are 1,404,420 too few.
    let server = replay(pages, None);
    let (found, _) = by_cmr(&asks(&server, "MOD02QKM", "6.1", "LAADS"));
    let found = found.unwrap();
    assert_eq!(found.entries.len(), 20);
    assert!(
        found.incomplete[0].contains("20 granules came, but there are 1404440 of them"),
        "{:?}",
        found.incomplete
    );
    assert!(found.incomplete[1].contains("status 503"), "{:?}", found.incomplete);
}

#[test]
fn a_real_page_that_holds_all_granules_has_a_cursor_as_well() {
    let Some(path) = real("earthaccess_umm_json_163_POCLOUD.json") else { return };
    let server = replay(vec![json_of(&path)[1].clone()], None);
    let (found, watch) = by_cmr(&asks(&server, "TELLUS_GRAC_L3_JPL_RL06_LND_v04", "RL06v04", "POCLOUD"));
    let found = found.unwrap();
    assert_eq!((found.entries.len(), found.incomplete.len()), (163, 0));
    assert!(watch.warnings().is_empty(), "{:?}", watch.warnings());
    assert_eq!(server.log().len(), 2);
    let edges = Footprint::Box { west: 0.5, south: -89.5, east: -0.5, north: 89.5 };
    assert!(found.entries.iter().all(|entry| entry.footprint == edges));
    let one = &found.entries[0].granule;
    assert_eq!(one.id, "GRD-3_2002094-2002120_GRAC_JPLEM_BA01_0600_LND_v04");
    assert_eq!(one.size, Some(1_098_347));
    assert!(one.https.as_ref().unwrap().ends_with(".nc") && one.s3.as_ref().unwrap().ends_with(".nc"));
}

/// CMR as it answers for granules of old releases: an orbit in UMM-G, the footprint in the feed.
fn orbits(product: &str, with_feed: bool) -> Option<Server> {
    let umm = json_of(&real(&format!("earthaccess_{product}_granules.umm_json"))?);
    let feed = json_of(&real(&format!("earthaccess_{product}_granules.json"))?);
    Some(Server::start(move |request: &Request| match request.path.as_str() {
        "/search/granules.umm_json" => {
            Response::new(200).with_body("application/json", umm.to_string()).with_header("CMR-Hits", "1")
        }
        "/search/granules.json" if with_feed => {
            let id = umm["items"][0]["meta"]["concept-id"].as_str().unwrap();
            assert_eq!(parameters(&request.query)["concept_id[]"], id);
            Response::new(200).with_body("application/json", feed.to_string())
        }
        "/search/granules.json" => {
            Response::new(200).with_body("application/json", json!({"feed": {"entry": []}}).to_string())
        }
        _ => Response::new(503),
    }))
}

#[test]
fn granules_with_an_orbit_get_their_footprint_from_the_feed() {
    for product in ["atl03", "atl06", "atl08"] {
        let Some(server) = orbits(product, true) else { return };
        let name = product.to_uppercase();
        let (found, watch) = by_cmr(&asks(&server, &name, "005", "NSIDC_ECS"));
        let found = found.unwrap();
        assert!(found.incomplete.is_empty() && watch.warnings().is_empty());
        let [entry] = &found.entries[..] else { panic!("one granule") };
        assert!(
            entry.granule.id.starts_with(&format!("{name}_2")) && entry.granule.id.ends_with("_005_01.h5")
        );
        assert!(entry.granule.https.as_ref().unwrap().ends_with(&entry.granule.id));
        assert_eq!((entry.granule.s3.as_ref(), entry.granule.size), (None, None), "megabytes are no size");
        let Footprint::Polygons(polygons) = &entry.footprint else { panic!("polygons") };
        assert!(polygons[0].exterior.len() > 4);
        // Latitude first in the feed.
        assert!(polygons[0].exterior.iter().all(|place| place[1].abs() <= 90.0));
        if product == "atl06" {
            assert_eq!(polygons[0].exterior[0], [-47.899339089543176, 58.62975669572381]);
        }
    }
    let Some(server) = orbits("atl06", false) else { return };
    let (found, _) = by_cmr(&asks(&server, "ATL06", "005", "NSIDC_ECS"));
    let found = found.unwrap();
    assert!(found.entries.is_empty());
    assert_eq!(
        found.incomplete,
        [
            "granule ATL06_20190221121851_08410203_005_01.h5: its record has an orbit in the place of a footprint"
        ]
    );
}

#[test]
fn the_items_of_an_older_cmr_stac_are_read_as_well() {
    let Some(path) = real("cmrstac_old_HLSL30.v1.5_item_collection.json") else { return };
    let page = json_of(&path);
    let server = Server::start(move |request: &Request| {
        if request.path != "/stac/LPCLOUD/search" {
            return Response::new(503);
        }
        let mut page = page.clone();
        page["numberMatched"] = 10.into();
        page["context"]["matched"] = 10.into();
        let features = if request.query.contains("page=2") { json!([]) } else { page["features"].clone() };
        page["features"] = features;
        let host = format!("http://{}", request.header("host").unwrap());
        let text = page.to_string().replace(
            "https://cmr.earthdata.nasa.gov/stac/LPCLOUD/collections/HLSL30.v1.5/items?page=2",
            &format!("{host}/stac/LPCLOUD/search?page=2"),
        );
        Response::new(200).with_body("application/json", text)
    });
    let (found, watch) = by_stac(&asks(&server, "HLSL30", "1.5", "LPCLOUD"));
    let found = found.unwrap();
    assert_eq!((found.entries.len(), found.incomplete.len()), (10, 0));
    assert_eq!(server.log().len(), 2);
    assert!(found.entries.iter().all(|entry| entry.granule.https.as_ref().unwrap().ends_with(".tif")));
    // Bands are files of their own, of which one had to be taken.
    assert!(watch.warnings()[0].contains("has several data files"), "{:?}", watch.warnings());
}

#[test]
fn two_thousand_real_footprints_come_through_either_service_unchanged() {
    let Some(path) = real("zagg_cat_neon_ATL03_007.parquet") else { return };
    let all = footprints(&path);
    assert_eq!(all.len(), 2089);
    let world = World::new(all.clone());
    for by in [by_stac, by_cmr] {
        let (found, watch) = by(&query(&world.server));
        let found = found.unwrap();
        assert_eq!((found.incomplete.clone(), watch.warnings()), (Vec::new(), Vec::new()));
        assert_eq!(ids(&found), ids_of(&all));
        let by_id: HashMap<&str, &Footprint> =
            found.entries.iter().map(|entry| (entry.granule.id.as_str(), &entry.footprint)).collect();
        for record in &all {
            let polygon = Polygon { exterior: record.ring.clone(), holes: Vec::new() };
            assert_eq!(by_id[record.id.as_str()], &Footprint::Polygons(vec![polygon]), "{}", record.id);
        }
        // Half of them cross the antimeridian in one piece.
        let jumps = |record: &&super::world::Record| {
            record.ring.windows(2).any(|pair| (pair[0][0] - pair[1][0]).abs() > 180.0)
        };
        assert_eq!(all.iter().filter(jumps).count(), 1020);
    }
    let (stac, cmr) = world.requests();
    assert_eq!((stac, cmr), (22, 18));
}
