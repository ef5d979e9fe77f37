use proptest::prelude::*;
use zagg_core::footprint::Polygon;
use zagg_core::sphere::{Cone, PolygonRegion, Region as _, Shape, Verdict, normalized};

use super::*;

fn of(area: &Footprint) -> Asked {
    Asked::new(Some(area)).unwrap()
}

fn polygon(exterior: &[LonLat]) -> Footprint {
    Footprint::Polygons(vec![Polygon { exterior: exterior.to_vec(), holes: Vec::new() }])
}

fn edges(west: f64, south: f64, east: f64, north: f64) -> Footprint {
    Footprint::Box { west, south, east, north }
}

#[test]
fn boxes_across_the_antimeridian_are_two() {
    let asked = of(&edges(170.0, -10.0, -170.0, 10.0));
    let parts = [[170.0, -10.0, 180.0, 10.0], [-180.0, -10.0, -170.0, 10.0]];
    assert_eq!(asked.regions, parts.map(Region::Box));
    assert_eq!(asked.bbox, Some([170.0, -10.0, -170.0, 10.0]));
    assert_eq!(of(&edges(170.0, -10.0, 190.0, 10.0)), asked);
    for (west, east) in [(-180.0, 180.0), (0.0, 360.0), (-200.0, 200.0)] {
        assert_eq!(
            of(&edges(west, -90.0, east, -60.0)).regions,
            [Region::Box([-180.0, -90.0, 180.0, -60.0])]
        );
    }
    assert_eq!(of(&edges(170.0, 0.0, 180.0, 1.0)).regions, [Region::Box([170.0, 0.0, 180.0, 1.0])]);
    let [Region::Box(thin)] = of(&edges(5.0, 1.0, 5.0, 1.0)).regions[..] else { panic!("a box") };
    assert!(thin[0] < thin[2] && thin[1] < thin[3], "{thin:?}");
    assert!(Asked::new(Some(&edges(0.0, 2.0, 1.0, 1.0))).unwrap_err().message().starts_with("area: "));
}

#[test]
fn the_parts_of_a_union_are_asked_for_one_by_one() {
    let union = |count: u32| {
        let boxes = (0..count).map(|i| edges(170.0 + f64::from(i), 0.0, 170.5 + f64::from(i), 1.0));
        of(&Footprint::Union(vec![Footprint::Union(boxes.collect()), Footprint::Points(vec![[0.0, 0.0]])]))
    };
    let asked = union(2);
    assert_eq!(asked.regions[0], Region::Points(vec![[0.0, 0.0]]));
    assert_eq!(asked.regions[1..], [[170.0, 0.0, 170.5, 1.0], [171.0, 0.0, 171.5, 1.0]].map(Region::Box));
    assert_eq!((asked.bbox, asked.note), (Some([0.0, 0.0, 171.5, 1.0]), None));
    let asked = union(20);
    assert_eq!(asked.regions.len(), 3, "{:?}", asked.regions);
    assert!(asked.note.unwrap().contains("has 20 boxes; the box around it is asked for instead"));
    assert!(Asked::new(Some(&Footprint::Union(Vec::new()))).is_err());
}

#[test]
fn rings_are_closed_and_run_counter_clockwise() {
    let square = [[0.0, 0.0], [0.0, 0.0], [0.0, 9.0], [9.0, 9.0], [9.0, 0.0], [0.0, 0.0]];
    let Region::Polygons(rings) = &of(&polygon(&square)).regions[0] else { panic!("a polygon") };
    assert_eq!(rings[0], [[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0], [0.0, 0.0]]);
    // Around a pole, and across the antimeridian.
    let cap: Vec<LonLat> = (0..12).map(|i| [f64::from(i) * -30.0, -70.0]).collect();
    let asked = of(&polygon(&cap));
    let Region::Polygons(rings) = &asked.regions[0] else { panic!("a polygon") };
    assert_eq!(rings[0][1], [-30.0, -70.0], "west is counter-clockwise around the south pole");
    let [west, south, east, north] = asked.bbox.unwrap();
    assert_eq!((west, south, east), (-180.0, -90.0, 180.0));
    assert!((-70.0..-69.9).contains(&north));
    let [west, _, east, _] = of(&polygon(&[[178.0, 0.0], [-178.0, 0.0], [180.0, 5.0]])).bbox.unwrap();
    assert!((west - 178.0).abs() < 1e-6 && (east + 178.0).abs() < 1e-6);
}

