//! Signature, layout, attributes and coordinates, word for word.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use zagg_core::column::{DType, Values};
use zagg_core::grid::Grid;
use zagg_healpix::make;

fn grid(options: &Value) -> Box<dyn Grid> {
    make(options.as_object().unwrap()).unwrap()
}

#[test]
fn the_signature_is_that_of_the_python_program() {
    let signature =
        grid(&json!({"type": "healpix", "parent_order": 6, "child_order": 12, "chunk_inner": 8})).signature();
    assert_eq!(
        serde_json::to_string(&json!(signature)).unwrap(),
        serde_json::to_string(&json!({
            "type": "healpix", "indexing_scheme": "nested", "parent_order": 6, "child_order": 12, "layout": "fullsphere"
        }))
        .unwrap()
    );
    let sphere = grid(&json!({"parent_order": 6, "child_order": 12, "ellipsoid": "sphere"})).signature();
    assert_eq!(sphere["ellipsoid"], "sphere");
}

#[test]
fn the_group_declares_the_dggs_convention() {
    let grid = grid(&json!({"parent_order": 6, "child_order": 12}));
    let expected: Value = serde_json::from_str(
        r#"{"zarr_conventions":[{"uuid":"7b255807-140c-42ca-97f6-7a1cfecdbc38",
            "schema_url":"https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json",
            "spec_url":"https://github.com/zarr-conventions/dggs/blob/v1/README.md",
            "name":"dggs","description":"Discrete Global Grid Systems convention for zarr"}],
          "dggs":{"name":"healpix","refinement_level":12,"indexing_scheme":"nested","spatial_dimension":"cells",
            "ellipsoid":{"name":"WGS84","semi_major_axis":6378137.0,"inverse_flattening":298.257223563},
            "coordinate":"cell_ids","compression":"none"}}"#,
    )
    .unwrap();
    assert_eq!(Value::Object(grid.group_attributes(12, true)), expected);

    let full = grid.group_attributes(10, false);
    assert_eq!(full["dggs"]["refinement_level"], 10);
    assert_eq!(full["dggs"].get("coordinate"), None);
    assert_eq!(full["dggs"].get("compression"), None);
    assert_eq!(grid.array_attributes(12, true), *json!({"coordinates": "cell_ids"}).as_object().unwrap());
    assert!(grid.array_attributes(12, false).is_empty());
}

#[test]
fn cell_ids_have_exactly_the_attributes_that_xdggs_takes() {
    let coordinates = grid(&json!({"parent_order": 6, "child_order": 12})).coordinates(12);
    assert_eq!(coordinates.len(), 1);
    assert_eq!((coordinates[0].name.as_str(), coordinates[0].dtype), ("cell_ids", DType::UInt64));
    assert!(coordinates[0].implied_by_position);
    assert_eq!(
        Value::Object(coordinates[0].attributes.clone()),
        json!({"grid_name": "healpix", "level": 12, "indexing_scheme": "nested",
            "ellipsoid": {"name": "WGS84", "semimajor_axis": 6_378_137.0, "inverse_flattening": 298.257_223_563}})
    );
    let sphere = grid(&json!({"parent_order": 6, "child_order": 12, "ellipsoid": "sphere"}));
    let expected = json!({"name": "sphere", "radius": 6_370_997.0});
    assert_eq!(sphere.coordinates(12)[0].attributes["ellipsoid"], expected);
    assert_eq!(sphere.group_attributes(12, true)["dggs"]["ellipsoid"], expected);
}

#[test]
fn the_morton_coordinate_holds_packed_words() {
    let grid = grid(&json!({"parent_order": 6, "child_order": 12, "morton": true}));
    assert_eq!(grid.coordinates(12)[1].name, "morton");
    let cells = grid.cells_of_shard(41_062, 12);
    let Ok(Values::UInt64(words)) = grid.cell_coordinate("morton", 12, &cells) else { panic!("not uint64") };
    let Ok(Values::UInt64(ids)) = grid.cell_coordinate("cell_ids", 12, &cells) else { panic!("not uint64") };
    let at = ids.iter().position(|id| *id == 168_190_811).unwrap();
    assert_eq!(words[at], 12_710_906_028_330_319_884);
    assert!(words.is_sorted());
}

