//! Pictures as files.

use serde_json::json;
use zagg_core::registry::Registry;
use zagg_render::{Coastline, ColourMap, Map, Picture, Range, ScaleKind, Style};
use zagg_zarr::ZarrStore;

use crate::make;
use crate::maps::request;

fn map() -> Map {
    let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 3, "child_order": 7}));
    let shards = make::shards(&*grid, 768, |_, lat| lat < -75.0);
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &shards, true, &|_, lon, lat| (lat + lon / 100.0) as f32);
    let mut request = request("h");
    request.size = 400;
    Map::of(&store, &Registry::linked().unwrap(), &request).unwrap()
}

/// Width, height and pixels with four channels.
fn decoded(picture: &Picture) -> (u32, u32, Vec<[u8; 4]>) {
    let mut reader = png::Decoder::new(&picture.png[..]).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let pixels = match info.color_type {
        png::ColorType::Rgb => bytes.as_chunks::<3>().0.iter().map(|&[r, g, b]| [r, g, b, 255]).collect(),
        _ => bytes.as_chunks::<4>().0.to_vec(),
    };
    (info.width, info.height, pixels)
}

#[test]
fn a_plain_picture_has_the_colour_of_each_value() {
    let map = map();
    let range = Range::Values(-88.0, -72.0);
    let style = Style { is_plain: true, range, missing: None, ..Style::default() };
    let picture = map.to_png(&style).unwrap();
    let (width, height, pixels) = decoded(&picture);
    assert_eq!(([width, height], picture.map), (picture.size, [0, 0, map.view.width, map.view.height]));
    let colours: Vec<[u8; 3]> = (0..256).map(viridis).collect();
    let mut transparent = 0;
    for (at, pixel) in pixels.iter().enumerate() {
        let x = map.pixels.get(at);
        if x.is_nan() {
            assert_eq!(pixel[3], 0);
            transparent += 1;
            continue;
        }
        let step = ((x + 88.0) / 16.0 * 256.0).clamp(0.0, 255.0) as usize;
        assert_eq!(pixel[..3], colours[step], "{x}");
    }
    assert!(transparent > 100 && transparent < pixels.len() / 2);
}

/// A step of viridis, from a scale of its own.
fn viridis(step: usize) -> [u8; 3] {
    colorous::VIRIDIS.eval_rational(step, 256).as_array()
}

#[test]
fn a_figure_holds_the_map_and_is_the_same_every_time() {
    let map = map();
    let coast = json!({"type": "LineString", "coordinates": [[-60, -75], [60, -80], [170, -72]]});
    let style = Style {
        range: Range::Values(-88.0, -72.0),
        has_graticule: false,
        coastline: Some(Coastline::parse(coast.to_string().as_bytes()).unwrap()),
        ..Style::default()
    };
    let picture = map.to_png(&style).unwrap();
    assert_eq!(picture.png, map.to_png(&style).unwrap().png);
    let (width, height, pixels) = decoded(&picture);
    let [left, top, w, h] = picture.map;
    assert!(left + w < width && top + h < height && [width, height] == picture.size);
    let plain = map.to_png(&Style { is_plain: true, coastline: None, ..style }).unwrap();
    let (_, _, alone) = decoded(&plain);
    let equal = (0..h)
        .flat_map(|y| (0..w).map(move |x| (x, y)))
        .filter(|&(x, y)| pixels[((top + y) * width + left + x) as usize] == alone[(y * w + x) as usize]);
    // All but the frame, the coast and the length scale.
    assert!(equal.count() as f64 > 0.9 * f64::from(w * h));
}

#[test]
fn every_style_and_size_gives_a_picture() {
    let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 1, "child_order": 5}));
    let store = ZarrStore::memory();
    make::store(&store, &*grid, &[0, 5, 40, 47], true, &|cell, _, _| make::value(cell));
    let registry = Registry::linked().unwrap();
    for size in [1, 7, 60, 700] {
        for crs in ["EPSG:4326", "EPSG:3031", "+proj=moll +datum=WGS84", "+proj=utm +zone=33 +datum=WGS84"] {
            let mut request = request("h");
            (request.size, request.crs) = (size, Some(crs.into()));
            request.area = Some(zagg_render::Area::Degrees([-179.0, -85.0, 179.0, 85.0]));
            if crs.contains("utm") {
                request.area = Some(zagg_render::Area::Degrees([12.0, 50.0, 12.5, 58.0]));
            }
            let map = Map::of(&store, &registry, &request).unwrap();
            for (title, scale) in [(None, ScaleKind::Linear), (Some(String::new()), ScaleKind::Log)] {
                let style = Style {
                    title,
                    scale,
                    colours: ColourMap::parse("turbo_r").unwrap(),
                    is_transparent: size == 60,
                    ..Style::default()
                };
                let picture = map.to_png(&style).unwrap();
                let (width, height, _) = decoded(&picture);
                assert!(width > map.view.width && height > map.view.height && width < 3000, "{size} {crs}");
            }
        }
    }
}
