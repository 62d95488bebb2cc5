//! `Date` header of a response, if that of the HTTP library would mislead.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{DATE, HeaderValue, HttpDate};
use actix_web::web::Data;
use countersign_engine::ports::Clock;

use crate::state::AppState;

/// Difference between the clocks that is ignored, because a date has only whole seconds.
const SMALL_MS: u64 = 1_000;

/// Sets a response's `Date` to the server's own clock, which decides deadlines. Callers use it to
/// calculate how long a deadline is away. The HTTP library would use the wall clock, which differs
/// after that clock was set.
pub fn tell<B>(response: &mut ServiceResponse<B>) {
    let state = response.request().app_data::<Data<AppState>>();
    if let Some(date) = state.and_then(|state| date(&**state.engine.clock())) {
        response.headers_mut().insert(DATE, date);
    }
}

fn date(clock: &dyn Clock) -> Option<HeaderValue> {
    let (now, wall) = (clock.now(), clock.wall());
    if now.0.abs_diff(wall.0) <= SMALL_MS {
        return None;
    }
    // The format has no years after 9999.
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(now.0))?;
    let year_9999 = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    (at <= year_9999).then(|| HttpDate::from(at).to_string().try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use countersign_core::time::UnixMillis;
    use countersign_testkit::clock::Apart;

    use super::*;

    fn date_of(now: u64, wall: u64) -> Option<HeaderValue> {
        date(&Apart { now: UnixMillis(now), wall: UnixMillis(wall) })
    }

    #[test]
    fn a_date_is_told_where_the_clocks_differ() {
        assert_eq!(date_of(1_735_689_600_000, 1_735_689_601_000), None);
        let told = date_of(1_735_689_600_000, 5).unwrap();
        assert_eq!(told, "Wed, 01 Jan 2025 00:00:00 GMT");
        assert_eq!(date_of(u64::MAX, 5), None);
    }
}
