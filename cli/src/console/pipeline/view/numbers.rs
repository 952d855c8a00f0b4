//! The numbers and sparklines of the pipeline page.

use std::fmt::Write;

use maud::{Markup, html};

use super::super::Numbers;
use super::super::measures::{Measure, PERIODS, Stat};
use crate::table::number;

/// Shown in place of a number that nobody reports.
pub(super) const NO_ANSWER: &str = "no answer";

/// The size of a sparkline.
const WIDE: usize = 108;
const HIGH: usize = 24;

/// The sum over all periods. `None` means that the metrics could not be read. A measure without
/// values is 0.
pub(super) fn total(now: &Numbers, name: &str) -> Option<f64> {
    let series = now.series.as_ref().ok()?;
    Some(
        series
            .of
            .get(name)
            .map_or(0.0, |values| values.iter().sum()),
    )
}

pub(super) fn told(value: Option<f64>) -> String {
    value.map_or_else(|| NO_ANSWER.to_owned(), shown)
}

/// One value for several periods. `None` means that there is nothing to take the mean of.
pub(super) fn together(measure: &Measure, values: &[f64]) -> Option<f64> {
    match measure.stat {
        Stat::Sum => Some(values.iter().sum()),
        Stat::Maximum => Some(values.iter().copied().fold(0.0, f64::max)),
        Stat::Average => {
            let some: Vec<_> = values.iter().filter(|value| **value > 0.0).collect();
            match some.len() {
                0 => None,
                #[expect(clippy::cast_precision_loss, reason = "36 at most")]
                count => Some(some.into_iter().sum::<f64>() / count as f64),
            }
        }
    }
}

/// Prints a whole number, or one more digit for a small number that is not whole.
pub(super) fn shown(value: f64) -> String {
    if value.fract() != 0.0 && value < 10.0 {
        return format!("{value:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    let whole = value.round().max(0.0) as u64;
    number(whole)
}

/// A sparkline. It is hidden from screen readers, because its numbers are beside it.
pub(super) fn spark(values: &[f64]) -> Markup {
    let most = values.iter().copied().fold(0.0, f64::max);
    let mut points = String::new();
    #[expect(clippy::cast_precision_loss, reason = "some hundred at most")]
    for (place, value) in values.iter().enumerate() {
        let high = if most > 0.0 { value / most } else { 0.0 };
        let across = place as f64 * WIDE as f64 / (PERIODS - 1) as f64;
        let down = 1.0 + (HIGH - 2) as f64 * (1.0 - high);
        let _ = write!(points, "{across:.0},{down:.1} ");
    }
    html! {
        svg.spark viewBox={ "0 0 " (WIDE) " " (HIGH) } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            polyline points=(points.trim_end()) {}
        }
    }
}
