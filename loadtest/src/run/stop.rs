//! Ending a run before its time.

use tokio::sync::watch;

/// A call to end, with its reason, that everyone who has a clone hears.
#[derive(Clone, Debug, Default)]
pub struct Stop(watch::Sender<Option<String>>);

impl Stop {
    /// Calls. The first reason stays.
    pub fn call(&self, reason: impl Into<String>) {
        self.0.send_if_modified(|called| {
            let first = called.is_none();
            called.get_or_insert_with(|| reason.into());
            first
        });
    }

    /// The reason, if it was called.
    pub fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until it is called.
    pub async fn called(&self) {
        let mut calls = self.0.subscribe();
        // The sender lives as long as this does.
        let _ = calls.wait_for(Option::is_some).await;
    }

    /// Calls when the user or the system asks the process to end; a second time ends it at once.
    ///
    /// # Errors
    /// If signals cannot be received.
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
