//! One array's metadata: what its `zarr.json` says, written and read.

mod ragged;

use serde_json::{Map, Value, json};
use zagg_core::store::{ArraySpec, Compression, RaggedSpec};
use zagg_core::{DType, Error, Result, Values};

use crate::names;
use crate::values;

/// Most bytes of one block, decoded. Bounds what a store that is not to be trusted can make zagg allocate.
pub(crate) const MAX_BLOCK_BYTES: u64 = 1 << 30;

/// Most blocks that are read at once.
const MAX_BATCH: usize = 32;

/// Decoded bytes of blocks that are read at once, unless a single one has more.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// Most dimensions of an array.
pub(crate) const MAX_DIMENSIONS: usize = 32;

/// Level of Zstandard: higher ones cost much time and gain little on measurements.
pub(crate) const ZSTD_LEVEL: i32 = 3;

/// What is known of an array before its blocks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) dtype: DType,
    pub(crate) fill: Values,
    /// For cells that hold lists; shapes count cells then, and the fill value says nothing.
    pub(crate) ragged: Option<RaggedSpec>,
    pub(crate) dimensions: Vec<String>,
    pub(crate) shape: Vec<u64>,
    pub(crate) block_shape: Vec<u64>,
    pub(crate) chunk_shape: Vec<u64>,
    pub(crate) compression: Compression,
    pub(crate) attributes: Map<String, Value>,
}

impl Layout {
    /// The layout of an array of a template.
    pub(crate) fn from_spec(spec: &ArraySpec) -> Result<Self> {
        names::check_node("array", &spec.name)?;
        let mut fill = spec.fill.clone();
        values::make_nan_canonical(&mut fill);
        let layout = Self {
            dtype: spec.dtype,
            fill,
            ragged: spec.ragged.clone(),
            dimensions: spec.dimensions.clone(),
            shape: spec.shape.clone(),
            block_shape: spec.block_shape.clone(),
            chunk_shape: spec.chunk_shape.clone(),
            compression: match spec.compression {
                // Bytes of lists and of their lengths are not elements of one size.
                Compression::ShuffleZstd if spec.ragged.is_some() => Compression::Zstd,
                compression => compression,
            },
            attributes: spec.attributes.clone(),
        };
        layout.check().map_err(|reason| Error::input(format!("array '{}': {reason}", spec.name)))?;
        if let Some(content) = &spec.content
            && (content.dtype() != spec.dtype || content.len() as u64 != layout.elements())
        {
            return Err(Error::input(format!(
                "array '{}': its content does not fit its shape and type",
                spec.name
            )));
        }
        Ok(layout)
    }

