//! What the source needs of the section `data_source`.

use serde_json::{Map, Value};
use zagg_core::source::{LATITUDE, LONGITUDE, SourceOptions};
use zagg_core::suggest::did_you_mean;
use zagg_core::{Context, DType, Error, Result};

/// Bytes of decoded values at once, unless `data_source.memory` says otherwise.
const MEMORY: u64 = 1 << 30;

/// Attributes that a variable of the pipeline may give its column.
const ATTRIBUTES: [&str; 3] = ["units", "long_name", "standard_name"];

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Text with one row a line.
    Csv,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// By its name; in Parquet files `a.b` is the member `b` of the struct `a`.
    Name(String),
    /// By its place, from 0; for CSV files.
    Number(usize),
}

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "number {number}"),
        }
    }
}

/// A column that the source gives.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnOptions {
    /// Its name in the pipeline.
    pub name: String,
    /// The column of the file.
    pub column: ColumnRef,
    /// The type its values are given in, where the pipeline says one.
    pub dtype: Option<DType>,
    /// Attributes for arrays made from it.
    pub attributes: Map<String, Value>,
}

/// Where positions come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coordinates {
    /// Two columns, in degrees.
    Columns {
        /// Longitudes.
        longitude: ColumnRef,
        /// Latitudes.
        latitude: ColumnRef,
    },
    /// One column of points in well-known binary.
    Geometry(String),
}

/// How text is taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvOptions {
    /// Between fields; by default a tab in `.tsv` files, else a comma.
    pub delimiter: Option<u8>,
    /// Around fields that hold delimiters or line ends.
    pub quote: u8,
    /// Lines that begin with it are passed over.
    pub comment: Option<u8>,
    /// Whether the first row has the names of the columns.
    pub header: bool,
    /// Fields that stand for a missing value, beside empty ones.
    pub null_values: Vec<NullValue>,
}

/// A field that stands for a missing value.
#[derive(Debug, Clone, PartialEq)]
pub struct NullValue {
    text: String,
    /// What the text means as a number, so that every spelling of it is found.
    number: Option<Number>,
}

/// A number as text may say it. Whole ones are exact.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(whole) => Some(Self::Whole(whole)),
            Err(_) => text.parse().ok().map(Self::Float),
        }
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            // A whole number beyond 2^53 is the float that it is read as.
            (Self::Whole(a), Self::Float(b)) | (Self::Float(b), Self::Whole(a)) => a as f64 == b,
        }
    }
}

impl NullValue {
    /// The value of some text, without the spaces around it.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Self { text: text.to_string(), number: Number::parse(text) }
    }

    /// Whether a field means it: the same text, or the same number in whatever spelling.
    pub fn is(&self, field: &[u8]) -> bool {
        let equal = |number: Number| {
            let field = std::str::from_utf8(field).ok().and_then(Number::parse);
            field.is_some_and(|field| field.is(number))
        };
        self.text.as_bytes() == field || self.number.is_some_and(equal)
    }
}

/// Everything the source needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Kind of file; by the ending of its name where nothing is said.
    pub format: Option<Format>,
    /// Where positions come from.
    pub coordinates: Coordinates,
    /// Columns that the pipeline names, then those that only filters name.
    pub columns: Vec<ColumnOptions>,
    /// For CSV files.
    pub csv: CsvOptions,
    /// Whether statistics of row groups are believed.
    pub statistics: bool,
    /// Most bytes of decoded values at once.
    pub memory: u64,
}

impl Options {
    /// Reads the section.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn read(section: &SourceOptions) -> Result<Self> {
        if section.get("groups").is_some_and(|groups| !groups.is_null()) {
            return Err(Error::input("groups: a table has no groups; leave them out"));
        }
        let empty = Map::new();
        let options = match section.get("options") {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(options)) => options,
            Some(_) => return Err(Error::input("options: must be a mapping")),
        };
        only(
            options,
            "options",
            &["format", "delimiter", "quote", "comment", "header", "null_values", "statistics"],
        )?;
        let format = match options.get("format").map(Value::as_str) {
            None => None,
            Some(Some("parquet")) => Some(Format::Parquet),
            Some(Some("csv")) => Some(Format::Csv),
            Some(_) => return Err(Error::input("options.format: must be parquet or csv")),
        };
        Ok(Self {
            format,
            coordinates: coordinates(section)?,
            columns: columns(section)?,
            csv: CsvOptions {
                delimiter: character(options, "delimiter")?,
                quote: character(options, "quote")?.unwrap_or(b'"'),
                comment: character(options, "comment")?,
                header: flag(options, "header")?,
                null_values: null_values(options)?,
            },
            statistics: flag(options, "statistics")?,
            memory: section.get("memory").and_then(Value::as_u64).unwrap_or(MEMORY),
        })
    }

    /// The kind of the file at `location`.
    ///
    /// # Errors
    /// When neither the pipeline nor its ending tells.
    pub fn format_of(&self, location: &str) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        match ending(location).as_str() {
            "parquet" | "pq" | "geoparquet" => Ok(Format::Parquet),
            "csv" | "tsv" | "txt" => Ok(Format::Csv),
            _ => Err(Error::input(format!(
                "{location}: the ending tells neither Parquet nor CSV; set data_source.options.format"
            ))),
        }
    }
}

