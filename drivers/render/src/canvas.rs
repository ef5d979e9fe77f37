//! Drawing with smooth edges.
//!
//! Lines and letters are laid onto a mask first, where each pixel keeps the most that any piece covers of it, and then painted
//! in one go: joints and crossings of one drawing are no darker than the rest.

use crate::colours::Rgba;
use crate::font;

/// A picture in the making: red, green, blue, opacity, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) bytes: Vec<u8>,
}

/// A rectangle in pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// How much of each pixel a drawing covers.
#[derive(Debug)]
pub(crate) struct Mask {
    width: usize,
    height: usize,
    cover: Vec<u8>,
    clip: Rect,
}

/// Where a text stands: the point that is given is this part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchor {
    /// 0 is the left end, 0.5 the middle, 1 the right end.
    pub(crate) along: f64,
    /// 0 is the base line, 0.5 the middle of capitals, 1 their top.
    pub(crate) up: f64,
}

/// A line of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    /// Height of capitals in pixels.
    pub(crate) size: f64,
    /// Width of strokes, as a share of the height.
    pub(crate) weight: f64,
    pub(crate) anchor: Anchor,
    /// Degrees, anticlockwise.
    pub(crate) angle: f64,
}

impl Text<'_> {
    /// Width in pixels.
    pub(crate) fn width(text: &str, size: f64) -> f64 {
        font::strokes(text).1 * size / font::CAPITAL
    }
}

impl Mask {
    pub(crate) fn new(canvas: &Canvas) -> Self {
        let clip = Rect { x: 0.0, y: 0.0, width: canvas.width as f64, height: canvas.height as f64 };
        Self {
            width: canvas.width,
            height: canvas.height,
            cover: vec![0; canvas.width * canvas.height],
            clip,
        }
    }

    /// The same, for drawings that end at the edges of a rectangle.
    pub(crate) fn within(canvas: &Canvas, clip: Rect) -> Self {
        Self { clip, ..Self::new(canvas) }
    }

    /// Draws a line of straight pieces with round ends.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], width: f64) {
        match points {
            [one] => self.piece(*one, *one, width),
            _ => points.windows(2).for_each(|pair| self.piece(pair[0], pair[1], width)),
        }
    }

    fn piece(&mut self, from: (f64, f64), to: (f64, f64), width: f64) {
        if ![from.0, from.1, to.0, to.1].iter().all(|x| x.is_finite()) {
            return;
        }
        let half = width / 2.0;
        // Thinner lines than a pixel are lighter instead.
        let (half, strength) = if half < 0.5 { (0.5, half * 2.0) } else { (half, 1.0) };
        let reach = half + 1.0;
        let (clip_x, clip_y) = (self.clip.x.max(0.0), self.clip.y.max(0.0));
        let bound = |low: f64, clip: f64, most: f64| low.max(clip).min(most) as usize;
        let (right, bottom) = (
            (self.clip.x + self.clip.width).min(self.width as f64),
            (self.clip.y + self.clip.height).min(self.height as f64),
        );
        let (left, end) = (
            bound(from.0.min(to.0) - reach, clip_x, right),
            bound((from.0.max(to.0) + reach).ceil(), clip_x, right),
        );
        let (top, low) = (
            bound(from.1.min(to.1) - reach, clip_y, bottom),
            bound((from.1.max(to.1) + reach).ceil(), clip_y, bottom),
        );
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx * dx + dy * dy;
        for y in top..low {
            for x in left..end {
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                let share = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let away = (px - share * dx).hypot(py - share * dy);
                let covered = (half + 0.5 - away).clamp(0.0, 1.0) * strength;
                let cover = &mut self.cover[y * self.width + x];
                *cover = (*cover).max((covered * 255.0).round() as u8);
            }
        }
    }

    /// Draws a line of text; `swell` makes its strokes so many pixels wider.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &Text<'_>, swell: f64) {
        let (strokes, width) = font::strokes(text.text);
        let scale = text.size / font::CAPITAL;
        let (sin, cos) = text.angle.to_radians().sin_cos();
        let (left, low) = (text.anchor.along * width, text.anchor.up * font::CAPITAL);
        for stroke in strokes {
            let points: Vec<(f64, f64)> = stroke
                .into_iter()
                .map(|(x, y)| {
                    let (x, y) = ((x - left) * scale, (y - low) * scale);
                    (at.0 + x * cos - y * sin, at.1 - x * sin - y * cos)
                })
                .collect();
            self.line(&points, text.weight * text.size + swell);
        }
    }
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, colour: Rgba) -> Self {
        Self { width, height, bytes: colour.repeat(width * height) }
    }

    /// Colours a pixel.
    pub(crate) fn set(&mut self, x: usize, y: usize, colour: Rgba) {
        if x < self.width
            && let Some(pixel) =
                self.bytes.get_mut((y * self.width + x) * 4..).and_then(|rest| rest.first_chunk_mut())
        {
            *pixel = colour;
        }
    }

    /// Paints what a mask covers.
    pub(crate) fn paint(&mut self, mask: &Mask, colour: Rgba) {
        for (pixel, &cover) in self.bytes.as_chunks_mut::<4>().0.iter_mut().zip(&mask.cover) {
            if cover > 0 {
                blend(pixel, colour, cover);
            }
        }
    }

    /// Writes a text.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &Text<'_>, colour: Rgba) {
        let mut mask = Mask::new(self);
        mask.text(at, text, 0.0);
        self.paint(&mask, colour);
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// When it has too many pixels for the format.
    pub(crate) fn to_png(&self) -> zagg_core::Result<Vec<u8>> {
        let failed = |error: png::EncodingError| zagg_core::Error::io(format!("writing a PNG: {error}"));
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side(self.width), side(self.height));
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Best);
        encoder.set_filter(png::FilterType::NoFilter);
        let is_opaque = self.bytes.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255);
        encoder.set_color(if is_opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
        let mut writer = encoder.write_header().map_err(failed)?;
        if is_opaque {
            let bytes: Vec<u8> =
                self.bytes.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
            writer.write_image_data(&bytes).map_err(failed)?;
        } else {
            writer.write_image_data(&self.bytes).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
        Ok(file)
    }
}