    /// The layout that a `zarr.json` describes; `name` is for messages.
    pub(crate) fn from_json(document: &Map<String, Value>, name: &str) -> Result<Self> {
        let corrupt = |reason: String| Error::corrupt(format!("{name}: {reason}"));
        let member = |key: &str| document.get(key).ok_or_else(|| corrupt(format!("'{key}' is missing")));
        if member("zarr_format")? != 3 || member("node_type")? != "array" {
            return Err(corrupt("this is no Zarr v3 array".to_owned()));
        }
        let unknown = || Error::unsupported(format!("{name}: zagg does not know this data_type"));
        let mut attributes = match document.get("attributes") {
            None => Map::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(corrupt("'attributes' is not an object".to_owned())),
        };
        let (dtype, fill, ragged) = match member("data_type")?.as_str().ok_or_else(unknown)? {
            ragged::DATA_TYPE => {
                let (dtype, spec) = ragged::from_json(attributes.shift_remove(ragged::ATTRIBUTE).as_ref())
                    .ok_or_else(unknown)?;
                if member("fill_value")? != "" {
                    return Err(corrupt("'fill_value' is not an empty list".to_owned()));
                }
                (dtype, ragged::no_fill(dtype)?, Some(spec))
            }
            text => {
                let dtype = DType::parse(text).ok_or_else(unknown)?;
                let fill = fill_from_json(dtype, member("fill_value")?)
                    .ok_or_else(|| corrupt("'fill_value' is not of the array's type".to_owned()))?;
                (dtype, fill, None)
            }
        };
        let shape = extents(member("shape")?)
            .ok_or_else(|| corrupt("'shape' is not a list of extents".to_owned()))?;
        let foreign =
            || Error::unsupported(format!("{name}: zagg reads only arrays laid out as it writes them"));
        let block_shape = document
            .get("chunk_grid")
            .filter(|grid| grid["name"] == "regular")
            .and_then(|grid| extents(&grid["configuration"]["chunk_shape"]))
            .ok_or_else(foreign)?;
        if member("chunk_key_encoding")? != &chunk_key_encoding() {
            return Err(foreign());
        }
        if document.get("storage_transformers").is_some_and(|list| list != &json!([])) {
            return Err(foreign());
        }
        let dimensions = match document.get("dimension_names") {
            None => vec![String::new(); shape.len()],
            Some(names) => names
                .as_array()
                .and_then(|names| {
                    names.iter().map(|name| Some(name.as_str()?.to_owned())).collect::<Option<Vec<_>>>()
                })
                .ok_or_else(|| corrupt("'dimension_names' is not a list of names".to_owned()))?,
        };
        let codecs = member("codecs")?;
        let chunk_shape = match codecs[0]["name"].as_str() {
            Some("sharding_indexed") => {
                extents(&codecs[0]["configuration"]["chunk_shape"]).ok_or_else(foreign)?
            }
            _ => block_shape.clone(),
        };
        let mut layout = Self {
            dtype,
            fill,
            ragged,
            dimensions,
            shape,
            block_shape,
            chunk_shape,
            compression: Compression::None,
            attributes,
        };
        layout.compression = [Compression::Zstd, Compression::ShuffleZstd, Compression::None]
            .into_iter()
            .find(|compression| {
                layout.compression = *compression;
                &layout.codecs() == codecs
            })
            .ok_or_else(foreign)?;
        layout.check().map_err(corrupt)?;
        Ok(layout)
    }