#[test]
fn blocks_and_chunks_of_every_level() {
    let grid = grid(&json!({"parent_order": 6, "child_order": 12, "chunk_inner": 8}));
    for (level, full, shard, chunk) in
        [(12, 12_u64 << 24, 4096, 256), (10, 12 << 20, 256, 16), (8, 12 << 16, 16, 1), (6, 12 << 12, 1, 1)]
    {
        let layout = grid.layout(level);
        assert_eq!(layout.dimensions, ["cells"]);
        assert_eq!(
            (layout.full_shape[0], layout.shard_shape[0], layout.chunk_shape[0]),
            (full, shard, chunk)
        );
        assert!(layout.compactable);
        assert_eq!(grid.group_name(level), level.to_string());
    }
}

#[test]
fn the_root_ties_the_orders_together() {
    let grid = grid(&json!({"parent_order": 6, "child_order": 12}));
    let expected: Value = serde_json::from_str(
        r#"{"zarr_conventions":[{"uuid":"d35379db-88df-4056-af3a-620245f8e347",
            "schema_url":"https://raw.githubusercontent.com/zarr-conventions/multiscales/refs/tags/v0.1/schema.json",
            "spec_url":"https://github.com/zarr-conventions/multiscales/blob/v0.1/README.md",
            "name":"multiscales","description":"Multiscale layout of zarr datasets"}],
          "multiscales":{"layout":[
            {"asset":"12","dggs":{"name":"healpix","refinement_level":12,"indexing_scheme":"nested","spatial_dimension":"cells",
              "ellipsoid":{"name":"WGS84","semi_major_axis":6378137.0,"inverse_flattening":298.257223563},
              "coordinate":"cell_ids","compression":"none"}},
            {"asset":"10","derived_from":"12","transform":{"scale":[4.0]},
              "dggs":{"name":"healpix","refinement_level":10,"indexing_scheme":"nested","spatial_dimension":"cells",
              "ellipsoid":{"name":"WGS84","semi_major_axis":6378137.0,"inverse_flattening":298.257223563},
              "coordinate":"cell_ids","compression":"none"}},
            {"asset":"3","derived_from":"10","transform":{"scale":[128.0]},
              "dggs":{"name":"healpix","refinement_level":3,"indexing_scheme":"nested","spatial_dimension":"cells",
              "ellipsoid":{"name":"WGS84","semi_major_axis":6378137.0,"inverse_flattening":298.257223563},
              "coordinate":"cell_ids","compression":"none"}}]}}"#,
    )
    .unwrap();
    assert_eq!(Value::Object(grid.root_attributes(&[12, 10, 3], true)), expected);
    let full = Value::Object(grid.root_attributes(&[12, 6], false));
    let items = full["multiscales"]["layout"].as_array().unwrap();
    for (item, level) in items.iter().zip([12, 6]) {
        assert_eq!(item["dggs"], grid.group_attributes(level, false)["dggs"]);
        assert_eq!(item["dggs"].get("coordinate"), None);
    }
    assert_eq!(items[1]["transform"], json!({"scale": [64.0]}));
}

#[test]
fn cells_larger_than_shards() {
    let grid = grid(&json!({"parent_order": 6, "child_order": 12, "chunk_inner": 8, "morton": true}));
    assert_eq!((grid.coarsest_level(), grid.level_number(3), grid.level_from_number(3)), (0, 3, Ok(3)));
    let message = grid.level_from_number(13).unwrap_err().to_string();
    assert_eq!(message, "there is no order 13 in the grid; it has orders 0 to 12 (child_order)");
    let mut parents = [0; 2];
    for (level, expected) in [(6, 41_062), (5, 10_265), (3, 641), (0, 10)] {
        grid.parents_of_shards(&[41_062, 0], level, &mut parents);
        assert_eq!(parents, [expected, 0], "order {level}");
        grid.parents(&[168_190_811, 0], level, &mut parents);
        assert_eq!(parents, [expected, 0], "order {level}");
        grid.places(level, &[expected, 0], &mut parents);
        assert_eq!(parents, [expected, 0], "order {level}");
        let layout = grid.layout(level);
        assert_eq!(
            (layout.full_shape, layout.shard_shape, layout.chunk_shape),
            (vec![12 << (2 * level)], vec![1], vec![1])
        );
        assert_eq!(grid.cell_coordinate("cell_ids", level, &parents), Ok(Values::UInt64(parents.to_vec())));
    }
    // The label of -5112323 goes on with its ancestors.
    let Ok(Values::UInt64(words)) = grid.cell_coordinate("morton", 3, &[641]) else { panic!("no words") };
    assert_eq!(words, [0xb040_0000_0000_0003]);
}
