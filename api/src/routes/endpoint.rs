//! An endpoint in the table of routes: a path and its methods. A request with another
//! method gets a list of them.

use std::collections::BTreeSet;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::guard;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use crate::caller::ServerCaller;
use crate::layer::observe::Series;
use crate::problem::Problem;

/// A method, or several that are answered alike, and their route.
pub(super) struct Verb {
    methods: &'static [&'static str],
    route: Route,
}

/// GET, and with it HEAD: the same answer without its body (RFC 9110, 9.3.2).
pub(super) fn get() -> Verb {
    let either = guard::Any(guard::Get()).or(guard::Head());
    Verb { methods: &["GET", "HEAD"], route: web::route().guard(either) }
}

pub(super) fn post() -> Verb {
    Verb { methods: &["POST"], route: web::post() }
}

pub(super) fn patch() -> Verb {
    Verb { methods: &["PATCH"], route: web::patch() }
}

pub(super) fn delete() -> Verb {
    Verb { methods: &["DELETE"], route: web::delete() }
}

impl Verb {
    /// Answered by a handler.
    pub(super) fn to<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self { route: self.route.to(handler), ..self }
    }
}

/// A path with its methods, whose latencies are measured.
pub(super) struct Endpoint {
    resource: Resource,
    methods: BTreeSet<&'static str>,
}

impl Endpoint {
    /// Nothing yet at `path`; `under` is where it is mounted.
    pub(super) fn at(under: &str, path: &str) -> Self {
        let resource = web::resource(path).app_data(Series::of(format!("{under}{path}")));
        Self { resource, methods: BTreeSet::new() }
    }

    /// Adds a method to the path.
    pub(super) fn route(mut self, verb: Verb) -> Self {
        self.methods.extend(verb.methods);
        Self { resource: self.resource.route(verb.route), ..self }
    }
}

impl HttpServiceFactory for Endpoint {
    fn register(self, config: &mut AppService) {
        let allow = self.methods.into_iter().collect::<Vec<_>>().join(", ");
        let refusal = move |request: HttpRequest| {
            let refused = ServerCaller::check_before_routing(&request)
                .and_then(|()| Err::<HttpResponse, _>(Problem::method_not_allowed(&allow)));
            std::future::ready(refused)
        };
        self.resource.default_service(web::to(refusal)).register(config);
    }
}

/// 404 for a path that no endpoint has.
pub(super) async fn nowhere(request: HttpRequest) -> Result<HttpResponse, Problem> {
    ServerCaller::check_before_routing(&request)?;
    Err(Problem::no_route())
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::http::Method;
    use actix_web::http::header::ALLOW;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;

    #[actix_web::test]
    async fn an_endpoint_names_every_method_that_it_has() {
        let answer = async || HttpResponse::Ok();
        let endpoint =
            Endpoint::at("", "/client/x").route(post().to(answer)).route(get().to(answer));
        let app = init_service(App::new().service(endpoint)).await;
        let call = async |method: Method| {
            let request = TestRequest::with_uri("/client/x").method(method).to_request();
            call_service(&app, request).await
        };
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert_eq!(call(method).await.status(), 200);
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let refused = call(method).await;
            assert_eq!(refused.status(), 405);
            let allow = refused.headers().get(ALLOW).unwrap();
            assert_eq!(allow, "GET, HEAD, POST");
        }
    }
}
