//! Writing of columns, some rows at a time.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::TypePtr;
use zagg_core::{Error, Result};

/// Schemas.
pub(crate) mod schema {
    use std::sync::Arc;

    use ::parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
    use ::parquet::errors::Result;
    use ::parquet::schema::types::{Type, TypePtr};

    fn leaf(name: &str, physical: Physical, logical: Option<LogicalType>, required: bool) -> Result<TypePtr> {
        let repetition = if required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let leaf = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        Ok(Arc::new(leaf.with_logical_type(logical).build()?))
    }

    pub(crate) fn text(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::BYTE_ARRAY, Some(LogicalType::String), false)
    }

    pub(crate) fn required_text(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::BYTE_ARRAY, Some(LogicalType::String), true)
    }

    pub(crate) fn bytes(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::BYTE_ARRAY, None, false)
    }

    pub(crate) fn double(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::DOUBLE, None, false)
    }

    pub(crate) fn integer(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::INT64, None, false)
    }

    pub(crate) fn unsigned_64(name: &str, required: bool) -> Result<TypePtr> {
        leaf(name, Physical::INT64, Some(LogicalType::integer(64, false)), required)
    }

    pub(crate) fn required_unsigned_32(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::INT32, Some(LogicalType::integer(32, false)), true)
    }

    /// Microseconds since 1970, UTC.
    pub(crate) fn time(name: &str) -> Result<TypePtr> {
        leaf(name, Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)), false)
    }

    fn fields(
        name: &str,
        repetition: Repetition,
        logical: Option<LogicalType>,
        fields: Vec<TypePtr>,
    ) -> Result<TypePtr> {
        let group = Type::group_type_builder(name).with_repetition(repetition).with_logical_type(logical);
        Ok(Arc::new(group.with_fields(fields).build()?))
    }

    pub(crate) fn group(name: &str, required: bool, members: Vec<TypePtr>) -> Result<TypePtr> {
        let repetition = if required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        fields(name, repetition, None, members)
    }

    /// A list in three levels, whose item should be named `element`.
    pub(crate) fn list(name: &str, element: TypePtr) -> Result<TypePtr> {
        let list = fields("list", Repetition::REPEATED, None, vec![element])?;
        fields(name, Repetition::OPTIONAL, Some(LogicalType::List), vec![list])
    }

    pub(crate) fn root(members: Vec<TypePtr>) -> Result<TypePtr> {
        Ok(Arc::new(Type::group_type_builder("schema").with_fields(members).build()?))
    }
}

/// Values of a leaf column, without nulls.
#[derive(Debug)]
pub(crate) enum Values {
    Bytes(Vec<ByteArray>),
    Integers(Vec<i64>),
    Small(Vec<i32>),
    Floats(Vec<f64>),
}

/// Rows of a leaf column that are to be written.
#[derive(Debug)]
pub(crate) struct Leaf {
    values: Values,
    /// How much of the path is there, for each item.
    defined: Vec<i16>,
    /// Whether an item is the next one of the list before.
    repeated: Vec<i16>,
}

impl Leaf {
    /// A column without rows.
    pub(crate) fn new(values: Values) -> Self {
        Self { values, defined: Vec::new(), repeated: Vec::new() }
    }

    fn level(&mut self, defined: i16, repeated: bool) {
        self.defined.push(defined);
        self.repeated.push(i16::from(repeated));
    }

    /// A row without value, of whose path so much is there.
    pub(crate) fn null(&mut self, defined: i16) {
        self.level(defined, false);
    }

    /// A value at the full depth `defined`; the next one of a list when `repeated`.
    pub(crate) fn bytes(&mut self, value: &[u8], defined: i16, repeated: bool) {
        if let Values::Bytes(values) = &mut self.values {
            values.push(ByteArray::from(value));
            self.level(defined, repeated);
        }
    }

    /// A value, or a row without one at the level above.
    pub(crate) fn text(&mut self, value: Option<&str>, defined: i16) {
        match value {
            Some(text) => self.bytes(text.as_bytes(), defined, false),
            None => self.null(defined - 1),
        }
    }

    /// As [`Self::bytes`], for integers; 32-bit columns take the low bits.
    pub(crate) fn integer(&mut self, value: i64, defined: i16, repeated: bool) {
        match &mut self.values {
            Values::Integers(values) => values.push(value),
            Values::Small(values) => values.push(value as i32),
            _ => return,
        }
        self.level(defined, repeated);
    }

    /// As [`Self::bytes`], for floats.
    pub(crate) fn float(&mut self, value: f64, defined: i16) {
        if let Values::Floats(values) = &mut self.values {
            values.push(value);
            self.level(defined, false);
        }
    }
}

/// A Parquet file that is being written.
pub(crate) struct Sheet<'a> {
    name: &'a str,
    writer: SerializedFileWriter<&'a mut (dyn Write + Send)>,
}

impl std::fmt::Debug for Sheet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Sheet<'a> {
    /// A file with these columns and entries in its metadata; `name` is for messages, `tuned` may choose encodings.
    pub(crate) fn new(
        name: &'a str,
        to: &'a mut (dyn Write + Send),
        schema: TypePtr,
        entries: Vec<(&str, String)>,
        tuned: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder,
    ) -> Result<Self> {
        let entries = entries.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
        let properties = WriterProperties::builder()
            .set_created_by(format!("zagg version {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(entries.collect()));
        let properties = Arc::new(tuned(properties).build());
        let writer =
            SerializedFileWriter::new(to, schema, properties).map_err(|error| failed(name, &error))?;
        Ok(Self { name, writer })
    }

    /// Writes rows of all leaf columns, which are in the order of the schema.
    pub(crate) fn rows(&mut self, leaves: Vec<Leaf>) -> Result<()> {
        let name = self.name;
        let failed = |error| failed(name, &error);
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for leaf in leaves {
            let mut column = group.next_column().map_err(failed)?.ok_or_else(|| {
                Error::plugin(format!("{name}: more columns than the schema has, which is a bug"))
            })?;
            let levels = (Some(&leaf.defined[..]), Some(&leaf.repeated[..]));
            match &leaf.values {
                Values::Bytes(values) => {
                    column.typed::<ByteArrayType>().write_batch(values, levels.0, levels.1)
                }
                Values::Integers(values) => {
                    column.typed::<Int64Type>().write_batch(values, levels.0, levels.1)
                }
                Values::Small(values) => column.typed::<Int32Type>().write_batch(values, levels.0, levels.1),
                Values::Floats(values) => {
                    column.typed::<DoubleType>().write_batch(values, levels.0, levels.1)
                }
            }
            .map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }

    /// Writes the end of the file.
    pub(crate) fn close(self) -> Result<()> {
        self.writer.close().map(|_| ()).map_err(|error| failed(self.name, &error))
    }
}

fn failed(name: &str, error: &::parquet::errors::ParquetError) -> Error {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    Error::io(format!("{name}: {text}"))
}
