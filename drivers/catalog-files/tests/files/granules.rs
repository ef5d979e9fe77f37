use std::collections::HashSet;

use zagg_catalog_files::{read_granules, read_shard_map, write_granules};
use zagg_core::footprint::Footprint;

use crate::data;

#[test]
fn real_catalogs_of_the_original_are_read_and_come_back() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in
        [("zagg_cat_neon_ATL03_007", 2089), ("zagg_cat_serc_ATL03_007", 59), ("zagg_cat_s2_neon_2025", 85)]
    {
        let found = read_granules(&data.join(format!("{name}.parquet"))).unwrap();
        assert_eq!((found.entries.len(), found.incomplete.len()), (count, 0), "{name}");
        let ids: HashSet<&str> = found.entries.iter().map(|entry| entry.granule.id.as_str()).collect();
        assert_eq!(ids.len(), count);
        for entry in &found.entries {
            let Footprint::Polygons(polygons) = &entry.footprint else { panic!("{name}: no polygon") };
            assert!(polygons.len() == 1 && polygons[0].holes.is_empty());
            let ring = &polygons[0].exterior;
            assert!(ring.len() >= 5 && ring.first() == ring.last());
        }
        let path = folder.path().join(format!("{name}.parquet"));
        write_granules(&path, &found).unwrap();
        assert_eq!(read_granules(&path).unwrap(), found, "{name}");
        let (ours, theirs) =
            (path.metadata().unwrap().len(), data.join(format!("{name}.parquet")).metadata().unwrap().len());
        assert!(ours < theirs, "{name}: {ours} bytes, {theirs} of the original");
    }
}

#[test]
fn granules_of_a_real_catalog_are_those_of_the_maps_made_from_it() {
    let Some(data) = data() else { return };
    let found = read_granules(&data.join("zagg_cat_neon_ATL03_007.parquet")).unwrap();
    assert_eq!(found.metadata["total_granules"], 555_867);
    let map = read_shard_map(&data.join("shardmaps/sm_healpix_o9.json")).unwrap();
    for granule in &map.granules {
        let entry = found.entries.iter().find(|entry| entry.granule.id == granule.id).unwrap();
        assert_eq!((&entry.granule.s3, &entry.granule.https), (&granule.s3, &granule.https));
        // The original writes the same moments in Python's way.
        let python = |text: &Option<String>| text.as_ref().map(|text| text.replace("Z", "000+00:00"));
        assert_eq!(python(&entry.granule.time_start), granule.time_start);
        assert_eq!(python(&entry.granule.time_end), granule.time_end);
    }
}

#[test]
fn images_with_a_file_per_band_have_no_href() {
    let Some(data) = data() else { return };
    let found = read_granules(&data.join("zagg_cat_s2_neon_2025.parquet")).unwrap();
    for entry in &found.entries {
        let granule = &entry.granule;
        assert_eq!((&granule.https, &granule.s3, &granule.file, granule.size), (&None, &None, &None, None));
        assert!(granule.time_start.as_ref().is_some_and(|time| time.starts_with("2025-")));
        assert_eq!(granule.time_start, granule.time_end);
    }
}

#[test]
fn a_real_page_of_an_old_server_is_read() {
    let Some(data) = data() else { return };
    let found = read_granules(&data.join("cmrstac_old_HLSL30.v1.5_item_collection.json")).unwrap();
    assert!(!found.entries.is_empty());
    assert!(found.entries.iter().all(|entry| entry.granule.time_start.is_some()));
}
