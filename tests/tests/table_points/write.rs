//! Tables as Parquet files and as text.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use parquet::data_type::{DoubleType, FloatType, Int32Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use zagg_core::{Column, Values};

/// Named columns of one length.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(pub(super) Vec<(&'static str, Column)>);

impl Table {
    pub(super) fn rows(&self) -> usize {
        self.0[0].1.len()
    }

    /// A Parquet file with so many rows in each row group.
    pub(super) fn parquet(&self, group: usize, statistics: bool) -> Bytes {
        let field = |(name, column): &(&str, Column)| match column.values {
            Values::Float64(_) => format!("optional double {name};"),
            Values::Float32(_) => format!("optional float {name};"),
            Values::Int8(_) => format!("optional int32 {name} (INTEGER(8, true));"),
            _ => panic!("{name} is {}", column.values.dtype()),
        };
        let schema = format!("message table {{ {} }}", self.0.iter().map(field).collect::<String>());
        let enabled = if statistics { EnabledStatistics::Chunk } else { EnabledStatistics::None };
        let properties = Arc::new(WriterProperties::builder().set_statistics_enabled(enabled).build());
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let rows: Vec<u32> = (0..self.rows() as u32).collect();
        for rows in rows.chunks(group) {
            let mut group = writer.next_row_group().unwrap();
            for (_, column) in &self.0 {
                let Column { values, missing } = column.gather(rows);
                let there: Vec<bool> =
                    missing.unwrap_or_else(|| vec![false; rows.len()]).iter().map(|m| !m).collect();
                let levels: Vec<i16> = there.iter().map(|&there| i16::from(there)).collect();
                let mut column = group.next_column().unwrap().unwrap();
                match values.filter(&there) {
                    Values::Float64(v) => column.typed::<DoubleType>().write_batch(&v, Some(&levels), None),
                    Values::Float32(v) => column.typed::<FloatType>().write_batch(&v, Some(&levels), None),
                    Values::Int8(v) => {
                        let v: Vec<i32> = v.into_iter().map(i32::from).collect();
                        column.typed::<Int32Type>().write_batch(&v, Some(&levels), None)
                    }
                    other => panic!("{}", other.dtype()),
                }
                .unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.into_inner().unwrap().into()
    }

    /// Text with a header, missing values as empty fields.
    pub(super) fn csv(&self) -> Bytes {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        let mut text = names.join(",");
        for row in 0..self.rows() {
            for (at, (_, Column { values, missing })) in self.0.iter().enumerate() {
                text.push(if at == 0 { '\n' } else { ',' });
                if missing.as_ref().is_some_and(|flags| flags[row]) {
                    continue;
                }
                match values {
                    Values::Float64(v) => write!(text, "{}", v[row]).unwrap(),
                    Values::Float32(v) => write!(text, "{}", v[row]).unwrap(),
                    Values::Int8(v) => write!(text, "{}", v[row]).unwrap(),
                    other => panic!("{}", other.dtype()),
                }
            }
        }
        text.into()
    }
}
