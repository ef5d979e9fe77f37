//! Signature, layout, attributes and coordinates, word for word; shard maps of the Python program.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use zagg_core::column::{DType, Values};
use zagg_core::grid::{CoordinateExtent, Grid};
use zagg_rectilinear::make;

fn grid(options: &Value) -> Box<dyn Grid> {
    make(options.as_object().unwrap()).unwrap()
}

fn polar() -> Value {
    json!({"type": "rectilinear", "crs": "EPSG:3031", "resolution": 1000, "bounds": [-3e6, -3e6, 3e6, 3e6], "chunk_shape": [300, 300]})
}

#[test]
fn the_signature_is_that_of_the_python_program() {
    // As in its map sm_rect_3km.json, numbers with and without a decimal point included.
    let options = json!({
        "crs": "EPSG:32618", "resolution": 10, "bounds": [358_300, 4_299_600, 370_300, 4_311_600],
        "chunk_shape": [300, 300], "chunk_inner": [100, 100]
    });
    assert_eq!(
        serde_json::to_string(&grid(&options).signature()).unwrap(),
        r#"{"type":"rectilinear","crs":"EPSG:32618","affine":[10.0,0.0,358300.0,0.0,-10.0,4311600.0],"shape":[1200,1200],"chunk_shape":[300,300]}"#
    );
    let mut own = polar();
    own["crs"] = json!("+proj=laea +lat_0=-90 +lon_0=0 +datum=WGS84 +units=m");
    assert_eq!(
        grid(&own).signature()["crs"],
        "+proj=laea +lat_0=-90 +lon_0=0 +datum=WGS84 +units=m +type=crs"
    );
}

#[test]
fn keys_and_labels_are_numbers_row_by_row() {
    let grid = grid(&polar());
    assert_eq!((grid.shard_key(399), grid.shard_label(399).as_str()), (399, "399"));
    assert_eq!(grid.shard_index(41), [2, 1]);
    assert_eq!(grid.shard_from_label("21"), Ok(21));
    for wrong in ["400", "-1", "021", "+21", "2.0", "", "0x15"] {
        assert!(grid.shard_from_label(wrong).is_err(), "{wrong:?}");
    }
    let message = grid.shard_from_key(400).unwrap_err().to_string();
    assert!(message.contains("20 rows of 20 shards, numbered from 0 to 399"), "{message}");
}

#[test]
fn the_group_declares_the_conventions() {
    let grid = grid(&polar());
    let expected: Value = serde_json::from_str(
        r#"{"zarr_conventions":[
          {"uuid":"f17cb550-5864-4468-aeb7-f3180cfb622f","schema_url":"https://raw.githubusercontent.com/zarr-conventions/proj/refs/tags/v0.1/schema.json","spec_url":"https://github.com/zarr-conventions/proj/blob/v0.1/README.md","name":"proj","description":"Coordinate reference system information for geospatial data"},
          {"uuid":"689b58e2-cf7b-45e0-9fff-9cfc0883d6b4","schema_url":"https://raw.githubusercontent.com/zarr-conventions/spatial/refs/tags/v0.1/schema.json","spec_url":"https://github.com/zarr-conventions/spatial/blob/v0.1/README.md","name":"spatial","description":"Spatial coordinate information"}],
         "proj:code":"EPSG:3031","spatial:dimensions":["y","x"],"spatial:transform":[1000.0,0.0,-3000000.0,0.0,-1000.0,3000000.0],
         "spatial:shape":[6000,6000],"spatial:bbox":[-3000000.0,-3000000.0,3000000.0,3000000.0],"spatial:registration":"pixel"}"#,
    )
    .unwrap();
    let leaf = grid.leaf_level();
    assert_eq!(Value::Object(grid.group_attributes(leaf, false)), expected);
    assert_eq!(grid.group_attributes(leaf, true), grid.group_attributes(leaf, false));
    let mut on_arrays = expected;
    on_arrays["grid_mapping"] = json!("spatial_ref");
    on_arrays["coordinates"] = json!("spatial_ref");
    assert_eq!(Value::Object(grid.array_attributes(leaf, false)), on_arrays);
    let coarser = grid.group_attributes(leaf - 2, false);
    assert_eq!(coarser["spatial:transform"], json!([4000.0, 0.0, -3e6, 0.0, -4000.0, 3e6]));
    assert_eq!(
        (&coarser["spatial:shape"], &coarser["spatial:bbox"]),
        (&json!([1500, 1500]), &on_arrays["spatial:bbox"])
    );
}