/// Lays a colour over a pixel that it covers in part.
fn blend(pixel: &mut [u8; 4], colour: Rgba, cover: u8) {
    let over = f64::from(cover) / 255.0 * f64::from(colour[3]) / 255.0;
    let under = f64::from(pixel[3]) / 255.0 * (1.0 - over);
    let all = over + under;
    if all <= 0.0 {
        return;
    }
    for (channel, new) in pixel.iter_mut().zip(colour).take(3) {
        *channel = ((f64::from(new) * over + f64::from(*channel) * under) / all).round() as u8;
    }
    pixel[3] = (all * 255.0).round() as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cover_their_width_once() {
        let mut canvas = Canvas::new(20, 9, [255, 255, 255, 255]);
        let mut mask = Mask::new(&canvas);
        mask.line(&[(2.0, 4.5), (10.0, 4.5), (18.0, 4.5)], 3.0);
        canvas.paint(&mask, [0, 0, 0, 128]);
        let at = |x: usize, y: usize| canvas.bytes[(y * 20 + x) * 4];
        assert_eq!((at(5, 4), at(10, 4), at(10, 3), at(10, 5)), (127, 127, 127, 127));
        assert_eq!((at(10, 1), at(10, 7)), (255, 255));
        assert!(at(10, 2) == 255 && at(10, 6) == 255);
    }

    #[test]
    fn drawings_end_at_their_rectangle_and_at_the_canvas() {
        let mut canvas = Canvas::new(10, 10, [0, 0, 0, 0]);
        let mut mask = Mask::within(&canvas, Rect { x: 2.0, y: 2.0, width: 4.0, height: 4.0 });
        mask.line(&[(-1e9, 3.0), (1e9, 4.0)], 2.0);
        mask.line(&[(f64::NAN, 3.0), (5.0, 4.0)], 2.0);
        canvas.paint(&mask, [9, 9, 9, 255]);
        for y in 0..10 {
            for x in 0..10 {
                let opaque = canvas.bytes[(y * 10 + x) * 4 + 3] > 0;
                assert!(!opaque || ((2..6).contains(&x) && (2..6).contains(&y)), "{x} {y}");
            }
        }
        assert_eq!(canvas.bytes[(3 * 10 + 4) * 4 + 3], 255);
    }

    #[test]
    fn a_png_begins_as_one() {
        let canvas = Canvas::new(3, 2, [1, 2, 3, 255]);
        let file = canvas.to_png().unwrap();
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        let mut reader = png::Decoder::new(&file[..]).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (3, 2, png::ColorType::Rgb));
        assert_eq!(bytes, [1, 2, 3].repeat(6));
    }
}
