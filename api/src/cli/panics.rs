//! Log and metric of panics.

use std::panic::Location;

use countersign_engine::telemetry;

/// Installs a hook that counts each panic and logs it in one line. A panic ends only one request or
/// one actor; the actor is loaded again.
pub(super) fn count() {
    metrics::counter!(telemetry::PANICS).absolute(0);
    std::panic::set_hook(Box::new(|panic| {
        metrics::counter!(telemetry::PANICS).increment(1);
        let location = panic.location().map(shown);
        tracing::error!(location, "panic: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
}

fn shown(location: &Location<'_>) -> String {
    let (file, line, column) = (place(location.file()), location.line(), location.column());
    format!("{file}:{line}:{column}")
}

/// Shortens the path of a source file so that it begins with its crate's folder. The compiler
/// records absolute paths for other crates, and these would name folders of the machine that built
/// the program.
fn place(file: &str) -> &str {
    if !file.starts_with('/') {
        return file;
    }
    let folders = file.rfind("/src/").map_or(file, |at| &file[..at]);
    folders.rfind('/').map_or(file, |at| &file[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_of_the_builder_is_shown() {
        for (file, shown) in [
            ("api/src/cli/panics.rs", "api/src/cli/panics.rs"),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-0/actix-web-4.18.1/src/app.rs",
                "actix-web-4.18.1/src/app.rs",
            ),
            ("/rustc/0123456789abcdef/library/core/src/option.rs", "core/src/option.rs"),
            ("/src/api/src/body.rs", "api/src/body.rs"),
            ("/home/ann/work/build.rs", "build.rs"),
        ] {
            assert_eq!(place(file), shown);
        }
        let here = shown(Location::caller());
        assert!(here.starts_with(&format!("{}:{}:", file!(), line!() - 1)), "{here}");
    }
}