/// The padded grid is what is described, and a PROJ string is not passed off as something else.
#[test]
fn padding_and_proj_strings_are_told() {
    let grid = grid(&json!({
        "crs": "+proj=laea +lat_0=-90 +datum=WGS84", "resolution": [10, 20], "bounds": [0, 0, 95, 95], "chunk_shape": [4, 4]
    }));
    let group = grid.group_attributes(grid.leaf_level(), false);
    assert_eq!(group["spatial:shape"], json!([8, 12]));
    assert_eq!(group["spatial:bbox"], json!([0.0, -65.0, 120.0, 95.0]));
    assert_eq!(group["zarr_conventions"].as_array().unwrap().len(), 1);
    assert!(!group.contains_key("proj:code"));
    let mapping = grid.coordinates(grid.leaf_level()).pop().unwrap().attributes;
    assert_eq!(mapping["spatial_ref"], "+proj=laea +lat_0=-90 +datum=WGS84");
    assert_eq!(mapping["grid_mapping_name"], "lambert_azimuthal_equal_area");
    assert_eq!(mapping["GeoTransform"], "0 10 0 95 0 -20");
    assert!(!mapping.contains_key("crs_wkt"));
}

#[test]
fn coordinates_are_centres_in_units_of_the_system() {
    let polar = grid(&polar());
    let leaf = polar.leaf_level();
    let Ok(Values::Float64(x)) = polar.whole_coordinate("x", leaf) else { panic!("no x") };
    let Ok(Values::Float64(y)) = polar.whole_coordinate("y", leaf) else { panic!("no y") };
    assert_eq!((x.len(), x[0], x[5999]), (6000, -2_999_500.0, 2_999_500.0));
    assert_eq!((y.len(), y[0], y[5999]), (6000, 2_999_500.0, -2_999_500.0));
    let [along_y, along_x, mapping] = <[_; 3]>::try_from(polar.coordinates(leaf)).unwrap();
    assert_eq!((along_x.extent, along_x.dtype), (CoordinateExtent::Dimension(1), DType::Float64));
    assert_eq!(along_y.extent, CoordinateExtent::Dimension(0));
    assert_eq!(
        (along_x.attributes["standard_name"].as_str(), along_x.attributes["units"].as_str()),
        (Some("projection_x_coordinate"), Some("m"))
    );
    assert_eq!(along_y.attributes["standard_name"], "projection_y_coordinate");
    assert_eq!((mapping.name.as_str(), mapping.extent), ("spatial_ref", CoordinateExtent::Scalar));
    assert!(mapping.attributes["crs_wkt"].as_str().unwrap().contains("AUTHORITY[\"EPSG\",\"3031\"]"));
    assert_eq!(mapping.attributes["crs_wkt"], mapping.attributes["spatial_ref"]);
    assert_eq!(mapping.attributes["GeoTransform"], "-3000000 1000 0 3000000 0 -1000");
    let degrees = grid(&json!({"crs": "EPSG:4326", "resolution": 0.5, "bounds": [0, 0, 1, 1]}));
    let units: Vec<Value> = degrees.coordinates(8)[..2]
        .iter()
        .map(|c| json!([c.attributes["standard_name"], c.attributes["units"]]))
        .collect();
    assert_eq!(units, [json!(["latitude", "degrees_north"]), json!(["longitude", "degrees_east"])]);
}

#[test]
fn the_root_ties_the_overviews_together() {
    let grid = grid(&json!({
        "crs": "EPSG:3031", "resolution": 1000, "bounds": [-3e6, -3e6, 3e6, 3e6], "chunk_shape": [600, 400]
    }));
    // 600 and 400 can be halved three times.
    let numbers: Vec<u64> = (0..=grid.leaf_level()).map(|level| grid.level_number(level)).collect();
    assert_eq!(numbers, [8, 4, 2, 1]);
    let levels = [1, 4].map(|factor| grid.level_from_number(factor).unwrap());
    assert_eq!(levels, [3, 1]);
    for factor in [0, 3, 16, u64::MAX] {
        let message = grid.level_from_number(factor).unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "there is no overview factor {factor} in the grid; with output.grid.chunk_shape [600, 400] there are powers \
                 of two from 1 to 8"
            )
        );
    }
    let root = grid.root_attributes(&levels, true);
    // Beside the layout, what the group of the finest level says: where the whole lies.
    let mut group = grid.group_attributes(3, true);
    let conventions = group.remove("zarr_conventions").unwrap();
    for (key, value) in &group {
        assert_eq!(root[key], *value, "{key}");
    }
    assert_eq!(root["zarr_conventions"].as_array().unwrap()[1..], conventions.as_array().unwrap()[..]);
    assert_eq!(root["zarr_conventions"][0]["uuid"], "d35379db-88df-4056-af3a-620245f8e347");
    assert_eq!(
        root["multiscales"],
        json!({"layout": [
            {"asset": "rectilinear", "spatial:shape": [6000, 6000],
             "spatial:transform": [1000.0, 0.0, -3_000_000.0, 0.0, -1000.0, 3_000_000.0]},
            {"asset": "rectilinear_4", "derived_from": "rectilinear", "transform": {"scale": [4.0, 4.0]},
             "spatial:shape": [1500, 1500],
             "spatial:transform": [4000.0, 0.0, -3_000_000.0, 0.0, -4000.0, 3_000_000.0]}
        ]})
    );
    assert_eq!(root.len(), group.len() + 2);
}
