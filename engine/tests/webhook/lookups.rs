//! Tests of look-ups that outlive their calls, as those of the system do if name servers do not
//! answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_engine::delivery::{Calls, Lookup, Webhook, WebhookSettings};
use countersign_engine::ports::Delivery;
use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use crate::support::{Server, issued, offered, settings, status};

/// Number of the runtime's threads for blocking work.
const THREADS: usize = 16;
/// Largest number of look-ups that one webhook runs at the same time.
const LOOKUPS_MAX: usize = 8;
const SHORT: Duration = Duration::from_millis(100);

async fn deliver(webhook: &Webhook) -> Result<(), String> {
    let answer = webhook.deliver(&issued(None, None), offered()).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// Makes a look-up that blocks a thread until the sender is dropped. It counts the look-ups that
/// have begun.
fn blocking(begun: &Arc<AtomicUsize>) -> (Sender<()>, Lookup) {
    let (end, ended) = channel();
    let (begun, ended) = (Arc::clone(begun), Arc::new(Mutex::new(ended)));
    let lookup: Lookup = Arc::new(move |_| {
        let (begun, ended) = (Arc::clone(&begun), Arc::clone(&ended));
        Box::pin(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            let running = spawn_blocking(move || ended.lock().unwrap().recv().is_err());
            running.await.unwrap();
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        })
    });
    (end, lookup)
}

async fn a_tenant_whose_name_servers_are_dead() {
    let server = Server::start(status(200)).await;
    let calls = Calls::new(64, 2);
    let of_one = |lookup| {
        let url = format!("http://hook.test:{}/", server.port);
        let settings = settings(&url, &["hook.test"]);
        let settings = WebhookSettings { calls: calls.of_one(), ..settings };
        Webhook::with_lookup(settings, lookup).unwrap()
    };
    let begun = Arc::new(AtomicUsize::new(0));
    let (end, dead) = blocking(&begun);
    let slow = of_one(dead);
    let hurried = slow.clone().with_deadline(SHORT);
    for _ in 0..3 {
        let answers = join_all((0..THREADS).map(|_| deliver(&hurried))).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
    }
    assert_eq!(begun.load(Ordering::Relaxed), LOOKUPS_MAX);
    let busy = "too many webhooks are being called: this one had no turn in time";
    assert_eq!(deliver(&slow).await, Err(busy.to_owned()));

    let (other_end, quick) = blocking(&Arc::default());
    drop(other_end);
    assert_eq!(deliver(&of_one(quick)).await, Ok(()), "it has a thread");

    drop(end);
    assert_eq!(deliver(&slow).await, Ok(()), "the look-ups have ended");
}

#[test]
fn look_ups_that_outlive_their_calls_are_few_and_leave_threads_to_other_tenants() {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(THREADS).build().unwrap();
    runtime.block_on(a_tenant_whose_name_servers_are_dead());
}
