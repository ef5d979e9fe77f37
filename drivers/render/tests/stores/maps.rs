//! Values of pixels.

use serde_json::json;
use zagg_core::registry::Registry;
use zagg_render::{Area, Crs, Extent, Map, Pixels, Request};
use zagg_zarr::ZarrStore;

use crate::make;

pub(crate) fn request(variable: &str) -> Request {
    Request { variable: variable.into(), level: None, crs: None, area: None, size: 150, item: None }
}

fn map(store: &ZarrStore, request: &Request) -> Map {
    Map::of(store, &Registry::linked().unwrap(), request).unwrap()
}

/// Every pixel against the grid, asked one position at a time, and the value that the cell was given.
fn check(map: &Map, grid: &dyn zagg_core::grid::Grid, shards: &[u64]) -> usize {
    let Pixels::Float32(values) = &map.pixels else { panic!("not float32") };
    let mut filled = 0;
    for row in 0..map.view.height {
        for column in 0..map.view.width {
            let x = map.view.left + (f64::from(column) + 0.5) * map.view.pixel;
            let y = map.view.top - (f64::from(row) + 0.5) * map.view.pixel;
            let (lon, lat) = map.view.crs.position(x, y);
            let (mut cell, mut shard) = ([0], [0]);
            grid.locate(&[lon], &[lat], &mut cell);
            grid.shards_of(&cell, &mut shard);
            let expected = if shards.contains(&shard[0]) { make::value(cell[0]) } else { f32::NAN };
            let found = values[(row * map.view.width + column) as usize];
            assert!(
                found == expected || (found.is_nan() && expected.is_nan()),
                "{column} {row}: {found}, not {expected}"
            );
            filled += usize::from(!found.is_nan());
        }
    }
    assert_eq!(map.looked.filled, filled as u64);
    filled
}

#[test]
fn healpix_cells_have_their_values_in_every_layout_and_plane() {
    for ellipsoid in ["WGS84", "sphere"] {
        let grid = make::grid(
            "healpix",
            &json!({"type": "healpix", "parent_order": 3, "child_order": 7, "ellipsoid": ellipsoid}),
        );
        let shards = make::shards(&*grid, 768, |_, lat| lat < -75.0);
        for compact in [true, false] {
            let store = ZarrStore::memory();
            make::store(&store, &*grid, &shards, compact, &|cell, _, _| make::value(cell));
            let drawn = map(&store, &request("h"));
            assert_eq!(
                (drawn.view.crs.name(), drawn.level, drawn.units.as_deref()),
                ("EPSG:3031", 7, Some("m"))
            );
            assert!(drawn.notes().is_empty(), "{:?}", drawn.notes());
            // Most of the picture is filled: it shows the shards, and not much else.
            assert!(check(&drawn, &*grid, &shards) > 8_000);
            for crs in ["EPSG:4326", "+proj=moll +datum=WGS84", "EPSG:6932"] {
                let other = Request { crs: Some(crs.into()), ..request("h") };
                assert!(check(&map(&store, &other), &*grid, &shards) > 300, "{crs}");
            }
        }
    }
}

#[test]
fn rectilinear_cells_are_drawn_on_their_own_plane_pixel_for_pixel() {
    let options = json!({
        "type": "rectilinear", "crs": "EPSG:3413", "resolution": 20000, "bounds": [-640000, -1280000, 640000, 640000],
        "chunk_shape": [16, 32],
    });
    let grid = make::grid("rectilinear", &options);
    let shards: Vec<u64> = (0..12).filter(|shard| shard % 5 != 2).collect();
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &shards, false, &|cell, _, _| make::value(cell));
    let extent = Extent { left: -640_000.0, bottom: -1_280_000.0, right: 640_000.0, top: 640_000.0 };
    let whole = Request { area: Some(Area::Plane(extent)), size: 96, ..request("h") };
    let drawn = map(&store, &whole);
    assert_eq!((drawn.view.crs.name(), drawn.view.width, drawn.view.height), ("EPSG:3413", 64, 96));
    assert!((drawn.cell_side.unwrap() - 1.0).abs() < 0.01, "{:?}", drawn.cell_side);
    check(&drawn, &*grid, &shards);
    let other = Request { crs: Some("EPSG:32622".into()), ..request("h") };
    assert!(check(&map(&store, &other), &*grid, &shards) > 3_000);
}

#[test]
fn data_on_both_sides_of_the_antimeridian_stay_together() {
    let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 4, "child_order": 8}));
    let shards = make::shards(&*grid, 3072, |lon, lat| lat.abs() < 10.0 && lon.abs() > 172.0);
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &shards, true, &|cell, _, _| make::value(cell));
    let drawn = map(&store, &request("h"));
    let extent = drawn.view.extent();
    assert!(extent.left > 160.0 && extent.right < 200.0, "{extent:?}");
    check(&drawn, &*grid, &shards);
}

#[test]
fn a_picture_tells_when_it_passes_over_cells_or_shows_nothing() {
    let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 3, "child_order": 7}));
    let shards = make::shards(&*grid, 768, |_, lat| lat > 65.0);
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &shards, true, &|cell, _, _| make::value(cell));
    let small = map(&store, &Request { size: 40, ..request("h") });
    assert_eq!(small.view.crs.name(), "EPSG:3413");
    assert!(small.notes()[0].contains("times as wide"), "{:?}", small.notes());
    let empty = map(
        &store,
        &Request {
            area: Some(Area::Degrees([0.0, -10.0, 10.0, 0.0])),
            crs: Some("EPSG:4326".into()),
            ..request("h")
        },
    );
    assert!(empty.notes()[0].contains("empty") && empty.looked.blocks == 0, "{:?}", empty.notes());
}

#[test]
fn what_does_not_fit_the_store_is_refused_with_advice() {
    let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 2, "child_order": 4}));
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &[0, 5], true, &|cell, _, _| make::value(cell));
    let registry = Registry::linked().unwrap();
    let refused = |request: Request| Map::of(&store, &registry, &request).unwrap_err().to_string();
    for (request, words) in [
        (request("hh"), "did you mean \"h\"?"),
        (Request { level: Some(3), ..request("h") }, "not there at level 3; it is at 4"),
        (Request { item: Some(1), ..request("h") }, "one number each, leave it out"),
        (Request { crs: Some("EPSG:0".into()), ..request("h") }, "EPSG:3031"),
        (Request { size: 0, ..request("h") }, "1 to 32768 pixels"),
        (Request { size: 32_000, ..request("h") }, "smaller --size"),
    ] {
        let said = refused(request);
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(zagg_render::variables(&store.inspect().unwrap()), ["h"]);
    assert!(Crs::parse("EPSG:3031").is_ok());
}
