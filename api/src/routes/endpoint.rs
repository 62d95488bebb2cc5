//! Endpoint in the table of routes: a path and its methods. A request with another method gets 405,
//! with a list of the methods.

use std::collections::BTreeSet;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use actix_web::{guard, web};

use crate::caller::ServerCaller;
use crate::layer::observe::Series;
use crate::problem::Problem;

/// A path with its methods, whose latencies are measured.
pub(super) struct Endpoint {
    resource: Resource,
    methods: BTreeSet<String>,
}

impl Endpoint {
    /// Creates an endpoint without methods. `under` is the prefix under which it is mounted.
    pub(super) fn at(under: &str, path: &str) -> Self {
        let resource = web::resource(path).app_data(Series::of(format!("{under}{path}")));
        Self { resource, methods: BTreeSet::new() }
    }

    /// Adds a handler for a method. A handler for GET also handles HEAD, whose response has no body
    /// (RFC 9110, 9.3.2).
    pub(super) fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.insert(method.to_string());
        let reads = method == Method::GET;
        let mut either = guard::Any(guard::Method(method));
        if reads {
            self.methods.insert(Method::HEAD.to_string());
            either = either.or(guard::Head());
        }
        let route = web::route().guard(either).to(handler);
        Self { resource: self.resource.route(route), ..self }
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

/// Refuses a path that no endpoint has, with 404. Without a valid secret, a path of the Server API
/// gets 401.
pub(super) async fn nowhere(request: HttpRequest) -> Result<HttpResponse, Problem> {
    ServerCaller::check_before_routing(&request)?;
    Err(Problem::no_route())
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::http::header::ALLOW;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;

    #[actix_web::test]
    async fn an_endpoint_names_every_method_that_it_has() {
        let answer = async || HttpResponse::Ok();
        let endpoint =
            Endpoint::at("", "/client/x").on(Method::POST, answer).on(Method::GET, answer);
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
