//! GeoTIFF, tiled and deflated: TIFF 6.0 with its tile and technical note 2 extensions, OGC GeoTIFF 1.1, and the two tags of GDAL
//! for missing values and descriptions.
//!
//! Written here because the crate `tiff` writes strips only.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;
use zagg_core::{Error, Result};

use crate::raster::Pixels;
use crate::view::View;

/// Pixels along a side of a tile.
const TILE: usize = 256;

/// One entry of the directory.
struct Tag {
    number: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

impl Tag {
    fn shorts(number: u16, values: &[u16]) -> Self {
        Self {
            number,
            kind: 3,
            count: values.len() as u32,
            bytes: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    fn longs(number: u16, values: &[u32]) -> Self {
        Self {
            number,
            kind: 4,
            count: values.len() as u32,
            bytes: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    fn doubles(number: u16, values: &[f64]) -> Self {
        Self {
            number,
            kind: 12,
            count: values.len() as u32,
            bytes: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    fn ascii(number: u16, text: &str) -> Self {
        let mut bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
        bytes.push(0);
        Self { number, kind: 2, count: bytes.len() as u32, bytes }
    }
}

/// A GeoTIFF of one band. `name` and `about` describe the band: its name, and pairs of key and text such as units.
///
/// # Errors
/// When the system of the view has no EPSG code, or the file would be too large.
pub(crate) fn encode(pixels: &Pixels, view: &View, name: &str, about: &[(&str, &str)]) -> Result<Vec<u8>> {
    let code = view.crs.epsg().ok_or_else(|| {
        Error::unsupported(format!(
            "{:?}: a GeoTIFF needs a system with an EPSG code; choose one with --crs, such as EPSG:3031",
            view.crs.name()
        ))
    })?;
    let (width, height) = (view.width as usize, view.height as usize);
    let (across, down) = (width.div_ceil(TILE), height.div_ceil(TILE));
    let tiles: Vec<Vec<u8>> = (0..across * down)
        .into_par_iter()
        .map(|number| {
            let corner = (number / across * TILE, number % across * TILE);
            match pixels {
                Pixels::Float32(values) => tile(values, width, corner, f32::NAN, |x| x.to_be_bytes()),
                Pixels::Float64(values) => tile(values, width, corner, f64::NAN, |x| x.to_be_bytes()),
            }
        })
        .collect::<Result<_>>()?;
    let too_large = || Error::unsupported("the GeoTIFF would have more than 4 GiB; give a smaller --size");
    let mut file = vec![b'I', b'I', 42, 0, 0, 0, 0, 0];
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for tile in &tiles {
        offsets.push(u32::try_from(file.len()).map_err(|_| too_large())?);
        counts.push(u32::try_from(tile.len()).map_err(|_| too_large())?);
        file.extend_from_slice(tile);
    }
    let bits = match pixels {
        Pixels::Float32(_) => 32,
        Pixels::Float64(_) => 64,
    };
    let mut tags = vec![
        Tag::longs(256, &[view.width]),
        Tag::longs(257, &[view.height]),
        Tag::shorts(258, &[bits]),
        // Deflate, grey, and a predictor for floating-point numbers.
        Tag::shorts(259, &[8]),
        Tag::shorts(262, &[1]),
        Tag::shorts(277, &[1]),
        Tag::shorts(284, &[1]),
        Tag::shorts(317, &[3]),
        Tag::longs(322, &[TILE as u32]),
        Tag::longs(323, &[TILE as u32]),
        Tag::longs(324, &offsets),
        Tag::longs(325, &counts),
        Tag::shorts(339, &[3]),
        Tag::doubles(33550, &[view.pixel, view.pixel, 0.0]),
        Tag::doubles(33922, &[0.0, 0.0, 0.0, view.left, view.top, 0.0]),
        geo_keys(view.crs.is_geographic(), code),
        Tag::ascii(42112, &metadata(name, about)),
        Tag::ascii(42113, "nan"),
    ];
    tags.sort_by_key(|tag| tag.number);
    directory(&mut file, &tags).ok_or_else(too_large)?;
    Ok(file)
}

/// A tile's bytes. The predictor of TIFF's technical note 3: the bytes of the numbers of a row are sorted by their weight, highest
/// first, and each is replaced by its difference from the one before it.
fn tile<T: Copy, const N: usize>(
    values: &[T],
    width: usize,
    (top, left): (usize, usize),
    none: T,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::from_io(&error, "compressing a tile");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let mut row = vec![0u8; TILE * N];
    for line in 0..TILE {
        for column in 0..TILE {
            let inside = left + column < width;
            let value = inside.then(|| values.get((top + line) * width + left + column)).flatten();
            for (weight, byte) in bytes(value.copied().unwrap_or(none)).into_iter().enumerate() {
                row[weight * TILE + column] = byte;
            }
        }
        for at in (1..row.len()).rev() {
            row[at] = row[at].wrapping_sub(row[at - 1]);
        }
        encoder.write_all(&row).map_err(failed)?;
    }
    encoder.finish().map_err(failed)
}

/// The keys of GeoTIFF: the kind of system, that pixels are areas, and its code.
fn geo_keys(is_geographic: bool, code: u16) -> Tag {
    let (model, key) = if is_geographic { (2, 2048) } else { (1, 3072) };
    #[rustfmt::skip]
    let keys = [
        1, 1, 0, 3,
        1024, 0, 1, model,
        1025, 0, 1, 1,
        key, 0, 1, code,
    ];
    Tag::shorts(34735, &keys)
}

/// What GDAL shows beside the band.
fn metadata(name: &str, about: &[(&str, &str)]) -> String {
    let item = |key: &str, role: &str, text: &str| {
        format!("<Item name=\"{}\" sample=\"0\"{role}>{}</Item>", escaped(key), escaped(text))
    };
    let mut xml = String::from("<GDALMetadata>");
    xml.push_str(&item("DESCRIPTION", " role=\"description\"", name));
    for (key, text) in about {
        let role = if *key == "UNITTYPE" { " role=\"unittype\"" } else { "" };
        xml.push_str(&item(key, role, text));
    }
    xml.push_str("</GDALMetadata>");
    xml
}

fn escaped(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            '<' => "&lt;".to_string(),
            '>' => "&gt;".to_string(),
            '&' => "&amp;".to_string(),
            '"' => "&quot;".to_string(),
            c => c.to_string(),
        })
        .collect()
}

/// Puts the directory behind the tiles and its place into the header. `None` when the file is too large for its offsets.
fn directory(file: &mut Vec<u8>, tags: &[Tag]) -> Option<()> {
    let mut entries = Vec::new();
    for tag in tags {
        entries.extend(tag.number.to_le_bytes());
        entries.extend(tag.kind.to_le_bytes());
        entries.extend(tag.count.to_le_bytes());
        if tag.bytes.len() <= 4 {
            let mut bytes = tag.bytes.clone();
            bytes.resize(4, 0);
            entries.extend(bytes);
        } else {
            file.resize(file.len().next_multiple_of(2), 0);
            entries.extend(u32::try_from(file.len()).ok()?.to_le_bytes());
            file.extend_from_slice(&tag.bytes);
        }
    }
    file.resize(file.len().next_multiple_of(2), 0);
    let start = u32::try_from(file.len()).ok()?;
    file[4..8].copy_from_slice(&start.to_le_bytes());
    file.extend((tags.len() as u16).to_le_bytes());
    file.extend(entries);
    file.extend(0u32.to_le_bytes());
    u32::try_from(file.len()).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::view::Extent;
    use zagg_crs::Crs;

    fn u32_at(file: &[u8], at: usize) -> usize {
        u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn tiles_hold_the_values() {
        let (width, height) = (300, 2);
        let values: Vec<f32> =
            (0..600).map(|x| if x == 7 { f32::NAN } else { x as f32 * 0.37 - 9.0 }).collect();
        let extent = Extent { left: 0.0, bottom: 0.0, right: 300.0, top: 2.0 };
        let view = View::new(Crs::parse("EPSG:3031").unwrap(), extent, 300).unwrap();
        assert_eq!((view.width, view.height), (width, height));
        let file = encode(&Pixels::Float32(values.clone()), &view, "h<", &[("UNITTYPE", "m")]).unwrap();
        assert_eq!(&file[..4], b"II*\0");
        let start = u32_at(&file, 4);
        let entry = |number: u16| {
            let n = u16::from_le_bytes(file[start..start + 2].try_into().unwrap()) as usize;
            (0..n)
                .map(|i| start + 2 + 12 * i)
                .find(|&at| u16::from_le_bytes(file[at..at + 2].try_into().unwrap()) == number)
                .map(|at| (u32_at(&file, at + 4), u32_at(&file, at + 8)))
                .unwrap()
        };
        assert_eq!(entry(256), (1, 300));
        let ((tiles, offsets), (_, counts)) = (entry(324), entry(325));
        assert_eq!(tiles, 2);
        for number in 0..2 {
            let (at, n) = (u32_at(&file, offsets + 4 * number), u32_at(&file, counts + 4 * number));
            let mut bytes = Vec::new();
            flate2::read::ZlibDecoder::new(&file[at..at + n]).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), TILE * TILE * 4);
            for line in 0..2 {
                let row = &mut bytes[line * TILE * 4..(line + 1) * TILE * 4];
                for at in 1..row.len() {
                    row[at] = row[at].wrapping_add(row[at - 1]);
                }
                for column in 0..TILE {
                    let x = f32::from_be_bytes([0, 1, 2, 3].map(|weight| row[weight * TILE + column]));
                    match values
                        .get(line * 300 + number * TILE + column)
                        .filter(|_| number * TILE + column < 300)
                    {
                        Some(want) => assert_eq!(x.to_bits(), want.to_bits()),
                        None => assert!(x.is_nan()),
                    }
                }
            }
        }
        assert!(String::from_utf8_lossy(&file).contains("h&lt;"));
    }

    #[test]
    fn a_system_without_a_code_is_refused() {
        let extent = Extent { left: 0.0, bottom: 0.0, right: 1.0, top: 1.0 };
        let view = View::new(Crs::parse("+proj=laea +lat_0=-90 +datum=WGS84").unwrap(), extent, 1).unwrap();
        let error = encode(&Pixels::Float64(vec![1.0]), &view, "h", &[]).unwrap_err();
        assert!(error.to_string().contains("EPSG code"), "{error}");
    }
}
