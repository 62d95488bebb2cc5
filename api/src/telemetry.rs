//! Names of the metrics of the HTTP server. The engine declares its own.

/// Open connections, by listener.
pub const CONNECTIONS: &str = "countersign_connections";
/// Maximum of open connections, by listener.
pub const CONNECTIONS_MAX: &str = "countersign_connections_max";
/// Idle connections that were closed to make room, by listener.
pub const CONNECTIONS_GIVEN_WAY: &str = "countersign_connections_given_way_total";
/// Connections that were closed right after they were accepted, by listener.
pub const CONNECTIONS_REFUSED: &str = "countersign_connections_refused_total";
/// Refused request heads, by reason. They never reach a route.
pub const HEADS_REFUSED: &str = "countersign_heads_refused_total";
/// HTTP/2 connections that were ended because they exceeded their budget of frames.
pub const FRAME_FLOODS: &str = "countersign_http2_frame_floods_total";
/// Seconds from a request's head to its response, by route, method and status.
pub const HTTP_SECONDS: &str = "countersign_http_seconds";
/// Rejected requests, by lane and reason: `full` at a limit of requests, `late` while the worker is
/// late and for existing work that got no turn, `client_share` at the limit of the client.
pub const REQUESTS_REFUSED: &str = "countersign_requests_refused_total";
/// Refusals at the limit of a client, by kind: `connection`, `request`, `poll` or `new_work`.
pub const CLIENT_SHARES_REFUSED: &str = "countersign_client_share_refused_total";
/// Requests for which a trusted proxy named no client. No limit of a client applies to them.
pub const CLIENTS_UNNAMED: &str = "countersign_clients_unnamed_total";
/// Version of the program, in the label; the value is always 1.
pub const BUILD_INFO: &str = "countersign_build_info";
