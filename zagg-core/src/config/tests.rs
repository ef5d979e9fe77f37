use super::*;
use crate::column::DType;
use crate::granule::Driver;

const BASE: &str = "\
data_source:
  reader: h5coro
  driver: s3
  groups: [gt1l]
  coordinates: {latitude: a, longitude: b}
  variables:
    h_li: c
  quality_filter: {dataset: q, value: 0}
aggregation:
  variables:
    count:
      function: len
      dtype: int32
      fill_value: 0
    h_mean:
      function: np.average
      source: h_li
      params: {weights: \"1.0 / s_li**2\"}
output:
  grid: {type: healpix, parent_order: 6, child_order: 12}
";

fn fails(text: &str) -> String {
    parse_text("p.yaml", text).unwrap_err().to_string()
}

#[test]
fn a_pipeline_of_the_original_is_read() {
    let pipeline = parse_text("p.yaml", BASE).unwrap();
    assert_eq!(pipeline.data_source.driver, Driver::S3);
    assert_eq!(pipeline.data_source.filters.len(), 1);
    let mean = &pipeline.aggregation.variables[1];
    assert_eq!((mean.name.as_str(), mean.dtype, &mean.fill), ("h_mean", DType::Float32, &FillValue::NaN));
    assert!(matches!(&mean.computation, Computation::Function { name, .. } if name == "average"));
    assert_eq!(pipeline.output.layout, Layout::Compact);
    assert!(pipeline.notes.is_empty());
}

#[test]
fn faults_name_file_line_and_key() {
    assert_eq!(
        fails(&BASE.replace("dtype: int32", "dtyp: int32")),
        "p.yaml:13: aggregation.variables.count.dtyp: unknown key; did you mean \"dtype\"?"
    );
    assert_eq!(
        fails(&BASE.replace("driver: s3", "driver: ftp")),
        "p.yaml:3: data_source.driver: unknown driver \"ftp\"; there are s3, https, file"
    );
    assert_eq!(
        fails(&BASE.replace("dtype: int32", "dtype: int8").replace("fill_value: 0", "fill_value: 300")),
        "p.yaml:14: aggregation.variables.count.fill_value: the value 300 does not fit the type int8"
    );
    let float = |fill: &str| {
        let fill = format!("fill_value: {fill}");
        BASE.replace("dtype: int32", "dtype: float32").replace("fill_value: 0", &fill)
    };
    for fill in ["1e300", "-1e39"] {
        let error = fails(&float(fill));
        assert!(
            error.starts_with("p.yaml:14: aggregation.variables.count.fill_value: the value "),
            "{error}"
        );
        assert!(error.ends_with(" does not fit the type float32"), "{error}");
    }
    for fill in ["Infinity", "-Infinity", "NaN", "3.4e38", "-9999"] {
        assert!(parse_text("p.yaml", &float(fill)).is_ok(), "{fill}");
    }
    assert!(parse_text("p.yaml", &float("1e300").replace("float32", "float64")).is_ok());
    assert_eq!(fails("data_source: {reader: x}"), "p.yaml: the section aggregation is missing");
    assert!(fails("a: [").starts_with("p.yaml: not valid YAML: "));
    assert_eq!(fails(""), "p.yaml: the pipeline is empty");
    assert_eq!(
        fails(&format!("{BASE}outputs: 3\n")),
        "p.yaml:21: outputs: unknown key; did you mean \"output\"?"
    );
}

#[test]
fn keys_without_meaning_are_noted_and_missing_features_refused() {
    let pipeline =
        parse_text("p.yaml", &BASE.replace("aggregation:\n", "aggregation:\n  handoff: arrow\n")).unwrap();
    assert_eq!(
        pipeline.notes,
        ["aggregation.handoff names an internal carrier of the original; it is ignored"]
    );
    assert_eq!(
        fails(&BASE.replace("  driver: s3\n", "  driver: s3\n  bands: photons\n")),
        "p.yaml:4: data_source.bands: is not supported by this version of zagg; leave it out"
    );
}

#[test]
fn layers_merge_and_a_new_computation_inherits_no_parameters() {
    let mut layers = Layers::default();
    layers.push(Layer::parse("below.yaml", BASE).unwrap());
    let above =
        "aggregation: {variables: {h_mean: {function: mean, source: h_li}}}\noutput: {layout: full_sphere}\n";
    layers.push(Layer::parse("above.yaml", above).unwrap());
    let pipeline = Pipeline::parse(&layers).unwrap();
    assert_eq!(pipeline.output.layout, Layout::FullSphere);
    let Computation::Function { params, .. } = &pipeline.aggregation.variables[1].computation else {
        panic!()
    };
    assert!(params.is_empty());
    layers.push(Layer::parse("top.yaml", "output:\n  layout: round\n").unwrap());
    assert_eq!(
        Pipeline::parse(&layers).unwrap_err().to_string(),
        "top.yaml:2: output.layout: unknown layout \"round\"; there are compact, full_sphere"
    );
}

#[test]
fn a_fault_is_placed_in_the_layer_that_has_the_key_whatever_its_style() {
    let mut layers = Layers::default();
    layers.push(Layer::parse("below.yaml", BASE).unwrap());
    layers.push(Layer::parse("above.yaml", "# Another driver.\ndata_source: {driver: ftp}\n").unwrap());
    assert_eq!(
        Pipeline::parse(&layers).unwrap_err().to_string(),
        "above.yaml:2: data_source.driver: unknown driver \"ftp\"; there are s3, https, file"
    );
}

#[test]
fn a_key_of_the_same_name_elsewhere_is_not_taken_for_the_fault() {
    // Columns may be called as a section or as a key beside them.
    let text = BASE.replace("    h_li: c\n", "    output: c\n    filters: d\n  filters: 3\n");
    assert_eq!(fails(&text), "p.yaml:9: data_source.filters: must be a list");
    let text = BASE
        .replace("    h_li: c\n", "    output: c\n")
        .replace("output:\n  grid", "output:\n  layout: round\n  grid");
    assert_eq!(
        fails(&text),
        "p.yaml:20: output.layout: unknown layout \"round\"; there are compact, full_sphere"
    );
}

#[test]
fn another_grid_laid_over_inherits_no_resolution() {
    let over = |text: &str| {
        let mut layers = Layers::default();
        layers.push(Layer::parse("below.yaml", BASE).unwrap());
        layers.push(Layer::parse("above.yaml", text).unwrap());
        Value::Object(Pipeline::parse(&layers).unwrap().output.grid)
    };
    let other = over("output: {grid: {type: s2, child_level: 13}}");
    assert_eq!(other, serde_json::json!({"type": "s2", "child_level": 13}));
    let same = over("output: {grid: {type: healpix, child_order: 11}}");
    assert_eq!((&same["parent_order"], &same["child_order"]), (&Value::from(6), &Value::from(11)));
}

#[test]
fn the_hash_ignores_how_bytes_are_fetched_and_the_order_of_keys() {
    let hash = |text: &str| parse_text("p.yaml", text).unwrap().hash();
    assert_eq!(hash(BASE), hash(&BASE.replace("driver: s3", "driver: https")));
    let how = "driver: s3\n  memory: 1GiB\n  read_ahead: 4MiB\n  access: {region: eu-central-1}";
    assert_eq!(hash(BASE), hash(&BASE.replace("driver: s3", how)));
    assert_eq!(
        hash(BASE),
        hash(&BASE.replace("parent_order: 6, child_order: 12", "child_order: 12, parent_order: 6"))
    );
    assert_ne!(hash(BASE), hash(&BASE.replace("child_order: 12", "child_order: 11")));
}

#[test]
fn arrays_are_compressed_as_the_pipeline_says() {
    use crate::store::Compression;
    let text = |compression: &str| format!("{BASE}  compression: {compression}\n");
    for (name, want) in
        [("zstd", Compression::Zstd), ("blosc", Compression::ShuffleZstd), ("none", Compression::None)]
    {
        assert_eq!(parse_text("p.yaml", &text(name)).unwrap().output.compression, want);
    }
    assert!(fails(&text("gzip")).contains("unknown compression \"gzip\"; there are zstd, blosc, none"));
}
