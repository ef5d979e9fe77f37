//! The figure: the map with title, graticule, labels, colour bar and length scale.

mod bar;
mod layout;

use zagg_core::{Error, Result};

use crate::canvas::{Anchor, Canvas, Mask, Rect, Text};
use crate::coastline::Coastline;
use crate::colours::{ColourMap, Range, Rgba, Scale, ScaleKind};
use crate::graticule::{Graticule, Label, Side};
use crate::map::Map;
use crate::ticks;

use layout::Layout;

pub(crate) const BLACK: Rgba = [25, 25, 25, 255];
const SOFT: Rgba = [95, 95, 95, 255];
const LINES: Rgba = [60, 60, 60, 110];
const COAST: Rgba = [40, 40, 40, 255];
const HALO: Rgba = [255, 255, 255, 215];
pub(crate) const WHITE: Rgba = [255, 255, 255, 255];
const CLEAR: Rgba = [255, 255, 255, 0];

/// Width of strokes of letters as a share of their height.
pub(crate) const WEIGHT: f64 = 0.115;

/// How a map is drawn.
#[derive(Debug, Clone)]
pub struct Style {
    /// The title; without, the variable's `long_name` or its name. Empty for none.
    pub title: Option<String>,
    /// The colours.
    pub colours: ColourMap,
    /// How values are spread over them.
    pub scale: ScaleKind,
    /// Which values the outermost colours stand for.
    pub range: Range,
    /// Colour of places on the globe without a value; none for transparent.
    pub missing: Option<[u8; 3]>,
    /// Whether what is around the map is transparent, not white.
    pub is_transparent: bool,
    /// Whether meridians and parallels are drawn.
    pub has_graticule: bool,
    /// Whether the map stands alone: one pixel of the file for each of the map, nothing drawn over it or beside it.
    pub is_plain: bool,
    /// Lines drawn over the map.
    pub coastline: Option<Coastline>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            title: None,
            colours: ColourMap::default(),
            scale: ScaleKind::Linear,
            range: Range::Percentiles(1.0, 99.0),
            missing: Some([228, 228, 228]),
            is_transparent: false,
            has_graticule: true,
            is_plain: false,
            coastline: None,
        }
    }
}

/// A finished picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The PNG file.
    pub png: Vec<u8>,
    /// Width and height of the picture in pixels.
    pub size: [u32; 2],
    /// Where the map is in it: left, top, width, height.
    pub map: [u32; 4],
    /// Which values have which colours.
    pub scale: Scale,
}

impl Map {
    /// Draws the map.
    ///
    /// # Errors
    /// When the range of the colours is none, or the PNG cannot be written.
    pub fn to_png(&self, style: &Style) -> Result<Picture> {
        let scale = Scale::of(&self.pixels, style.scale, style.range)?;
        let (width, height) = (self.view.width, self.view.height);
        let paper = if style.is_transparent { CLEAR } else { WHITE };
        if style.is_plain {
            let mut canvas = Canvas::new(width as usize, height as usize, paper);
            self.colour(&mut canvas, (0, 0), style, &scale, paper);
            let map = [0, 0, width, height];
            return Ok(Picture { png: canvas.to_png()?, size: [width, height], map, scale });
        }
        let layout = Layout::of(self, style, &scale);
        let mut canvas = Canvas::new(layout.size.0, layout.size.1, paper);
        let (left, top) = (layout.map.x as usize, layout.map.y as usize);
        self.colour(&mut canvas, (left, top), style, &scale, paper);
        draw_over(&mut canvas, &layout, self, style);
        draw_beside(&mut canvas, &layout, &scale, style);
        let side = |n: usize| u32::try_from(n).map_err(|_| Error::unsupported("the picture is too large"));
        let map = [side(left)?, side(top)?, width, height];
        Ok(Picture { png: canvas.to_png()?, size: [side(canvas.width)?, side(canvas.height)?], map, scale })
    }