    /// The `zarr.json` of the array.
    pub(crate) fn to_json(&self) -> Value {
        let mut attributes = self.attributes.clone();
        let (data_type, fill) = match &self.ragged {
            None => (json!(self.dtype.name()), fill_to_json(&self.fill)),
            Some(ragged) => {
                attributes.insert(ragged::ATTRIBUTE.to_owned(), ragged::to_json(self.dtype, ragged));
                (json!(ragged::DATA_TYPE), json!(""))
            }
        };
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": data_type,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.block_shape}},
            "chunk_key_encoding": chunk_key_encoding(),
            "fill_value": fill,
            "codecs": self.codecs(),
            "attributes": attributes,
            "dimension_names": self.dimensions,
            "storage_transformers": [],
        })
    }

    fn codecs(&self) -> Value {
        let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let mut chunk = vec![match &self.ragged {
            None => little.clone(),
            Some(_) => json!({"name": "vlen-bytes", "configuration": {}}),
        }];
        match self.compression {
            Compression::Zstd => {
                chunk
                    .push(json!({"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": false}}));
            }
            Compression::ShuffleZstd => chunk.push(json!({"name": "blosc", "configuration": {
                "cname": "zstd",
                "clevel": ZSTD_LEVEL,
                "shuffle": "shuffle",
                "typesize": self.dtype.size(),
                "blocksize": 0,
            }})),
            Compression::None => {}
        }
        if !self.is_sharded() {
            return Value::Array(chunk);
        }
        json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": self.chunk_shape,
            "codecs": chunk,
            "index_codecs": [little, {"name": "crc32c"}],
            "index_location": "end",
        }}])
    }

    /// Whether a block is one object with several chunks.
    pub(crate) fn is_sharded(&self) -> bool {
        self.block_shape != self.chunk_shape
    }

    /// Elements of the array.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Elements of a whole block.
    pub(crate) fn block_elements(&self) -> usize {
        // `check` has bounded the product.
        self.block_shape.iter().product::<u64>() as usize
    }

    /// Blocks that are read at once: not more than answers that a bucket gives side by side, nor than memory has room for.
    pub(crate) fn batch(&self) -> usize {
        let bytes = (self.block_elements() * self.dtype.size()).max(1);
        (MAX_BATCH_BYTES / bytes).clamp(1, MAX_BATCH)
    }

    /// Blocks along each dimension.
    pub(crate) fn blocks(&self) -> Vec<u64> {
        self.shape.iter().zip(&self.block_shape).map(|(extent, block)| extent.div_ceil(*block)).collect()
    }

    /// Elements along each dimension of the part of a block that lies inside the array.
    pub(crate) fn inside(&self, block: &[u64]) -> Vec<u64> {
        self.shape
            .iter()
            .zip(&self.block_shape)
            .zip(block)
            .map(|((extent, size), index)| (extent - (index * size).min(*extent)).min(*size))
            .collect()
    }

    /// Checks that a block belongs to the array.
    pub(crate) fn check_block(&self, block: &[u64]) -> Result<()> {
        let blocks = self.blocks();
        if block.len() == blocks.len() && block.iter().zip(&blocks).all(|(index, count)| index < count) {
            return Ok(());
        }
        Err(Error::input(format!("block {block:?} lies outside the array, which has {blocks:?} blocks")))
    }

    /// The part of a block's object name below the array.
    pub(crate) fn chunk_key(block: &[u64]) -> String {
        block.iter().fold("c".to_owned(), |key, index| format!("{key}/{index}"))
    }

    fn check(&self) -> std::result::Result<(), String> {
        let dimensions = self.shape.len();
        if [self.dimensions.len(), self.block_shape.len(), self.chunk_shape.len()] != [dimensions; 3] {
            return Err("shape, dimensions, block and chunk shape are not of the same length".to_owned());
        }
        if dimensions > MAX_DIMENSIONS {
            return Err(format!("it has more than {MAX_DIMENSIONS} dimensions"));
        }
        if self.fill.len() != 1 || self.fill.dtype() != self.dtype {
            return Err(format!("its fill value is not one {}", self.dtype));
        }
        if let Some(ragged) = &self.ragged {
            ragged::check(self.dtype, ragged)?;
        }
        let element = if self.ragged.is_some() { ragged::CELL_BYTES } else { self.dtype.size() as u64 };
        let bytes = self
            .shape
            .iter()
            .try_fold(element, |bytes, extent| bytes.checked_mul(*extent))
            .filter(|bytes| *bytes <= i64::MAX as u64);
        if bytes.is_none() {
            return Err(format!("its shape {:?} is too large", self.shape));
        }
        let mut size = element;
        for (block, chunk) in self.block_shape.iter().zip(&self.chunk_shape) {
            if *block == 0 || *chunk == 0 || block % chunk != 0 {
                return Err(format!(
                    "chunks of {:?} do not divide blocks of {:?}",
                    self.chunk_shape, self.block_shape
                ));
            }
            size = size.saturating_mul(*block);
        }
        if size > MAX_BLOCK_BYTES {
            return Err(format!(
                "a block of {:?} {} values has more than {MAX_BLOCK_BYTES} bytes; use smaller shards",
                self.block_shape, self.dtype
            ));
        }
        Ok(())
    }
}

fn chunk_key_encoding() -> Value {
    json!({"name": "default", "configuration": {"separator": "/"}})
}

fn extents(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}

fn fill_to_json(fill: &Values) -> Value {
    let float = |value: Option<f64>| match value {
        Some(x) if x.is_nan() => json!("NaN"),
        Some(f64::INFINITY) => json!("Infinity"),
        Some(f64::NEG_INFINITY) => json!("-Infinity"),
        other => json!(other),
    };
    match fill {
        Values::Bool(v) => json!(v.first()),
        Values::Int8(v) => json!(v.first()),
        Values::Int16(v) => json!(v.first()),
        Values::Int32(v) => json!(v.first()),
        Values::Int64(v) => json!(v.first()),
        Values::UInt8(v) => json!(v.first()),
        Values::UInt16(v) => json!(v.first()),
        Values::UInt32(v) => json!(v.first()),
        Values::UInt64(v) => json!(v.first()),
        Values::Float32(v) => float(v.first().map(|x| f64::from(*x))),
        Values::Float64(v) => float(v.first().copied()),
    }
}