/// The ending of a file's name in small letters.
pub(crate) fn ending(location: &str) -> String {
    location.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

fn only(map: &Map<String, Value>, section: &str, known: &[&str]) -> Result<()> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::input(format!(
            "{section}.{key}: unknown key{}; known here: {}",
            did_you_mean(key, known.iter().copied()),
            known.join(", ")
        ))),
    }
}

fn flag(options: &Map<String, Value>, key: &str) -> Result<bool> {
    match options.get(key) {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::input(format!("options.{key}: must be true or false, not {other}"))),
    }
}

fn character(options: &Map<String, Value>, key: &str) -> Result<Option<u8>> {
    match options.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if matches!(text.as_bytes(), [c] if c.is_ascii() && !b"\r\n".contains(c)) => {
            Ok(text.bytes().next())
        }
        Some(other) => Err(Error::input(format!("options.{key}: must be one ASCII character, not {other}"))),
    }
}

fn null_values(options: &Map<String, Value>) -> Result<Vec<NullValue>> {
    let wrong = || Error::input("options.null_values: must be a list of texts and numbers");
    match options.get("null_values") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(NullValue::new(text)),
                Value::Number(number) => Ok(NullValue::new(&number.to_string())),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn mapping<'a>(section: &'a SourceOptions, key: &str) -> Result<&'a Map<String, Value>> {
    match section.get(key) {
        Some(Value::Object(map)) if !map.is_empty() => Ok(map),
        None | Some(Value::Null | Value::Object(_)) => Err(Error::input(format!("{key} is missing"))),
        Some(_) => Err(Error::input(format!("{key}: must be a mapping"))),
    }
}

fn column_ref(value: Option<&Value>) -> Result<ColumnRef> {
    match value {
        Some(Value::String(name)) if !name.is_empty() => Ok(ColumnRef::Name(name.clone())),
        Some(Value::Number(number)) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
            number.map(ColumnRef::Number).ok_or_else(|| Error::input("columns are counted from 0"))
        }
        None | Some(Value::Null) => Err(Error::input("is missing")),
        Some(other) => Err(Error::input(format!("must be the name or the number of a column, not {other}"))),
    }
}

fn coordinates(section: &SourceOptions) -> Result<Coordinates> {
    let map = mapping(section, "coordinates")?;
    if let Some(geometry) = map.get("geometry") {
        only(map, "coordinates", &["geometry"])?;
        return match geometry {
            Value::String(name) if !name.is_empty() => Ok(Coordinates::Geometry(name.clone())),
            other => {
                Err(Error::input(format!("coordinates.geometry: must be the name of a column, not {other}")))
            }
        };
    }
    only(map, "coordinates", &[LATITUDE, LONGITUDE])?;
    let column = |key| column_ref(map.get(key)).context(|| format!("coordinates.{key}"));
    Ok(Coordinates::Columns { longitude: column(LONGITUDE)?, latitude: column(LATITUDE)? })
}

fn columns(section: &SourceOptions) -> Result<Vec<ColumnOptions>> {
    let mut columns = Vec::new();
    for (name, value) in mapping(section, "variables")? {
        if name == LATITUDE || name == LONGITUDE {
            return Err(Error::input(format!(
                "variables.{name}: the name is taken by the coordinates; choose another"
            )));
        }
        columns.push(column(name, value).context(|| format!("variables.{name}"))?);
    }
    for dataset in filter_datasets(section) {
        if columns.iter().any(|column: &ColumnOptions| column.name == dataset) {
            continue;
        }
        let column = ColumnRef::Name(dataset.clone());
        // One type for one column, whoever names it.
        let dtype = columns.iter().find(|other| other.column == column).and_then(|other| other.dtype);
        columns.push(ColumnOptions { name: dataset, column, dtype, attributes: Map::new() });
    }
    Ok(columns)
}