    /// Colours the pixels of the map, whose upper left corner is at a pixel of the canvas.
    fn colour(
        &self,
        canvas: &mut Canvas,
        (left, top): (usize, usize),
        style: &Style,
        scale: &Scale,
        paper: Rgba,
    ) {
        let missing = style.missing.map_or(CLEAR, |[r, g, b]| [r, g, b, 255]);
        let width = self.view.width as usize;
        for row in 0..self.view.height {
            // Where the whole picture is on the globe, no place need be asked.
            let beside = (self.looked.beside > 0).then(|| self.view.row(row).0);
            for column in 0..width {
                let x = self.pixels.get(row as usize * width + column);
                let is_beside =
                    || beside.as_ref().is_some_and(|lon| lon.get(column).is_some_and(|lon| lon.is_nan()));
                let colour = match x.is_nan() {
                    false => style.colours.at(scale.place(x)),
                    true if is_beside() => paper,
                    true => missing,
                };
                canvas.set(left + column, top + row as usize, colour);
            }
        }
    }
}

/// Lines and texts on the map: coast, graticule, its labels, frame and length scale.
fn draw_over(canvas: &mut Canvas, layout: &Layout, map: &Map, style: &Style) {
    let (rect, em) = (layout.map, layout.em);
    let shifted = |(x, y): &(f64, f64)| (x + rect.x, y + rect.y);
    let thin = (em * 0.07).max(1.0);
    if !layout.graticule.lines.is_empty() {
        let mut mask = Mask::within(canvas, rect);
        for line in &layout.graticule.lines {
            mask.line(&line.iter().map(shifted).collect::<Vec<_>>(), thin * 0.8);
        }
        canvas.paint(&mask, LINES);
    }
    if let Some(coast) = &style.coastline {
        let mut mask = Mask::within(canvas, rect);
        for line in coast.lines(&map.view) {
            mask.line(&line.iter().map(shifted).collect::<Vec<_>>(), thin * 1.2);
        }
        canvas.paint(&mask, COAST);
    }
    let mut frame = Mask::new(canvas);
    outline(&mut frame, rect, thin);
    for label in layout.graticule.labels.iter().filter(|label| label.side != Side::Inside) {
        let (x, y) = shifted(&label.at);
        let (dx, dy) = match label.side {
            Side::Bottom => (0.0, 1.0),
            Side::Top => (0.0, -1.0),
            Side::Left => (-1.0, 0.0),
            Side::Right | Side::Inside => (1.0, 0.0),
        };
        frame.line(&[(x, y), (x + dx * em * 0.4, y + dy * em * 0.4)], thin);
    }
    canvas.paint(&frame, BLACK);
    for label in &layout.graticule.labels {
        let (at, anchor) = label_place(label, shifted(&label.at), em);
        let text = Text { text: &label.text, size: em * 0.85, weight: WEIGHT, anchor, angle: 0.0 };
        if label.side == Side::Inside {
            haloed(canvas, rect, |mask, swell| mask.text(at, &text, swell * em * 0.55));
        } else {
            canvas.text(at, &text, BLACK);
        }
    }
    if let Some((length, text)) = length_scale(map, em) {
        let (x, y) = (rect.x + em * 1.4, rect.y + rect.height - em * 1.3);
        let label = Text {
            text: &text,
            size: em * 0.85,
            weight: WEIGHT,
            anchor: Anchor { along: 0.5, up: 0.0 },
            angle: 0.0,
        };
        haloed(canvas, rect, |mask, swell| {
            let points = [(x, y - em * 0.35), (x, y), (x + length, y), (x + length, y - em * 0.35)];
            mask.line(&points, thin * 1.5 + swell * em * 0.4);
            mask.text((x + length / 2.0, y - em * 0.75), &label, swell * em * 0.55);
        });
    }
}

/// Draws something with a light rim, so that it can be read on any colour.
fn haloed(canvas: &mut Canvas, clip: Rect, draw: impl Fn(&mut Mask, f64)) {
    for (swell, colour) in [(1.0, HALO), (0.0, BLACK)] {
        let mut mask = Mask::within(canvas, clip);
        draw(&mut mask, swell);
        canvas.paint(&mask, colour);
    }
}

pub(crate) fn outline(mask: &mut Mask, rect: Rect, width: f64) {
    let (l, t, r, b) = (rect.x, rect.y, rect.x + rect.width, rect.y + rect.height);
    mask.line(&[(l, t), (r, t), (r, b), (l, b), (l, t)], width);
}

