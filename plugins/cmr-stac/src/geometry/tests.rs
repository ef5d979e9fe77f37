use proptest::prelude::*;
use zagg_core::sphere::{Cone, PolygonRegion, Region, Shape, Verdict, unit};

use super::*;

fn boxes(boxes: &[Edges]) -> Result<Footprint, String> {
    Shapes { boxes: boxes.to_vec(), ..Shapes::default() }.footprint()
}

fn square(at: f64) -> Polygon {
    Polygon { exterior: vec![[at, 0.0], [at + 1.0, 0.0], [at + 1.0, 1.0], [at, 1.0]], holes: Vec::new() }
}

#[test]
fn boxes_beside_each_other_are_one() {
    // As PO.DAAC tells a box from 0.5 degrees east to 0.5 degrees west.
    let both = [[0.5, -89.5, 180.0, 89.5], [-180.0, -89.5, -0.5, 89.5]];
    let one = Footprint::Box { west: 0.5, south: -89.5, east: -0.5, north: 89.5 };
    assert_eq!(boxes(&both), Ok(one.clone()));
    assert_eq!(boxes(&[both[1], both[0]]), Ok(one));
    let round = boxes(&[[0.0, -1.0, 180.0, 1.0], [-180.0, -1.0, 0.0, 1.0]]).unwrap();
    assert_eq!(round, Footprint::Box { west: -180.0, south: -1.0, east: 180.0, north: 1.0 });
    let one = Footprint::Box { west: -170.0, south: 1.0, east: -160.0, north: 2.0 };
    assert_eq!(boxes(&[[190.0, 1.0, 200.0, 2.0]]), Ok(one));
}

#[test]
fn what_is_no_shape_is_said() {
    let one = |polygon: Polygon| Shapes { polygons: vec![polygon], ..Shapes::default() }.footprint();
    let ring = |exterior: &[LonLat]| one(Polygon { exterior: exterior.to_vec(), holes: Vec::new() });
    assert!(ring(&[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]).unwrap_err().contains("2 vertices"));
    assert!(ring(&[[0.0, 0.0], [f64::NAN, 0.0], [0.0, 1.0]]).unwrap_err().contains("no longitude"));
    assert!(ring(&[[0.0, 0.0], [1.0, 90.1], [0.0, 1.0]]).unwrap_err().contains("(1, 90.1)"));
    assert!(boxes(&[[0.0, 5.0, 1.0, 4.0]]).unwrap_err().contains("south"));
    assert!(boxes(&[[0.0, 5.0, 1e300, 6.0]]).is_err());
    assert_eq!(boxes(&[]).unwrap_err(), "it has no shape");
    let many = Shapes { points: vec![[0.0; 2]; MOST + 1], ..Shapes::default() };
    assert!(many.footprint().unwrap_err().contains("more than"));
}

#[test]
fn shapes_that_mix_are_taken_together() {
    let shapes = Shapes {
        polygons: vec![square(0.0)],
        boxes: vec![[10.0, 0.0, 11.0, 1.0], [12.0, 0.0, 13.0, 1.0]],
        lines: vec![vec![[20.0, 0.0], [21.0, 0.0]]],
        points: vec![[40.0, 5.0]],
    };
    let wanted = Footprint::Union(vec![
        Footprint::Polygons(shapes.polygons.clone()),
        Footprint::Box { west: 10.0, south: 0.0, east: 11.0, north: 1.0 },
        Footprint::Box { west: 12.0, south: 0.0, east: 13.0, north: 1.0 },
        Footprint::Lines(shapes.lines.clone()),
        Footprint::Points(shapes.points.clone()),
    ]);
    assert_eq!(shapes.footprint(), Ok(wanted));
}

fn holds(polygons: &[Polygon], [lon, lat]: LonLat) -> bool {
    let sample = unit(lon, lat);
    let cone = Cone { centre: sample, lon_lat: (lon, lat), radius: 1e-10, sample };
    polygons.iter().any(|polygon| match PolygonRegion::shape(polygon).unwrap() {
        Shape::Region(region) => !matches!(region.judge(&region.start(), &cone), Verdict::Outside),
        _ => true,
    })
}

proptest! {
    #[test]
    fn polygons_made_of_a_box_contain_it(
        west in -180.0..180.0f64, width in 0.5..359.0f64, south in -89.0..88.0f64, height in 0.1..1.0f64,
        across in 0.0..1.0f64, up in 0.0..1.0f64,
    ) {
        let north = south + height * (89.5 - south);
        let east = wrapped(west + width);
        let polygons = polygons_of_box([wrapped(west), south, east, north]).unwrap();
        let width = box_width(west, south, east, north).unwrap();
        for (across, up) in [(across, up), (across, 0.0), (across, 1.0)] {
            let place = [wrapped(west + across * width), south + up * (north - south)];
            prop_assert!(holds(&polygons, place), "{place:?}");
        }
    }

    #[test]
    fn any_shapes_are_taken_or_refused(
        numbers in prop::collection::vec(prop_oneof![-200.0..400.0f64, any::<f64>()], 0..24), kind in 0..4usize,
    ) {
        let places: Vec<LonLat> = numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
        let mut shapes = Shapes::default();
        match kind {
            0 => shapes.polygons.push(Polygon { exterior: places, holes: Vec::new() }),
            1 => shapes.boxes = numbers.chunks_exact(4).map(|edges| [edges[0], edges[1], edges[2], edges[3]]).collect(),
            2 => shapes.lines.push(places),
            _ => shapes.points = places,
        }
        let _ = shapes.footprint();
    }
}
