//! The colour bar.

use super::layout::{BarSide, Layout};
use super::{BLACK, Style, WEIGHT, outline};
use crate::canvas::{Anchor, Canvas, Mask, Rect, Text};
use crate::colours::Scale;

/// Draws the bar with its ticks and label; a point at an end says that some values lie beyond it.
pub(super) fn draw(canvas: &mut Canvas, layout: &Layout, scale: &Scale, style: &Style) {
    let (bar, em) = (layout.bar, layout.em);
    let thin = (em * 0.07).max(1.0);
    let upright = layout.bar_side == BarSide::Right;
    let length = if upright { bar.height } else { bar.width };
    let tip = em * 1.2;
    let (low, high) = (if scale.has_lower { tip } else { 0.0 }, if scale.has_higher { tip } else { 0.0 });
    let body = (length - low - high).max(1.0);
    // Along the bar from its low end, and across it from 0 to 1.
    let point = |along: f64, across: f64| match upright {
        true => (bar.x + across * bar.width, bar.y + bar.height - along),
        false => (bar.x + along, bar.y + across * bar.height),
    };
    for y in 0..bar.height as usize {
        for x in 0..bar.width as usize {
            let along = if upright { bar.height - y as f64 - 0.5 } else { x as f64 + 0.5 };
            let across = if upright { (x as f64 + 0.5) / bar.width } else { (y as f64 + 0.5) / bar.height };
            // Triangles at the ends.
            let room = 2.0 * (0.5 - (across - 0.5).abs());
            let in_low = along < low && along >= low * (1.0 - room);
            let in_high = along > low + body && along <= low + body + high * room;
            if in_low || in_high || (along >= low && along <= low + body) {
                let place = (along - low) / body;
                canvas.set(bar.x as usize + x, bar.y as usize + y, style.colours.at(place));
            }
        }
    }
    let mut mask = Mask::new(canvas);
    if scale.has_lower || scale.has_higher {
        let mut around = vec![point(low, 0.0)];
        if scale.has_lower {
            around.push(point(0.0, 0.5));
        }
        around.extend([point(low, 1.0), point(low + body, 1.0)]);
        if scale.has_higher {
            around.push(point(length, 0.5));
        }
        around.extend([point(low + body, 0.0), point(low, 0.0)]);
        mask.line(&around, thin);
    } else {
        outline(&mut mask, Rect { ..bar }, thin);
    }
    let (mut farthest, size) = (0.0f64, em * 0.85);
    for (value, text) in &layout.ticks {
        let at = point(low + scale.place(*value).clamp(0.0, 1.0) * body, 1.0);
        let (end, anchor) = match upright {
            true => ((at.0 + em * 0.4, at.1), Anchor { along: 0.0, up: 0.5 }),
            false => ((at.0, at.1 + em * 0.4), Anchor { along: 0.5, up: 1.0 }),
        };
        mask.line(&[at, end], thin);
        let place = if upright { (end.0 + em * 0.5, end.1) } else { (end.0, end.1 + em * 0.45) };
        mask.text(place, &Text { text, size, weight: WEIGHT, anchor, angle: 0.0 }, 0.0);
        farthest = farthest.max(Text::width(text, size));
    }
    for (number, line) in layout.label.iter().enumerate() {
        let below = number as f64 * em * 1.9;
        let (at, angle) = match upright {
            true => (
                (
                    bar.x + bar.width + em * 1.7 + farthest + em * 0.5 + below + em * 0.1,
                    bar.y + bar.height / 2.0,
                ),
                90.0,
            ),
            false => ((bar.x + bar.width / 2.0, bar.y + bar.height + em * 2.3 + below), 0.0),
        };
        let text =
            Text { text: line, size: em, weight: WEIGHT, anchor: Anchor { along: 0.5, up: 1.0 }, angle };
        mask.text(at, &text, 0.0);
    }
    canvas.paint(&mask, BLACK);
}
