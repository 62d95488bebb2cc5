//! Tests that a kill does not reset the counters of a user's prompts and wrong numbers.

use std::path::Path;
use std::sync::Arc;

use countersign_client::SoftwareKey;
use countersign_wire::device::AnswerResponse;
use countersign_wire::secret::Secret;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use crate::caller::{Answer, Caller, Failed, phone};
use crate::server::Server;

const WITH_NUMBERS: [(&str, &str); 1] = [("COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH", "6")];

/// A user with a phone, on a server that the test kills.
struct Asked {
    caller: Caller,
    phone: SoftwareKey,
    token: String,
}

impl Asked {
    async fn on(server: &Server) -> Self {
        let caller = Caller::new(server.url(), None);
        let (phone, token) = (phone(), caller.track("alice").await.unwrap().token);
        let token = token.into_string();
        caller.enroll(&token, &phone).await.unwrap();
        Self { caller, phone, token }
    }

    /// Returns this user as a caller of the restarted server.
    fn again(self, server: &Server) -> Self {
        Self { caller: Caller::new(server.url(), None), ..self }
    }

    /// Starts a challenge, and returns its id and its number.
    async fn challenge(&self) -> Answer<(String, String)> {
        let started = self.caller.challenge(&self.token).await?;
        let number = started.number.map(Secret::into_string).unwrap_or_default();
        Ok((started.challenge_id, number))
    }

    async fn types(&self, challenge: &str, number: &str) -> Answer<AnswerResponse> {
        self.caller.approve(&self.phone, challenge, number).await
    }
}

fn wrong(number: &str) -> String {
    let number: u32 = number.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

async fn restart(server: &mut Server, folder: &Path, settings: &[(&str, &str)]) {
    server.kill();
    *server = Server::start_with(folder, settings).await;
}

#[tokio::test]
async fn five_unanswered_prompts_are_counted_and_the_sixth_after_a_kill_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    let asked = Asked::on(&server).await;
    for _ in 0..5 {
        asked.challenge().await.unwrap();
    }
    restart(&mut server, folder.path(), &[]).await;
    let asked = asked.again(&server);
    let sixth = asked.challenge().await;
    assert!(matches!(sixth, Err(Failed::Status(429, _))), "{sixth:?}");
    server.assert_log_is_clean();
}

#[tokio::test]
async fn wrong_numbers_are_counted_for_the_challenge_and_for_the_user_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), &WITH_NUMBERS).await;
    let mut asked = Asked::on(&server).await;
    let (first, number) = asked.challenge().await.unwrap();
    for guess in 1..=3 {
        let told = asked.types(&first, &wrong(&number)).await;
        assert!(matches!(told, Err(Failed::Status(400, _))), "{guess}: {told:?}");
        restart(&mut server, folder.path(), &WITH_NUMBERS).await;
        asked = asked.again(&server);
    }
    let ended = asked.caller.verify(&asked.token, &first, None).await.unwrap();
    assert!(ended.is_consumed && !ended.is_verified, "the third ends it: {ended:?}");
    let (second, number) = asked.challenge().await.unwrap();
    for _ in 0..2 {
        let told = asked.types(&second, &wrong(&number)).await;
        assert!(matches!(told, Err(Failed::Status(400, _))), "{told:?}");
    }
    restart(&mut server, folder.path(), &WITH_NUMBERS).await;
    let asked = asked.again(&server);
    let right = asked.types(&second, &number).await;
    assert!(matches!(right, Err(Failed::Status(429, _))), "five were typed: {right:?}");
    let third = asked.challenge().await;
    assert!(matches!(third, Err(Failed::Status(429, _))), "{third:?}");
    server.assert_log_is_clean();
}

/// Sends 50 wrong numbers, ten of them concurrently. Counts those that the server rejected as wrong
/// before it was gone, and adds a permit to `compared` for each.
async fn guess(asked: &Asked, challenge: &str, number: &str, compared: &Semaphore) -> usize {
    let wrong = wrong(number);
    let guesses = stream::iter(0..50).map(|_| async {
        match asked.types(challenge, &wrong).await {
            Err(Failed::Status(400, text)) if text.contains("the number is wrong") => {
                compared.add_permits(1);
                1
            }
            Err(Failed::Status(400 | 429, _) | Failed::Gone) => 0,
            told => panic!("{told:?}"),
        }
    });
    guesses.buffer_unordered(10).fold(0, |sum, one| async move { sum + one }).await
}

#[tokio::test]
async fn a_guesser_gains_nothing_by_a_kill_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), &WITH_NUMBERS).await;
    let asked = Asked::on(&server).await;
    let (challenge, number) = asked.challenge().await.unwrap();
    let compared = Arc::new(Semaphore::new(0));
    let killing = async {
        let _one = compared.acquire().await.unwrap();
        server.kill();
    };
    let (before, ()) = tokio::join!(guess(&asked, &challenge, &number, &compared), killing);
    server = Server::start_with(folder.path(), &WITH_NUMBERS).await;
    let asked = asked.again(&server);
    let after = guess(&asked, &challenge, &number, &compared).await;
    assert!(before >= 1 && before + after <= 3, "{before} and {after}");
    let ended = asked.caller.verify(&asked.token, &challenge, None).await.unwrap();
    assert!(ended.is_consumed && !ended.is_verified, "{ended:?}");
    server.assert_log_is_clean();
}
