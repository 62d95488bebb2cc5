//! `GET /metrics`: the metrics as text, with a limit of texts in memory.
//!
//! Each request renders a text, which stays in memory until its reader has received it. Without the
//! limit, readers that receive nothing could hold as many texts as the listener has streams.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use countersign_engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;

/// Maximum number of texts in memory. Further readers share the latest text. Its age is limited by
/// the time that its slowest reader takes.
const TEXTS_MAX: usize = 8;

/// Texts that are being sent.
pub struct Texts {
    render: Box<dyn Fn() -> String + Send + Sync>,
    read: Mutex<Vec<Weak<[u8]>>>,
}

impl Texts {
    /// Creates the texts of a metrics recorder.
    pub fn of(handle: PrometheusHandle) -> Self {
        Self::by(move || handle.render())
    }

    fn by(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { render: Box::new(render), read: Mutex::default() }
    }

    /// Renders a text. If [`TEXTS_MAX`] texts are being sent, returns the latest of them instead.
    fn text(&self) -> Bytes {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|text| text.strong_count() > 0);
        let latest = read.last().filter(|_| read.len() >= TEXTS_MAX).and_then(Weak::upgrade);
        let text = latest.unwrap_or_else(|| {
            let text = Arc::from((self.render)().into_bytes());
            read.push(Arc::downgrade(&text));
            text
        });
        Bytes::from_owner(text)
    }
}

/// Returns all metrics.
pub(super) async fn metrics(texts: Data<Texts>, engine: Data<Engine>) -> HttpResponse {
    // This call updates the gauges of unwritten records to their present age.
    let _ = engine.unwritten();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(texts.text())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn readers_that_take_nothing_share_the_latest_text() {
        let made = AtomicUsize::new(0);
        let texts = Texts::by(move || made.fetch_add(1, Ordering::Relaxed).to_string());
        let mut read: Vec<_> = (0..1000).map(|_| texts.text()).collect();
        assert_eq!(read[TEXTS_MAX - 2..TEXTS_MAX], ["6", "7"]);
        assert!(read[TEXTS_MAX..].iter().all(|text| text == "7"));
        read.truncate(TEXTS_MAX - 1);
        assert_eq!(texts.text(), "8", "there is room for one more");
    }
}