fn fill_from_json(dtype: DType, value: &Value) -> Option<Values> {
    if dtype == DType::Bool {
        return Some(Values::Bool(vec![value.as_bool()?]));
    }
    if dtype.is_float() {
        let x = match value.as_str() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            Some(_) => return None,
            None => value.as_f64()?,
        };
        let mut fill = Values::Float64(vec![x]).cast(dtype).ok()?;
        values::make_nan_canonical(&mut fill);
        return Some(fill);
    }
    let wide = match (value.as_i64(), value.as_u64()) {
        (Some(x), _) => Values::Int64(vec![x]),
        (None, Some(x)) => Values::UInt64(vec![x]),
        (None, None) => return None,
    };
    wide.cast(dtype).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_layout_is_read_as_it_was_written() {
        for dtype in DType::ALL {
            for inner_shape in [vec![], vec![2], vec![3, 4]] {
                let mut spec = testing::array("a", dtype, &[20], &[8], &[4]);
                spec.ragged = Some(RaggedSpec { inner_shape });
                spec.compression = Compression::ShuffleZstd;
                let layout = Layout::from_spec(&spec).unwrap();
                assert_eq!(layout.compression, Compression::Zstd);
                let json = layout.to_json();
                let read = Layout::from_json(json.as_object().unwrap(), "a").unwrap();
                assert_eq!((read.to_json(), &read.ragged), (json, &spec.ragged));
                assert_eq!(read.attributes, spec.attributes);
            }
            for compression in [Compression::Zstd, Compression::ShuffleZstd, Compression::None] {
                for chunk in [8, 4] {
                    let mut spec = testing::array("a", dtype, &[20], &[8], &[chunk]);
                    spec.compression = compression;
                    let layout = Layout::from_spec(&spec).unwrap();
                    let bytes = crate::json::to_bytes(&layout.to_json()).unwrap();
                    let document = crate::json::parse_object(&bytes, "a").unwrap();
                    let read = Layout::from_json(&document, "a").unwrap();
                    assert_eq!(read.to_json(), layout.to_json());
                    assert_eq!((read.compression, read.chunk_shape), (compression, vec![chunk]));
                }
            }
        }
    }

    #[test]
    fn fill_values_of_every_kind_survive() {
        for fill in [
            Values::Float32(vec![f32::NAN]),
            Values::Float64(vec![f64::NEG_INFINITY]),
            Values::Float32(vec![0.1]),
            Values::Float64(vec![-0.0]),
            Values::UInt64(vec![u64::MAX]),
            Values::Int64(vec![i64::MIN]),
            Values::Bool(vec![true]),
        ] {
            let text = serde_json::to_string(&fill_to_json(&fill)).unwrap();
            let value = serde_json::from_str(&text).unwrap();
            let mut canonical = fill.clone();
            values::make_nan_canonical(&mut canonical);
            let read = fill_from_json(fill.dtype(), &value).unwrap();
            assert_eq!(read.to_le_bytes(), canonical.to_le_bytes(), "{text}");
        }
        for (dtype, value) in [
            (DType::UInt8, json!(256)),
            (DType::Int8, json!(1.5)),
            (DType::Float32, json!("nan")),
            (DType::Bool, json!(1)),
            (DType::UInt64, json!(-1)),
        ] {
            assert!(fill_from_json(dtype, &value).is_none(), "{dtype} {value}");
        }
    }

    #[test]
    fn what_cannot_be_laid_out_is_refused() {
        type Change = fn(&mut ArraySpec);
        let changes: [(Change, &str); 9] = [
            (|s| s.name = "../a".into(), "begins with a dot"),
            (|s| s.dimensions.clear(), "same length"),
            (|s| s.chunk_shape = vec![3], "do not divide"),
            (|s| s.chunk_shape = vec![0], "do not divide"),
            (|s| s.block_shape = vec![0], "do not divide"),
            (|s| s.fill = Values::Int8(vec![0]), "fill value"),
            (|s| s.fill = Values::Float32(vec![]), "fill value"),
            (|s| s.shape = vec![u64::MAX / 4], "too large"),
            (|s| (s.block_shape, s.chunk_shape) = (vec![1 << 29], vec![1 << 29]), "smaller shards"),
        ];
        for (change, message) in changes {
            let mut spec = testing::array("a", DType::Float32, &[20], &[8], &[4]);
            change(&mut spec);
            let error = Layout::from_spec(&spec).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn foreign_and_broken_metadata_are_told_apart() {
        use zagg_core::ErrorKind::{Corrupt, Unsupported};
        let good =
            Layout::from_spec(&testing::array("a", DType::Float32, &[20], &[8], &[4])).unwrap().to_json();
        for (path, value, kind) in [
            ("/zarr_format", json!(2), Corrupt),
            ("/shape", json!([-1]), Corrupt),
            ("/shape", json!([1u64 << 63]), Corrupt),
            ("/data_type", json!("complex64"), Unsupported),
            ("/data_type", json!({"name": "x"}), Unsupported),
            ("/fill_value", json!("x"), Corrupt),
            ("/chunk_grid/name", json!("rectangular"), Unsupported),
            ("/chunk_grid/configuration/chunk_shape", json!([0]), Corrupt),
            ("/chunk_grid/configuration/chunk_shape", json!([1u64 << 40]), Corrupt),
            ("/codecs", json!([]), Unsupported),
            ("/codecs", json!({}), Unsupported),
            ("/codecs/0/configuration/chunk_shape", json!([3]), Corrupt),
            ("/codecs/0/configuration/index_location", json!("start"), Unsupported),
            ("/dimension_names", json!([null]), Corrupt),
            ("/attributes", json!([]), Corrupt),
        ] {
            let mut document = good.clone();
            *document.pointer_mut(path).unwrap() = value;
            let error = Layout::from_json(document.as_object().unwrap(), "a").unwrap_err();
            assert_eq!(error.kind(), kind, "{path}: {error}");
        }
        for key in ["zarr_format", "shape", "data_type", "codecs", "chunk_grid", "fill_value"] {
            let mut document = good.as_object().unwrap().clone();
            document.remove(key);
            assert!(Layout::from_json(&document, "a").is_err(), "{key}");
        }
    }

    #[test]
    fn lists_are_described_as_the_original_does() {
        let mut spec = testing::array("a", DType::Float32, &[20], &[8], &[8]);
        spec.ragged = Some(RaggedSpec { inner_shape: vec![2] });
        let json = Layout::from_spec(&spec).unwrap().to_json();
        assert_eq!((&json["data_type"], &json["fill_value"]), (&json!("variable_length_bytes"), &json!("")));
        assert_eq!(json["codecs"][0]["name"], "vlen-bytes");
        assert_eq!(json["codecs"][1]["name"], "zstd");
        let element = json!({"dtype": "float32", "shape": [-1, 2]});
        assert_eq!(json["attributes"]["ragged"], json!({"spec": "zagg-ragged/1", "element": element}));
        for (path, value) in [
            ("/attributes/ragged/spec", json!("zagg-ragged/2")),
            ("/attributes/ragged/element/dtype", json!("complex64")),
            ("/attributes/ragged/element/shape", json!([2])),
            ("/attributes/ragged/element/shape", json!([])),
            ("/attributes/ragged/element/shape", json!([-1, 0])),
            ("/attributes/ragged/element/shape", json!([-1, 1u64 << 40, 1u64 << 40])),
            ("/attributes/ragged", json!(null)),
            ("/fill_value", json!("AAAA")),
            ("/codecs/0/name", json!("bytes")),
        ] {
            let mut document = json.clone();
            *document.pointer_mut(path).unwrap() = value;
            assert!(Layout::from_json(document.as_object().unwrap(), "a").is_err(), "{path}");
        }
        spec.ragged = Some(RaggedSpec { inner_shape: vec![0] });
        assert!(Layout::from_spec(&spec).unwrap_err().to_string().contains("item"));
    }

    #[test]
    fn edge_blocks_end_with_the_array() {
        let layout = Layout::from_spec(&testing::array("a", DType::Int8, &[5, 4], &[2, 4], &[2, 4])).unwrap();
        assert_eq!(layout.blocks(), [3, 1]);
        assert_eq!(layout.inside(&[2, 0]), [1, 4]);
        assert_eq!(layout.inside(&[0, 0]), [2, 4]);
        assert!(layout.check_block(&[3, 0]).is_err());
        assert!(layout.check_block(&[0]).is_err());
        assert_eq!(Layout::chunk_key(&[2, 0]), "c/2/0");
        assert_eq!(Layout::chunk_key(&[]), "c");
    }
}