fn column(name: &str, value: &Value) -> Result<ColumnOptions> {
    let plain =
        |column| ColumnOptions { name: name.to_string(), column, dtype: None, attributes: Map::new() };
    let Value::Object(map) = value else { return column_ref(Some(value)).map(plain) };
    let known = ["column", "dtype", ATTRIBUTES[0], ATTRIBUTES[1], ATTRIBUTES[2]];
    if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Error::input(format!("unknown key {key:?}; known here: {}", known.join(", "))));
    }
    let mut column = plain(column_ref(map.get("column")).context(|| "column")?);
    column.dtype = match map.get("dtype") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_str().and_then(DType::parse).ok_or_else(|| {
            let names: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
            Error::input(format!("dtype: must be one of {}, not {value}", names.join(", ")))
        })?),
    };
    for key in ATTRIBUTES {
        match map.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => _ = column.attributes.insert(key.into(), text.clone().into()),
            Some(other) => return Err(Error::input(format!("{key}: must be text, not {other}"))),
        }
    }
    Ok(column)
}

/// The core has checked the filters; only their datasets matter here.
fn filter_datasets(section: &SourceOptions) -> Vec<String> {
    let dataset = |filter: &Value| filter.get("dataset").and_then(Value::as_str).map(str::to_string);
    let filters = section.get("filters").and_then(Value::as_array);
    let quality = section.get("quality_filter").and_then(dataset);
    filters.into_iter().flatten().filter_map(dataset).chain(quality).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn section() -> Value {
        json!({
            "coordinates": {"latitude": "lat", "longitude": 3},
            "variables": {"h": "height", "s": {"column": "sigma", "dtype": "float32", "units": "m"}},
            "filters": [{"dataset": "flag", "op": "eq", "value": 0}, {"dataset": "sigma", "op": "lt", "value": 1}],
            "options": {"delimiter": ";", "null_values": ["NA", -9999]},
        })
    }

    fn read(section: &Value) -> Result<Options> {
        Options::read(section.as_object().unwrap())
    }

    #[test]
    fn columns_are_variables_then_filters() {
        let options = read(&section()).unwrap();
        let names: Vec<&str> = options.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["h", "s", "flag", "sigma"]);
        assert_eq!(options.columns[3].dtype, Some(DType::Float32));
        assert_eq!(options.columns[1].attributes["units"], "m");
        assert_eq!(options.csv.delimiter, Some(b';'));
        assert_eq!(options.csv.null_values, ["NA", "-9999"].map(NullValue::new));
        let columns =
            Coordinates::Columns { longitude: ColumnRef::Number(3), latitude: ColumnRef::Name("lat".into()) };
        assert_eq!(options.coordinates, columns);
    }

    #[test]
    fn null_values_are_texts_or_numbers() {
        let is = |null: &str, field: &str| NullValue::new(null).is(field.as_bytes());
        for (null, field) in [
            ("-9999", "-9999.0"),
            ("-9999.0", "-9999"),
            ("-9999", "-9.999e3"),
            (" 1e20 ", "100000000000000000000"),
            ("nan", "NaN"),
            ("9007199254740993", "9007199254740993"),
            ("-", "-"),
        ] {
            assert!(is(null, field), "{null} {field}");
        }
        for (null, field) in [
            ("-9999", "-9999.5"),
            ("-9999", "9999"),
            ("9007199254740993", "9007199254740992"),
            ("NA", "na"),
            ("0", ""),
            ("0", "x"),
        ] {
            assert!(!is(null, field), "{null} {field}");
        }
    }

    #[test]
    fn the_ending_tells_the_format_unless_the_pipeline_does() {
        let mut options = read(&section()).unwrap();
        assert_eq!(options.format_of("s3://b/a.Parquet"), Ok(Format::Parquet));
        assert_eq!(options.format_of("a.tsv"), Ok(Format::Csv));
        assert!(options.format_of("a.h5").unwrap_err().message().contains("options.format"));
        options.format = Some(Format::Csv);
        assert_eq!(options.format_of("a.parquet"), Ok(Format::Csv));
    }

    #[test]
    fn faults_name_the_key() {
        for (pointer, value, message) in [
            ("/coordinates/latitude", Value::Null, "coordinates.latitude: is missing"),
            ("/variables/h", json!(-1), "variables.h: columns are counted from 0"),
            ("/variables/s/dtype", json!("float16"), "variables.s: dtype: must be one of bool, int8"),
            ("/variables/s", json!({"colunm": "x"}), "variables.s: unknown key \"colunm\""),
            ("/options/delimiter", json!(";;"), "options.delimiter: must be one ASCII character"),
            ("/options", json!({"headers": true}), "options.headers: unknown key; did you mean \"header\"?"),
            ("/options", json!({"format": "orc"}), "options.format: must be parquet or csv"),
            ("/coordinates", json!({"geometry": "g", "latitude": "x"}), "coordinates.latitude: unknown key"),
        ] {
            let mut section = section();
            *section.pointer_mut(pointer).unwrap() = value;
            let error = read(&section).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
        }
        let mut groups = section();
        groups["groups"] = json!(["a"]);
        assert!(read(&groups).unwrap_err().message().starts_with("groups: "));
    }
}