/// Where a label of the graticule stands.
fn label_place(label: &Label, (x, y): (f64, f64), em: f64) -> ((f64, f64), Anchor) {
    let away = em * 0.8;
    match label.side {
        Side::Bottom => ((x, y + away), Anchor { along: 0.5, up: 1.0 }),
        Side::Top => ((x, y - away), Anchor { along: 0.5, up: 0.0 }),
        Side::Left => ((x - away, y), Anchor { along: 1.0, up: 0.5 }),
        Side::Right => ((x + away, y), Anchor { along: 0.0, up: 0.5 }),
        Side::Inside => ((x, y), Anchor { along: 0.5, up: 0.5 }),
    }
}

/// Title and colour bar.
fn draw_beside(canvas: &mut Canvas, layout: &Layout, scale: &Scale, style: &Style) {
    let centre = layout.map.x + layout.map.width / 2.0;
    // A title wider than the map stands in the middle of the picture.
    let wide = layout.title.iter().any(|line| Text::width(line, layout.em * 1.25) > layout.map.width);
    let middle = if wide { layout.size.0 as f64 / 2.0 } else { centre };
    let anchor = Anchor { along: 0.5, up: 0.0 };
    for (number, line) in layout.title.iter().enumerate() {
        let y = layout.title_base + number as f64 * layout.em * 2.1;
        let text = Text { text: line, size: layout.em * 1.25, weight: WEIGHT * 1.15, anchor, angle: 0.0 };
        canvas.text((middle, y), &text, BLACK);
    }
    if let Some(line) = &layout.subtitle {
        let y = layout.title_base + layout.title.len() as f64 * layout.em * 2.1 - layout.em * 0.15;
        let text = Text { text: line, size: layout.em * 0.8, weight: WEIGHT * 0.95, anchor, angle: 0.0 };
        canvas.text((middle, y), &text, SOFT);
    }
    bar::draw(canvas, layout, scale, style);
}

/// A round length on the ground, about a fifth of the map: pixels and text. None in degrees, where it changes with latitude.
fn length_scale(map: &Map, em: f64) -> Option<(f64, String)> {
    let view = &map.view;
    if view.crs.is_geographic() || f64::from(view.height) < em * 8.0 || f64::from(view.width) < em * 14.0 {
        return None;
    }
    let pixel = view.ground()?;
    let most = pixel * f64::from(view.width) / 5.0;
    let step = ticks::round_step(most, 1.0);
    // The step is the least that is not below the most; one below is shown.
    let power = 10f64.powf(step.log10().floor());
    let length = [5.0, 2.0, 1.0, 0.5].into_iter().map(|n| n * power).find(|n| *n <= most)?;
    let text = if length >= 1.0 {
        format!("{} km", ticks::single(length))
    } else {
        format!("{} m", ticks::single((length * 1000.0).round()))
    };
    Some((length / pixel, text))
}

/// The graticule of a map as a style wants it, labels that would lie over each other left out.
fn graticule(map: &Map, style: &Style, em: f64) -> Graticule {
    if !style.has_graticule {
        return Graticule::default();
    }
    // Labels of degrees stand side by side along one edge, with room between them.
    let room = if map.view.crs.is_geographic() { 6.5 } else { 11.0 };
    let most = f64::from(map.view.width.max(map.view.height)) / (em * room);
    let mut graticule = Graticule::of(&map.view, most.clamp(2.0, 12.0));
    let mut kept: Vec<(Label, Rect)> = Vec::new();
    for label in std::mem::take(&mut graticule.labels) {
        let ((x, y), anchor) = label_place(&label, label.at, em);
        let width = Text::width(&label.text, em * 0.85);
        let rect = Rect {
            x: x - anchor.along * width - em * 0.5,
            y: y - (1.0 - anchor.up) * em * 0.85 - em * 0.3,
            width: width + em,
            height: em * 1.45,
        };
        let meets = |other: &Rect| {
            rect.x < other.x + other.width
                && other.x < rect.x + rect.width
                && rect.y < other.y + other.height
                && other.y < rect.y + rect.height
        };
        if !kept.iter().any(|(_, other)| meets(other)) {
            kept.push((label, rect));
        }
    }
    graticule.labels = kept.into_iter().map(|(label, _)| label).collect();
    graticule
}
