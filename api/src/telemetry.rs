//! Names of the metrics of the HTTP face, declared once. The engine declares its own.

/// Connections that are open, by listener.
pub const CONNECTIONS: &str = "countersign_connections";
/// Connections that may be open, by listener.
pub const CONNECTIONS_MAX: &str = "countersign_connections_max";
/// Idle connections that were closed to make room, by listener.
pub const CONNECTIONS_GIVEN_WAY: &str = "countersign_connections_given_way_total";
/// Connections that were closed as soon as they were accepted, by listener.
pub const CONNECTIONS_REFUSED: &str = "countersign_connections_refused_total";
/// Heads that were refused, by reason: they never become requests of a route.
pub const HEADS_REFUSED: &str = "countersign_heads_refused_total";
/// HTTP/2 connections that were ended because of more frames without work than they had earned.
pub const FRAME_FLOODS: &str = "countersign_http2_frame_floods_total";
/// Time from the request's head to its answer, by route, method and status.
pub const HTTP_SECONDS: &str = "countersign_http_seconds";
/// Rejected requests by lane and reason: `full` at the bound of requests in flight, `late` while
/// the worker is late and for existing work that did not get its turn, `client_share` at the
/// client's own bound.
pub const REQUESTS_REFUSED: &str = "countersign_requests_refused_total";
/// Refusals of clients that have all of their share, by kind: `connection`, `request`, `poll` or
/// `new_work`.
pub const CLIENT_SHARES_REFUSED: &str = "countersign_client_share_refused_total";
/// Requests in which a trusted proxy named no client. They are in nobody's share.
pub const CLIENTS_UNNAMED: &str = "countersign_clients_unnamed_total";
/// The version of the program, in its label; always 1.
pub const BUILD_INFO: &str = "countersign_build_info";
