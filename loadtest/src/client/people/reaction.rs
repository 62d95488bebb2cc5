//! Reactions of people to a challenge, and the time that they take.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A person's reaction to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The person approves.
    Approve,
    /// The person denies.
    Deny,
    /// The person does not look at the phone.
    Ignore,
}

/// Shares of the reactions, such as `approve=90,deny=8,ignore=2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reactions {
    approve: f64,
    deny: f64,
    ignore: f64,
}

impl Default for Reactions {
    fn default() -> Self {
        Self { approve: 1.0, deny: 0.0, ignore: 0.0 }
    }
}

impl Reactions {
    /// Draws a reaction at random.
    pub fn draw(&self, random: &mut fastrand::Rng) -> Reaction {
        let at = random.f64() * (self.approve + self.deny + self.ignore);
        if at < self.approve {
            Reaction::Approve
        } else if at < self.approve + self.deny {
            Reaction::Deny
        } else {
            Reaction::Ignore
        }
    }
}

impl FromStr for Reactions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is such as approve=90,deny=8,ignore=2".to_owned();
        let mut mix = Self { approve: 0.0, deny: 0.0, ignore: 0.0 };
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or_else(wrong)?;
            let share: f64 = share.trim().parse().map_err(|_| wrong())?;
            if !share.is_finite() || share < 0.0 {
                return Err(wrong());
            }
            match name.trim() {
                "approve" => mix.approve = share,
                "deny" => mix.deny = share,
                "ignore" => mix.ignore = share,
                _ => return Err(wrong()),
            }
        }
        let any = mix.approve + mix.deny + mix.ignore > 0.0;
        any.then_some(mix).ok_or_else(wrong)
    }
}

impl fmt::Display for Reactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "approve={},deny={},ignore={}", self.approve, self.deny, self.ignore)
    }
}

/// Time until a person answers, such as `none`, `2s`, `exp:5s` or `uniform:1s-9s`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Delay {
    /// No delay: the person answers immediately.
    #[default]
    None,
    /// The same delay each time.
    Fixed(Duration),
    /// Exponentially distributed with this mean: most times are short, a few are long.
    Exponential(Duration),
    /// Evenly distributed between two times.
    Uniform(Duration, Duration),
}

impl Delay {
    /// Draws a delay at random.
    pub fn draw(&self, random: &mut fastrand::Rng) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) => *time,
            // The delay is at most 20 times the mean, because a longer one would usually exceed the
            // lifetime of a challenge.
            Self::Exponential(mean) => mean.mul_f64(exponential(random).min(20.0)),
            Self::Uniform(from, to) => *from + (*to - *from).mul_f64(random.f64()),
        }
    }

    /// Returns the mean.
    pub fn mean(&self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) | Self::Exponential(time) => *time,
            Self::Uniform(from, to) => (*from + *to) / 2,
        }
    }
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let forms = "it is none, 2s, exp:5s or uniform:1s-9s";
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None => span(text).map(Self::Fixed).map_err(|_| forms.to_owned()),
            Some(("fixed", time)) => span(time).map(Self::Fixed),
            Some(("exp", mean)) => span(mean).map(Self::Exponential),
            Some(("uniform", ends)) => {
                let (from, to) = ends.split_once('-').ok_or("it is such as uniform:1s-9s")?;
                let (from, to) = (span(from)?, span(to)?);
                if from > to {
                    return Err("the longer time comes second".to_owned());
                }
                Ok(Self::Uniform(from, to))
            }
            Some(_) => Err(forms.to_owned()),
        }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Fixed(time) => write!(f, "{time:?}"),
            Self::Exponential(mean) => write!(f, "exp:{mean:?}"),
            Self::Uniform(from, to) => write!(f, "uniform:{from:?}-{to:?}"),
        }
    }
}

/// Parses a time such as `250ms`, `2s`, `1.5s`, `10m` or `8h`. A number without a unit is in
/// seconds.
///
/// # Errors
/// Returns the expected form as a text.
pub fn span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let time = number.parse::<f64>().unwrap_or(f64::NAN) * seconds;
    // The maximum is 30 days, which is longer than any run and far below the range of the clock.
    if !(0.0..=2_592_000.0).contains(&time) {
        return Err(format!("{text:?} is no time such as 250ms, 2s, 10m or 8h"));
    }
    Ok(Duration::from_secs_f64(time))
}

/// Draws an exponentially distributed number with mean 1, such as the time between independent
/// events.
pub(crate) fn exponential(random: &mut fastrand::Rng) -> f64 {
    -(1.0 - random.f64()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, ms) in
            [("250ms", 250), ("2s", 2000), ("1.5s", 1500), ("3", 3000), ("1m", 60_000)]
        {
            assert_eq!(span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "1e9s", "1..2s", "ms", "800h"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_take_as_long_as_they_are_said_to_on_average() {
        for text in ["none", "2s", "exp:2s", "uniform:1s-3s"] {
            let delay: Delay = text.parse().unwrap();
            let mut random = fastrand::Rng::with_seed(1);
            let sum: Duration = (0..10_000).map(|_| delay.draw(&mut random)).sum();
            let off = (sum / 10_000).as_secs_f64() - delay.mean().as_secs_f64();
            assert!(off.abs() < 0.1, "{text}: {off}");
            assert_eq!(delay.to_string().parse(), Ok(delay));
        }
        for text in ["", "exp", "exp:", "uniform:3s-1s", "uniform:1s", "often:1s"] {
            assert!(text.parse::<Delay>().is_err(), "{text}");
        }
    }

    #[test]
    fn people_do_what_their_shares_say() {
        let mix: Reactions = "approve=6,deny=3,ignore=1".parse().unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let drawn: Vec<_> = (0..10_000).map(|_| mix.draw(&mut random)).collect();
        for (reaction, expected) in
            [(Reaction::Approve, 6000), (Reaction::Deny, 3000), (Reaction::Ignore, 1000)]
        {
            let count = drawn.iter().filter(|f| **f == reaction).count();
            assert!(count.abs_diff(expected) < 250, "{reaction:?}: {count}");
        }
        for text in ["", "approve", "approve=x", "approve=-1", "report=1", "deny=0", "deny=inf"] {
            assert!(text.parse::<Reactions>().is_err(), "{text}");
        }
    }
}