#[test]
fn areas_with_too_many_vertices_are_asked_for_as_boxes_and_that_is_said() {
    let ring = |at: f64| -> Vec<LonLat> {
        let turn = |i: u32| f64::from(i) * std::f64::consts::TAU / 1000.0;
        (0..1000).map(|i| [at + turn(i).cos(), turn(i).sin()]).collect()
    };
    let area = |count: u32| {
        let rings =
            (0..count).map(|i| Polygon { exterior: ring(178.0 + 4.0 * f64::from(i)), holes: Vec::new() });
        of(&Footprint::Polygons(rings.collect()))
    };
    assert_eq!(area(3).note, None);
    let asked = area(5);
    assert!(asked.note.unwrap().contains("5005 vertices, more than the 4000"));
    assert_eq!(asked.regions.len(), 5);
    let asked = area(10);
    assert_eq!(asked.regions.len(), 2, "{:?}", asked.regions);
    let flat = of(&polygon(&[[0.0, 0.0], [9.0, 0.0], [5.0, 0.0]]));
    assert!(flat.note.unwrap().contains("encloses nothing"));
    assert!(matches!(flat.regions[0], Region::Box(_)));
}

#[test]
fn areas_that_are_none_are_refused() {
    for bad in [
        polygon(&[[0.0, 0.0], [1.0, 0.0]]),
        polygon(&[[0.0, 0.0], [180.0, 0.0], [0.0, 9.0]]),
        polygon(&[[0.0, f64::NAN], [1.0, 0.0], [0.0, 1.0]]),
        Footprint::Polygons(Vec::new()),
        Footprint::Points(Vec::new()),
        Footprint::Lines(vec![vec![[0.0, 0.0]]]),
        Footprint::Shards(vec![1]),
    ] {
        assert!(Asked::new(Some(&bad)).unwrap_err().message().starts_with("area: "), "{bad:?}");
    }
    assert_eq!(Asked::new(None).unwrap().regions, [Region::Everywhere]);
    assert_eq!(of(&Footprint::Points(vec![[190.0, 1.0]])).regions, [Region::Points(vec![[-170.0, 1.0]])]);
}

/// Whether a place lies between the edges.
fn within([west, south, east, north]: Edges, [lon, lat]: LonLat) -> bool {
    let across = if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east };
    across && (south..=north).contains(&lat)
}

proptest! {
    #[test]
    fn the_box_around_a_ring_contains_it_and_its_inside(
        centre in (-180.0..180.0f64, -89.0..89.0f64), radii in prop::collection::vec(1.0..60.0f64, 3..9),
        places in prop::collection::vec((-180.0..180.0f64, -90.0..90.0f64), 40),
    ) {
        // A star around a centre.
        let (lon, lat) = centre;
        let middle = unit(lon, lat);
        let east = normalized([-middle[1], middle[0], 0.0]);
        let north = [-middle[2] * east[1], middle[2] * east[0], middle[0] * east[1] - middle[1] * east[0]];
        let star: Vec<LonLat> = radii.iter().enumerate().map(|(i, radius)| {
            let (turn, radius) = (i as f64 * std::f64::consts::TAU / radii.len() as f64, radius.to_radians());
            let v: [f64; 3] = std::array::from_fn(|k| {
                middle[k] * radius.cos() + radius.sin() * (east[k] * turn.cos() + north[k] * turn.sin())
            });
            [v[1].atan2(v[0]).to_degrees(), v[2].clamp(-1.0, 1.0).asin().to_degrees()]
        }).collect();
        let shape = PolygonRegion::shape(&Polygon { exterior: star.clone(), holes: Vec::new() }).unwrap();
        let Shape::Region(region) = shape else { return Ok(()) };
        let ring = ring(&star).unwrap();
        prop_assert!(left_area(&ring) > 0.0);
        let reversed: Vec<LonLat> = ring.iter().rev().copied().collect();
        prop_assert!((left_area(&ring) + left_area(&reversed)).abs() < 1e-9);
        let around = of_ring(&ring).edges();
        prop_assert!(ring.iter().all(|place| within(around, *place)), "{around:?}");
        for (lon, lat) in places {
            let sample = unit(lon, lat);
            let cone = Cone { centre: sample, lon_lat: (lon, lat), radius: 1e-12, sample };
            if matches!(region.judge(&region.start(), &cone), Verdict::Inside) {
                prop_assert!(within(around, [lon, lat]), "{lon} {lat} in {around:?} of {ring:?}");
            }
        }
    }

    #[test]
    fn the_box_around_boxes_contains_each(boxes in prop::collection::vec((-180.0..180.0f64, 0.0..200.0f64), 1..6)) {
        let spans: Vec<Span> = boxes.iter().map(|(west, width)| Span::new(*west, *width, 0.0, 1.0)).collect();
        let around = Span::around(&spans).edges();
        for (west, width) in boxes {
            for part in [0.001, 0.5, 0.999] {
                prop_assert!(within(around, [wrapped(west + part * width), 0.5]), "{west} {width} in {around:?}");
            }
        }
    }
}
