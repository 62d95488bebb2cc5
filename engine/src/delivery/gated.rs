//! The body of a webhook request, which is sent only after its gate has opened.
//!
//! The HTTP client polls the body only when the request has a connection, new or idle. So the first
//! poll shows that the connection is established, TLS included.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper_util::client::legacy::connect::CaptureConnection;

use super::metered::begin_request;
use crate::ports::delivery::{NotOffered, Offering};

/// A text, and the gate (a future) that has to succeed before the text is sent.
pub(super) struct Gated {
    text: Option<Bytes>,
    gate: Option<Offering>,
    /// Connection of the request, taken at the first poll.
    pub(super) connection: Option<CaptureConnection>,
}

impl Gated {
    /// Makes a body that is sent once the request has a connection. With a `gate`, the gate is
    /// polled from then on, and the text is sent after the gate has succeeded.
    pub(super) const fn new(text: Bytes, gate: Option<Offering>) -> Self {
        Self { text: Some(text), gate, connection: None }
    }
}

impl Body for Gated {
    type Data = Bytes;
    type Error = NotOffered;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotOffered>>> {
        if let Some(connection) = self.connection.take()
            && let Some(connected) = &*connection.connection_metadata()
        {
            begin_request(connected);
        }
        if let Some(gate) = &mut self.gate {
            let passed = ready!(gate.as_mut().poll(cx));
            self.gate = None;
            if let Err(refused) = passed {
                self.text = None;
                return Poll::Ready(Some(Err(refused)));
            }
        }
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.as_ref().map_or(0, |text| text.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    use tokio::sync::oneshot;

    use super::*;

    const TEXT: Bytes = Bytes::from_static(b"text");

    fn collected(body: Gated) -> Option<Result<Bytes, NotOffered>> {
        Some(body.collect().now_or_never()?.map(|all| all.to_bytes()))
    }

    #[test]
    fn a_text_is_sent_after_its_gate_and_at_once_without_one() {
        assert_eq!(collected(Gated::new(TEXT, None)), Some(Ok(TEXT)));
        assert_eq!(collected(Gated::new(TEXT, Some(Box::pin(ready(Ok(())))))), Some(Ok(TEXT)));
        let (pass, passed) = oneshot::channel();
        let gate = async move { passed.await.unwrap() };
        let mut body = Gated::new(TEXT, Some(Box::pin(gate)));
        assert!(body.frame().now_or_never().is_none(), "nothing is sent yet");
        pass.send(Ok(())).unwrap();
        assert_eq!(collected(body), Some(Ok(TEXT)));
    }

    #[test]
    fn nothing_is_sent_behind_a_gate_that_stays_shut() {
        let body = Gated::new(TEXT, Some(Box::pin(ready(Err(NotOffered)))));
        assert_eq!(body.size_hint().exact(), Some(4), "the head has told the length");
        assert_eq!(collected(body), Some(Err(NotOffered)));
    }
}
