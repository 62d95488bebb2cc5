//! Tests of number matching: the browser shows a number, and the person types it on the device.

use serde_json::{Value, json};

use crate::support::{Device, Server, Setup, assert_keys};

/// A user with a phone, and a challenge that requires a number.
struct Asked {
    server: Server,
    device: Device,
    token: String,
    challenge: String,
    number: String,
}

impl Asked {
    async fn start() -> Self {
        let server = Setup::default().set("tenants.0.push.number_match", "6").start();
        let device = Device::new();
        server.enroll("u-1", &device).await;
        let token = server.token("u-1").await;
        let (challenge, number) = started(&server, &token).await;
        Self { server, device, token, challenge, number }
    }

    async fn again(&mut self) {
        (self.challenge, self.number) = started(&self.server, &self.token).await;
    }

    fn typed(&self, number: &str) -> Value {
        let mut body = self.device.decision(&self.challenge, true);
        body["verificationCode"] = json!(number);
        body
    }

    fn wrong(&self) -> String {
        let number: u32 = self.number.parse().unwrap();
        format!("{:06}", (number + 1) % 1_000_000)
    }

    /// Sends a wrong number, and returns the description of the refusal.
    async fn guess(&self) -> String {
        let call = self.server.answer(&self.device, &self.typed(&self.wrong()));
        let refused = call.refused(400, "invalid_request").await;
        refused["errorDescription"].as_str().unwrap().to_owned()
    }

    async fn outcome(&self) -> Value {
        self.server.outcome(&self.token, &self.challenge).await
    }
}

async fn started(server: &Server, token: &str) -> (String, String) {
    let started = server.post("/client/challenge/push").bearer(token).ok().await;
    assert_keys(&started, &["challengeId", "expiresAt", "number"]);
    let text = |key: &str| started[key].as_str().unwrap().to_owned();
    (text("challengeId"), text("number"))
}

#[tokio::test]
async fn the_number_is_told_to_the_browser_once_and_its_digits_to_the_phone() {
    let it = Asked::start().await;
    assert!(it.number.len() == 6 && it.number.bytes().all(|b| b.is_ascii_digit()));
    let pending = it.server.signed_pending(&it.device).await;
    assert_eq!(pending["numberMatch"], json!({ "digits": 6 }));
    let polled = it.outcome().await;
    let ended = it.server.answer(&it.device, &it.typed(&it.number)).ok().await;
    let verified = it.outcome().await;
    for told in [pending, polled, ended, verified] {
        let texts = told.as_object().unwrap().values().filter_map(Value::as_str);
        assert!(texts.into_iter().all(|text| text != it.number), "{told}");
        assert!(told.get("number").is_none(), "{told}");
    }
}

#[tokio::test]
async fn a_number_counts_in_the_digits_of_any_script_and_with_blanks() {
    for zero in ['0', '٠', '۰', '०', '０'] {
        let it = Asked::start().await;
        let digit = |c: char| char::from_u32(c as u32 - '0' as u32 + zero as u32).unwrap();
        let [left, right] = [&it.number[..3], &it.number[3..]]
            .map(|half| half.chars().map(digit).collect::<String>());
        let typed = it.typed(&format!("\u{200f}{left}\u{a0}{right} "));
        assert_eq!(it.server.answer(&it.device, &typed).ok().await["outcome"], "approved");
    }
}

#[tokio::test]
async fn where_no_number_is_asked_for_nothing_is_said_of_one() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    let id = server.challenge(&token).await;
    assert_eq!(server.pending(&device).ok().await["numberMatch"], json!(null));
    let mut answer = device.decision(&id, true);
    answer["verificationCode"] = json!("123456");
    server.answer(&device, &answer).ok().await;
}

#[tokio::test]
async fn the_right_number_approves() {
    let it = Asked::start().await;
    it.guess().await;
    it.guess().await;
    let ended = it.server.answer(&it.device, &it.typed(&it.number)).ok().await;
    assert_eq!(ended, json!({ "isVerified": true, "outcome": "approved" }));
    assert_eq!(it.outcome().await["isVerified"], true);
}

#[tokio::test]
async fn the_third_wrong_number_ends_the_challenge() {
    let it = Asked::start().await;
    assert_eq!(it.guess().await, "the number is wrong");
    assert_eq!(it.guess().await, "the number is wrong");
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
    let last = "the number is wrong, and the challenge has ended: it was the last try";
    assert_eq!(it.guess().await, last);
    let ended = it.outcome().await;
    assert_eq!((&ended["outcome"], &ended["isConsumed"]), (&json!("failed"), &json!(true)));
    let late = it.server.answer(&it.device, &it.typed(&it.number));
    late.refused(400, "invalid_request").await;
    let actions = it.server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(actions[0]["state"], "CHALLENGE_FAILED");
}

#[tokio::test]
async fn an_approval_without_a_number_is_refused_and_a_denial_is_not() {
    let it = Asked::start().await;
    for number in [json!(null), json!("")] {
        let mut answer = it.device.decision(&it.challenge, true);
        answer["verificationCode"] = number;
        it.server.answer(&it.device, &answer).refused(400, "invalid_request").await;
    }
    let mut letters = it.device.decision(&it.challenge, true);
    letters["verificationCode"] = json!("12345a");
    it.server.answer(&it.device, &letters).refused(400, "invalid_request").await;
    // None of these answers counted as an attempt, so the user still has three.
    it.guess().await;
    it.guess().await;
    assert!(it.outcome().await.get("outcome").is_none());
    let denied = it.server.decide(&it.device, &it.challenge, false).ok().await;
    assert_eq!(denied["outcome"], "denied");
}

#[tokio::test]
async fn after_five_wrong_numbers_neither_numbers_nor_prompts_are_taken() {
    let mut it = Asked::start().await;
    for _ in 0..3 {
        it.guess().await;
    }
    it.again().await;
    it.guess().await;
    it.guess().await;
    let refused = it.server.answer(&it.device, &it.typed(&it.number)).send().await;
    let said = refused.refused(429, "too_many_requests");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((840..=900).contains(&seconds), "{seconds}");
    assert_eq!(
        said["errorDescription"],
        format!("no number is taken for {seconds} s: too many wrong numbers")
    );
    let asked = it.server.post("/client/challenge/push").bearer(&it.token).send().await;
    let said = asked.refused(429, "too_many_requests");
    let seconds = asked.header("retry-after").unwrap();
    assert_eq!(said["errorDescription"], format!("the user is not asked for {seconds} s"));
    assert!(it.outcome().await.get("outcome").is_none());
}
