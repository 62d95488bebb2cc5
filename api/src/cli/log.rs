//! The log of a process: its format, and the lines that it leaves out.

use std::error::Error;
use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts the log of this process, on the standard error.
///
/// # Errors
/// An invalid filter.
pub(super) fn start(config: &Config) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_new(directives(&config.log.level))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A log line that cannot be written is lost. Reporting the failure would write to the same full
    // disk, and panic.
    let log = log.log_internal_errors(false);
    match config.log.format {
        LogFormat::Human => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Returns the filter of the log. For `info`, `warn` and `error` it removes lines of the HTTP
/// libraries: their reports on threads, and their lines about bad requests and frames, because
/// anybody can cause many of these.
fn directives(level: &str) -> String {
    const NO_REQUEST: &str = "actix_http::h1::dispatcher=off,h2=off";
    match level.trim().to_ascii_lowercase().as_str() {
        "info" => format!("info,actix_server=warn,{NO_REQUEST}"),
        quiet @ ("error" | "warn") => format!("{quiet},{NO_REQUEST}"),
        _ => level.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_library_is_quiet_until_it_is_asked_for() {
        assert_eq!(
            directives("info"),
            "info,actix_server=warn,actix_http::h1::dispatcher=off,h2=off"
        );
        assert_eq!(directives("Warn "), "warn,actix_http::h1::dispatcher=off,h2=off");
        for asked in ["debug", "trace", "off", "info,actix_server=info", "warn,countersign=debug"] {
            assert_eq!(directives(asked), asked);
        }
        for level in ["error", "warn", "info"] {
            EnvFilter::try_new(directives(level)).unwrap();
        }
    }
}
