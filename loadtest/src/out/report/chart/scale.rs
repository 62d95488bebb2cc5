//! Scales: the place of a value on an axis, and the axis' ticks.

/// A tick on an axis, with its label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Value at the tick.
    pub(crate) at: f64,
    /// The label.
    pub(crate) text: String,
    /// True if small screens may leave the label out.
    pub(crate) minor: bool,
}

/// The function that maps values to places.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Linear,
    Log,
    /// A quantile by the number of its nines: 0.9, 0.99 and 0.999 have equal distances.
    Nines,
}

/// An axis from its lowest value to its highest.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    /// The ticks.
    pub(crate) ticks: Vec<Tick>,
}

impl Scale {
    /// Creates a linear scale that contains `low` and `high`, with ticks at round multiples of
    /// `unit`, such as 1024 for bytes.
    pub(crate) fn linear(low: f64, high: f64, unit: f64, text: impl Fn(f64) -> String) -> Self {
        let high = if high > low { high } else { low + unit };
        let step = round_step((high - low) / unit / 4.0) * unit;
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        let ticks: Vec<_> = (first..=last)
            .map(|n| n as f64 * step)
            .map(|at| Tick { at, text: text(at), minor: false })
            .collect();
        Self { kind: Kind::Linear, low: first as f64 * step, high: last as f64 * step, ticks }
    }

    /// Creates a time scale from 0 to exactly `high` seconds, with ticks at round numbers.
    pub(crate) fn seconds(high: f64, text: impl Fn(f64) -> String) -> Self {
        let mut scale = Self::linear(0.0, high, 1.0, text);
        scale.high = if high > 0.0 { high } else { 1.0 };
        scale.ticks.retain(|tick| tick.at <= scale.high);
        scale
    }

    /// Creates a logarithmic scale from `low` to `high`, which are above 0. Each end is extended to
    /// the next 1, 2 or 5 times a power of ten.
    pub(crate) fn log(low: f64, high: f64, text: impl Fn(f64) -> String) -> Self {
        let low = low.max(f64::MIN_POSITIVE);
        let high = high.max(low * 1.01);
        let first = low.log10().floor() as i32;
        let last = high.log10().ceil() as i32;
        let marks: Vec<f64> =
            (first..=last).flat_map(|n| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(n))).collect();
        let below = marks.iter().rposition(|mark| *mark <= low * 1.0001).unwrap_or(0);
        let above = marks.iter().position(|mark| *mark >= high * 0.9999);
        let above = above.unwrap_or(marks.len() - 1).max(below + 1);
        let used = &marks[below..=above];
        let decade = |mark: f64| (mark.log10() - mark.log10().round()).abs() < 1e-6;
        // On an axis with more than two powers of ten, ticks at 2 and 5 would only crowd it.
        let only_decades = used.iter().filter(|mark| decade(**mark)).count() > 2;
        let ticks = used
            .iter()
            .filter(|mark| !only_decades || decade(**mark))
            .map(|at| Tick { at: *at, text: text(*at), minor: used.len() > 4 && !decade(*at) })
            .collect();
        Self { kind: Kind::Log, low: used[0], high: used[used.len() - 1], ticks }
    }

    /// Creates a scale of quantiles from 0 to as many nines as `samples` samples can show.
    pub(crate) fn nines(samples: u64) -> Self {
        let nines = (2.0 * samples.max(1) as f64).log10().ceil().clamp(2.0, 6.0);
        let marks = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];
        let more = [(0.9999, "99.99 %"), (0.99999, "99.999 %"), (0.999_999, "99.9999 %")];
        let high = 1.0 - 10f64.powf(-nines);
        let shown = marks.iter().chain(&more).filter(|(at, _)| *at <= high + 1e-9);
        let last = nines as usize;
        let ticks = shown
            .enumerate()
            .map(|(index, (at, text))| Tick {
                at: *at,
                text: (*text).to_owned(),
                minor: last >= 4 && (last - index) % 2 == 1,
            })
            .collect();
        Self { kind: Kind::Nines, low: 0.0, high, ticks }
    }

    /// Returns `count` values at equal distances on the axis.
    pub(crate) fn spread(&self, count: usize) -> impl Iterator<Item = f64> {
        let (low, high) = (self.placed(self.low), self.placed(self.high));
        let last = count.saturating_sub(1).max(1) as f64;
        let kind = self.kind;
        (0..count).map(move |n| {
            let place = low + (high - low) * n as f64 / last;
            match kind {
                Kind::Linear => place,
                Kind::Log => 10f64.powf(place),
                Kind::Nines => 1.0 - 10f64.powf(-place),
            }
        })
    }

    /// Returns the place of a value, from 0 at the low end to 1 at the high end. A value beyond an
    /// end gets the place of that end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.placed(self.low), self.placed(self.high));
        let place = (self.placed(value) - low) / (high - low);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    fn placed(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.max(self.low).log10(),
            Kind::Nines => -(1.0 - value.min(self.high)).log10(),
        }
    }
}

/// Returns the smallest number of the form 1, 2 or 5 times a power of ten that is at least `about`.
fn round_step(about: f64) -> f64 {
    let about = about.max(f64::MIN_POSITIVE);
    let decade = 10f64.powf(about.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let fits = steps.iter().map(|m| m * decade).find(|step| *step >= about * 0.999);
    fits.unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn marks_are_round_and_enclose_every_value() {
        let scale = Scale::linear(0.0, 237.0, 1.0, |at| at.to_string());
        assert_eq!(texts(&scale), ["0", "100", "200", "300"]);
        assert_eq!((scale.place(0.0), scale.place(150.0), scale.place(999.0)), (0.0, 0.5, 1.0));
        let scale = Scale::log(180.0, 45_000.0, |at| at.to_string());
        assert_eq!(texts(&scale), ["100", "1000", "10000"]);
        assert!(scale.place(180.0) > 0.0 && scale.place(45_000.0) < 1.0);
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        let scale = Scale::nines(5_000);
        assert_eq!(texts(&scale), ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        let places: Vec<_> = [0.0, 0.9, 0.99, 0.999, 0.9999].map(|q| scale.place(q)).into();
        places.windows(2).for_each(|two| assert!((two[1] - two[0] - 0.25).abs() < 1e-9));
        assert_eq!(scale.spread(5).count(), 5);
        assert_eq!(scale.place(1.0), 1.0);
    }

    #[test]
    fn nothing_is_too_small_or_too_alike_for_an_axis() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (1e-300, 1e300)] {
            let linear = Scale::linear(low, high, 1.0, |at| at.to_string());
            let log = Scale::log(low, high, |at| at.to_string());
            for scale in [linear, log] {
                assert!((0.0..=1.0).contains(&scale.place(low)), "{low} to {high}");
                assert!(scale.place(f64::NAN).is_finite());
            }
        }
    }
}
