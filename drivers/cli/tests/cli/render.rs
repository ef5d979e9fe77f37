//! `zagg render`: pictures and GeoTIFFs of a store, and what is refused.

use crate::bench::Bench;

fn with_store(levels: &str) -> Bench {
    let bench = Bench::with_map();
    bench.write("levels.yaml", format!("output: {{grid: {{levels: {levels}}}}}\n"));
    bench.run(&["--config", "levels.yaml"]).exits(0);
    bench
}

#[test]
fn a_store_becomes_a_picture_and_a_geotiff() {
    let bench = with_store("[12, 10]");
    let said = bench
        .zagg(&[
            "render",
            "out.zarr",
            "--variable",
            "h_mean",
            "--size",
            "300",
            "-o",
            "map.png",
            "--format",
            "json",
        ])
        .exits(0)
        .json();
    let picture = std::fs::read(bench.path("map.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(
        (&said["crs"], &said["variable"], &said["units"]),
        (&"EPSG:3031".into(), &"h_mean".into(), &"m".into())
    );
    assert!(said["pixels_with_value"].as_u64().unwrap() > 100, "{said}");
    // Width and height as the file has them.
    let side = |at: usize| u64::from(u32::from_be_bytes(picture[at..at + 4].try_into().unwrap()));
    assert_eq!(
        (said["picture"]["size"][0].as_u64(), said["picture"]["size"][1].as_u64()),
        (Some(side(16)), Some(side(20)))
    );

    let again = ["render", "out.zarr", "--variable", "h_mean", "--size", "300", "-o", "again.png"];
    let text = bench.zagg(&again).exits(0).out;
    assert!(text.contains("again.png") && text.contains("h_mean at level"), "{text}");
    assert_eq!(std::fs::read(bench.path("again.png")).unwrap(), picture, "the same picture every time");

    let options = ["--level", "10", "--crs", "EPSG:4326", "--bounds", "-180,-89,180,-80", "--size", "200"];
    let words =
        [&["render", "out.zarr", "--variable", "count", "-o", "map.tif", "--format", "json"][..], &options]
            .concat();
    let said = bench.zagg(&words).exits(0).json();
    assert_eq!((&said["level"], &said["width"], &said["height"]), (&10.into(), &200.into(), &5.into()));
    assert!(std::fs::read(bench.path("map.tif")).unwrap().starts_with(b"II*\0"));
}

#[test]
fn a_store_without_its_plan_gives_the_same_values() {
    let bench = with_store("[12, 8]");
    let render = |output: &str, level: &str| {
        bench
            .zagg(&[
                "render",
                "out.zarr",
                "--variable",
                "h_max",
                "--level",
                level,
                "--crs",
                "EPSG:3031",
                "--bounds",
                "0,-88,90,-83",
                "--size",
                "250",
                "-o",
                output,
            ])
            .exits(0);
        std::fs::read(bench.path(output)).unwrap()
    };
    let planned = [render("a.tif", "12"), render("b.tif", "8")];
    std::fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    assert_eq!([render("c.tif", "12"), render("d.tif", "8")], planned);
}

#[test]
fn what_cannot_be_drawn_is_refused_in_one_line_before_anything_is_written() {
    let bench = with_store("[12, 10]");
    bench.write("coast.json", "{\"type\": \"Point\", \"coordinates\": [0, 0]}");
    let before = bench.names();
    for (options, piece) in [
        (&["--variable", "hmean", "-o", "map.png"][..], "did you mean \"h_mean\"?"),
        (&["-o", "map.png"], "say with --variable what is drawn; there are count, h_max"),
        (&["--variable", "h_mean", "-o", "map.jpg"], "ends in .png"),
        (
            &["--variable", "h_mean", "-o", "map.png", "--level", "11"],
            "not there at level 11; it is at 12, 10",
        ),
        (&["--variable", "h_mean", "-o", "map.png", "--colormap", "viridiz"], "did you mean \"viridis\"?"),
        (&["--variable", "h_mean", "-o", "map.png", "--crs", "polar"], "EPSG:3031"),
        (&["--variable", "h_mean", "-o", "map.png", "--range", "5,5"], "lower value first"),
        (&["--variable", "h_mean", "-o", "map.png", "--bounds", "0,5,1,2"], "south below north"),
        (&["--variable", "h_mean", "-o", "map.png", "--size", "0"], "1 to 32768"),
        (&["--variable", "h_mean", "-o", "map.png", "--coastline", "coast.json"], "no lines"),
        (&["--variable", "h_mean", "-o", "map.png", "--coastline", "none.json"], "none.json"),
        (
            &["--variable", "h_mean", "-o", "map.tif", "--crs", "+proj=laea +lat_0=-90 +datum=WGS84"],
            "EPSG code",
        ),
        (&["--variable", "cell_ids", "--item", "1", "-o", "map.png"], "one number each"),
    ] {
        let said = bench.zagg(&[&["render", "out.zarr"][..], options].concat()).exits(1);
        assert!(said.err.starts_with("zagg: error: ") && said.err.contains(piece), "{options:?}: {said:?}");
        assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""), "{options:?}: {said:?}");
    }
    bench.zagg(&["render", "out.zarr", "--variable", "h_mean", "--bounds", "1,2,3", "-o", "x.png"]).exits(2);
    bench.zagg(&["render", "nowhere.zarr", "--variable", "h_mean", "-o", "x.png"]).exits(1);
    assert_eq!(bench.names(), before);
}

#[test]
fn vectors_and_lists_are_drawn_item_by_item() {
    let bench = Bench::with_map();
    let kinds = "aggregation:\n  variables:\n    \
                 q: {function: quantile, source: h_li, kind: vector, trailing_shape: 3, params: {q: [0.25, 0.5, 0.75]}}\n    \
                 d: {function: tdigest, source: h_li, kind: ragged, inner_shape: 2, params: {delta: 64}}\n";
    bench.write("kinds.yaml", kinds);
    bench.run(&["--config", "kinds.yaml"]).exits(0);
    for (variable, piece) in
        [("q", "hold 3 numbers each; choose one with --item 0 to --item 2"), ("d", "choose with --item N")]
    {
        let said = bench.zagg(&["render", "out.zarr", "--variable", variable, "-o", "map.png"]).exits(1);
        assert!(said.err.contains(piece), "{said:?}");
        let words = [
            "render",
            "out.zarr",
            "--variable",
            variable,
            "--item",
            "1",
            "--size",
            "200",
            "-o",
            "map.png",
            "--format",
            "json",
        ];
        let said = bench.zagg(&words).exits(0).json();
        assert!(said["pixels_with_value"].as_u64().unwrap() > 100 && said["item"] == 1, "{said}");
    }
}
