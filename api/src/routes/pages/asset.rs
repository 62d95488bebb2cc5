//! Files of `api/web`, which are served unchanged.

use std::fmt::Write as _;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::reason::Reason;
use rust_embed::{Embed, EmbeddedFile};

use super::headers::secure;
use crate::problem::Problem;
use crate::request::path::Path;

/// Embedded files.
#[derive(Embed)]
#[folder = "web/"]
pub(super) struct Web;

/// Service worker of the phone's page.
const WORKER: &str = "phone/worker.js";

/// Content types by the ending of a file's name. A file with another ending is not served.
const TYPES: &[(&str, &str)] = &[
    (".css", "text/css; charset=utf-8"),
    (".d.ts", "text/plain; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".png", "image/png"),
    (".svg", "image/svg+xml"),
    (".txt", "text/plain; charset=utf-8"),
    (".webmanifest", "application/manifest+json"),
];

/// Returns a file of one of the folders in the table of routes. Its `ETag` is a hash of its
/// content, so that a browser revalidates the file each time but loads it only once.
///
/// # Errors
/// 404 for a file that does not exist.
pub async fn asset(
    request: HttpRequest,
    Path((folder, file)): Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let name = format!("{folder}/{file}");
    let kind = TYPES.iter().find(|(end, _)| name.ends_with(end));
    let (Some((_, kind)), Some(found)) = (kind, Web::get(&name)) else {
        return Err(Problem::new(Reason::FileNotFound, "there is no such file"));
    };
    let tag = tag(&found);
    let same = request.headers().get(IF_NONE_MATCH).is_some_and(|sent| sent == tag.as_str());
    let mut response = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    secure(&mut response, None);
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "no-cache"));
    if folder == "sdk" {
        // Pages of relying parties import the SDK. It is public and contains no user's data.
        response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        response.insert_header(("cross-origin-resource-policy", "cross-origin"));
    }
    if name == WORKER {
        // The worker's page is in the parent of its folder, so the worker needs a wider scope.
        response.insert_header(("service-worker-allowed", "../phone"));
    }
    if same {
        return Ok(response.finish());
    }
    Ok(response.content_type(*kind).body(found.data))
}

/// Returns the page of the phone.
pub async fn phone() -> HttpResponse {
    page("phone/index.html")
}

/// Returns a page that is the same for everybody. No other page may frame it.
pub(super) fn page(name: &str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    secure(&mut response, None);
    response.content_type("text/html; charset=utf-8").body(text(name))
}

/// Returns the text of a page.
pub(super) fn text(name: &str) -> String {
    let page = Web::get(name).map(|found| found.data.into_owned());
    String::from_utf8(page.unwrap_or_default()).unwrap_or_default()
}

fn tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        write!(tag, "{byte:02x}").expect("a string takes every text");
    }
    tag + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_there_and_every_file_is_of_a_kind_that_is_served() {
        for page in ["home.html", "ui/index.html", "phone/index.html", "demo/index.html"] {
            assert!(text(page).starts_with("<!doctype html>"), "{page}");
        }
        for file in Web::iter().filter(|file| !file.ends_with(".html")) {
            assert!(TYPES.iter().any(|(end, _)| file.ends_with(end)), "{file}");
        }
    }
}
