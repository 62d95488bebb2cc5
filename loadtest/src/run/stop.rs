//! Early end of a run.

use tokio::sync::watch;

/// A signal to end a run early, with its reason. Every clone receives it.
#[derive(Clone, Debug, Default)]
pub struct Stop(watch::Sender<Option<String>>);

impl Stop {
    /// Sends the signal. If it was already sent, its first reason stays.
    pub fn call(&self, reason: impl Into<String>) {
        self.0.send_if_modified(|called| {
            let first = called.is_none();
            called.get_or_insert_with(|| reason.into());
            first
        });
    }

    /// Returns the reason; `None` before the signal.
    pub fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits for the signal.
    pub async fn called(&self) {
        let mut calls = self.0.subscribe();
        // The wait cannot fail, because `self` keeps the sender alive.
        let _ = calls.wait_for(Option::is_some).await;
    }

    /// Sends the signal if the process receives SIGINT or SIGTERM. A further such signal ends the
    /// process immediately, with exit code 130.
    ///
    /// # Errors
    /// If the process cannot receive signals.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                let reason = tokio::select! {
                    _ = interrupt.recv() => "interrupted",
                    _ = terminate.recv() => "asked to end",
                };
                if stop.reason().is_some() {
                    std::process::exit(130);
                }
                stop.call(reason);
            }
        });
        Ok(())
    }
}
