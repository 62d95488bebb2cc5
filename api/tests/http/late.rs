//! Tests of a worker that is late. It rejects new work and serves existing work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::admission::Pulse;
use reqwest::Method;

use crate::support::{Device, PUSH, Server, Setup, SignIn};

/// Test clock of a worker's pulse. It stands still, or advances by one millisecond at each reading.
/// While it advances, every queued request appears to have waited.
#[derive(Clone, Default)]
struct Time {
    goes_on: Arc<AtomicBool>,
    now_us: Arc<AtomicU64>,
}

impl Time {
    fn now_us(&self) -> u64 {
        let step = if self.goes_on.load(Ordering::SeqCst) { 1000 } else { 0 };
        self.now_us.fetch_add(step, Ordering::SeqCst)
    }

    /// Starts a server whose worker counts as late after any wait at all.
    fn server(&self) -> Server {
        let time = self.clone();
        Setup::default().start_with(move || {
            let time = time.clone();
            Pulse::by(Duration::ZERO, move || time.now_us())
        })
    }
}

#[tokio::test]
async fn a_late_worker_begins_nothing_and_ends_what_was_begun() {
    let time = Time::default();
    let it = SignIn::on(time.server(), Device::new()).await;
    time.goes_on.store(true, Ordering::SeqCst);
    // A read of existing work is served. It also makes the worker measure that it is late.
    assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], it.challenge.as_str());
    for _ in 0..3 {
        let track = it.server.post("/users/u-2/actions/signIn").secret();
        let start = it.server.post("/client/challenge/push").bearer(&it.token);
        let enroll = it.server.post(PUSH).bearer(&it.token).json(&Device::new().enrollment());
        for new in [track, start, enroll] {
            let refused = new.send().await;
            assert_eq!(refused.header("retry-after"), Some("1"));
            refused.refused(503, "temporarily_unavailable");
        }
    }
    assert_eq!(it.decide(true).await["isVerified"], true);
    let outcome = it.outcome().await;
    assert_eq!(outcome["outcome"], "approved");
    let validated = it.server.validate(outcome["accessToken"].as_str().unwrap()).ok().await;
    assert_eq!(validated["isValid"], true);
    let metrics = it.server.operator_call(Method::GET, "/metrics").send().await.text;
    let counted = "countersign_requests_refused_total{lane=\"new\",reason=\"late\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(counted)).unwrap();
    assert!(line.parse::<u64>().unwrap() >= 9, "{line}");
    // When the clock stands still, no request has waited, so the worker admits new work again.
    time.goes_on.store(false, Ordering::SeqCst);
    it.server.signed_pending(&it.device).await;
    it.server.token("u-2").await;
}
