//! CMR-STAC without faults.

use serde_json::json;
use zagg_core::catalog::Query;
use zagg_core::footprint::{Footprint, Polygon};

use super::world::{World, by_cmr, by_stac, ids, ids_of, query, records};

#[test]
fn every_page_is_asked_for_and_the_last_link_is_followed() {
    let all = records(250);
    let world = World::new(all.clone());
    let (found, watch) = by_stac(&query(&world.server));
    let found = found.unwrap();
    assert_eq!(ids(&found), ids_of(&all));
    assert!(found.incomplete.is_empty() && watch.warnings().is_empty(), "{:?}", watch.warnings());
    // Three pages with granules, and an empty one after them.
    assert_eq!(world.requests(), (4, 0));
    assert_eq!(found.metadata["source"], "CMR-STAC");
    assert_eq!(found.metadata["total_granules"], 250);
    assert_eq!(found.metadata["collection"], "ATL03_007");
    let entry = found.entries.iter().find(|entry| entry.granule.id == all[7].id).unwrap();
    assert!(entry.granule.https.as_ref().unwrap().ends_with(&all[7].id));
    assert!(entry.granule.s3.as_ref().unwrap().starts_with("s3://nsidc-cumulus-prod-protected/"));
    let polygon = Polygon { exterior: all[7].ring.clone(), holes: Vec::new() };
    assert_eq!(entry.footprint, Footprint::Polygons(vec![polygon]));
    let progress = watch.progress.lock().unwrap().clone();
    assert_eq!(progress[0], (100, Some(250), "1 page".to_string()));
    assert_eq!(progress.last().unwrap().0, 250);
}

#[test]
fn both_ways_give_the_same_granules_in_the_same_order() {
    let world = World::new(records(301));
    let (stac, _) = by_stac(&query(&world.server));
    let (cmr, watch) = by_cmr(&query(&world.server));
    let (stac, cmr) = (stac.unwrap(), cmr.unwrap());
    assert!(watch.warnings().is_empty());
    assert_eq!(cmr.metadata["source"], "CMR");
    let without_size = |mut entry: zagg_core::granule::CatalogEntry| {
        entry.granule.size = None;
        entry
    };
    assert_eq!(cmr.entries[0].granule.size, Some(1234));
    let cmr: Vec<_> = cmr.entries.into_iter().map(without_size).collect();
    assert_eq!(stac.entries, cmr);
    assert!(stac.entries.windows(2).all(|pair| pair[0].granule.time_start <= pair[1].granule.time_start));
}

#[test]
fn a_box_across_the_antimeridian_is_two_questions() {
    let mut all = records(400);
    // Across the antimeridian, so that both questions find it.
    all[0].ring = vec![[179.9, 10.0], [-179.9, 10.0], [-179.9, 10.5], [179.9, 10.5]];
    let world = World::new(all.clone());
    let area = Some(Footprint::Box { west: 150.0, south: 0.0, east: -150.0, north: 20.0 });
    for by in [by_stac, by_cmr] {
        let (found, watch) = by(&Query { area: area.clone(), ..query(&world.server) });
        let found = found.unwrap();
        let inside = |lon: f64| lon.abs() >= 150.0;
        let wanted: Vec<_> =
            all.iter().filter(|record| record.ring.iter().any(|p| inside(p[0]))).cloned().collect();
        assert!(wanted.len() > 40);
        assert_eq!(ids(&found), ids_of(&wanted));
        assert_eq!(found.metadata["bbox"], json!([150.0, 0.0, -150.0, 20.0]));
        assert!(watch.warnings().is_empty(), "{:?}", watch.warnings());
    }
}

#[test]
fn long_polygons_are_posted_to_either_service() {
    let world = World::new(records(250));
    let ring = |places: u32| -> Vec<[f64; 2]> {
        let turn = |i: u32| f64::from(i) * std::f64::consts::TAU / f64::from(places);
        (0..places).map(|i| [10.0 * turn(i).cos(), 10.0 * turn(i).sin()]).collect()
    };
    let area =
        |places| Some(Footprint::Polygons(vec![Polygon { exterior: ring(places), holes: Vec::new() }]));
    for (places, method) in [(4, "GET"), (300, "POST")] {
        for by in [by_stac, by_cmr] {
            world.server.take_log();
            let (found, watch) = by(&Query { area: area(places), ..query(&world.server) });
            assert_eq!(found.unwrap().entries.len(), 250, "{:?}", watch.warnings());
            let log = world.server.take_log();
            assert!(log.len() > 2);
            for logged in &log {
                assert_eq!((logged.request.method.as_str(), logged.status), (method, 200));
                assert!(logged.request.query.len() < 2100);
            }
        }
    }
    let (found, watch) = by_stac(&Query { area: area(5000), ..query(&world.server) });
    let found = found.unwrap();
    assert!(watch.warnings()[0].contains("5001 vertices"), "{:?}", watch.warnings());
    assert!(found.metadata["query_note"].as_str().unwrap().contains("the box around it is asked for"));
}

#[test]
fn holes_are_honoured() {
    let all = records(300);
    let world = World::new(all.clone());
    let ring = |size: f64| vec![[-size, -size], [size, -size], [size, 2.0 * size], [-size, 2.0 * size]];
    let area = Footprint::Polygons(vec![Polygon { exterior: ring(30.0), holes: vec![ring(15.0)] }]);
    let (found, _) = by_stac(&Query { area: Some(area), ..query(&world.server) });
    let found = found.unwrap();
    // The server does not look at polygons here; what lies in the hole for sure is gone, all else is kept.
    let in_hole = |lon: f64| (-14.9..14.4).contains(&lon);
    let wanted: Vec<_> = all.iter().filter(|record| !in_hole(record.ring[0][0])).cloned().collect();
    assert!(wanted.len() < 290);
    assert_eq!(ids(&found), ids_of(&wanted));
}

#[test]
fn only_granules_of_the_cycle_are_kept_and_unclear_names_are_told() {
    let mut all = records(200);
    let cycle = |record: &super::world::Record| record.id[25..27].to_string();
    let wanted: Vec<_> = all.iter().filter(|record| cycle(record) == "22").cloned().collect();
    assert!((60..70).contains(&wanted.len()));
    let world = World::new(all.clone());
    let (found, _) = by_stac(&Query { cycle: Some(22), ..query(&world.server) });
    let found = found.unwrap();
    assert_eq!(ids(&found), ids_of(&wanted));
    assert_eq!(found.metadata["cycle"], 22);
    let (none, _) = by_stac(&Query { cycle: Some(3), ..query(&world.server) });
    assert!(none.unwrap_err().message().contains("200 are of other cycles"));
    all[5].id = "odd.h5".into();
    let world = World::new(all);
    let (found, _) = by_cmr(&Query { cycle: Some(22), ..query(&world.server) });
    assert_eq!(found.unwrap().incomplete, ["granule odd.h5: its name tells no cycle"]);
}

#[test]
fn nothing_found_is_an_error_that_repeats_the_question() {
    let world = World::new(Vec::new());
    let area = Some(Footprint::Box { west: 1.0, south: 2.0, east: 3.0, north: 4.0 });
    for by in [by_stac, by_cmr] {
        let (found, _) = by(&Query { area: area.clone(), start: Some(0.0), ..query(&world.server) });
        let error = found.unwrap_err();
        assert_eq!(
            error.message(),
            "no granules of ATL03_007 of NSIDC_CPRD over 1,2,3,4 from 1970-01-01T00:00:00.000Z to ..; check product, \
             version, provider, dates and area"
        );
    }
}
