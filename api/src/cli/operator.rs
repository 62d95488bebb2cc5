//! `countersign device …` and `countersign account …`: an operator's commands for accounts. They
//! send requests to the operators' listener of the running server, so that they take effect at
//! once.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, Subcommand};
use countersign_client::ClientError;
use countersign_wire::error::ErrorBody;
use countersign_wire::operator::{OperatorAccount, OperatorDone};
use countersign_wire::paths::{filled, operator};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;

use super::ConfigArgs;
use crate::operator::OperatorFile;

/// The account.
#[derive(Args)]
pub(super) struct UserArgs {
    /// Id of the tenant.
    #[arg(long)]
    tenant: String,
    /// Id of the user, as your backend names them.
    #[arg(long)]
    user: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Commands for devices.
#[derive(Subcommand)]
pub(super) enum DeviceCommand {
    /// List a user's devices.
    List(UserArgs),
    /// Revoke a user's device at once: the server accepts no further answer of it.
    Revoke {
        #[command(flatten)]
        whose: UserArgs,
        /// Id of the device, from `device list`.
        device: String,
    },
}

/// Commands for an account.
#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// Show a user's counters, holds, devices and open challenges.
    Show(UserArgs),
    /// Clear a user's holds, so that they can be asked again at once.
    ReleaseHold(UserArgs),
}

/// Lists or revokes devices.
pub(super) async fn device(
    command: DeviceCommand,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    match command {
        DeviceCommand::List(whose) => {
            let account: OperatorAccount =
                call(&whose, Method::GET, operator::ACCOUNT, None).await?;
            write!(out, "{}", devices(&account))?;
        }
        DeviceCommand::Revoke { whose, device } => {
            let done: OperatorDone =
                call(&whose, Method::DELETE, operator::DEVICE, Some(&device)).await?;
            writeln!(out, "{}", done.done)?;
        }
    }
    Ok(())
}

/// Shows an account or releases its holds.
pub(super) async fn account(
    command: AccountCommand,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    match command {
        AccountCommand::Show(whose) => {
            let account: OperatorAccount =
                call(&whose, Method::GET, operator::ACCOUNT, None).await?;
            write!(out, "{}", shown(&account))?;
        }
        AccountCommand::ReleaseHold(whose) => {
            let done: OperatorDone =
                call(&whose, Method::POST, operator::RELEASE_HOLD, None).await?;
            writeln!(out, "{}", done.done)?;
        }
    }
    Ok(())
}

async fn call<T: DeserializeOwned>(
    whose: &UserArgs,
    method: Method,
    path: &str,
    device: Option<&str>,
) -> Result<T, Box<dyn Error>> {
    let server = OperatorFile::read(&whose.config.load()?.server.data_dir)?;
    let names = [&*whose.tenant, &*whose.user].into_iter().chain(device);
    let names = names.map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
    let url = server.url.clone() + &filled(path, &names.collect::<Vec<_>>());
    // The server is on this machine, so requests to it must not pass through a proxy.
    let client = Client::builder().no_proxy().build()?;
    let request = client.request(method, url).bearer_auth(server.key.expose());
    let answer = request.send().await.map_err(|error| {
        let cause = ClientError::from(error);
        format!(
            "no server answers at {}. Start it, or see whether it has stopped: {cause}",
            server.url
        )
    })?;
    if answer.status().is_success() {
        return Ok(answer.json().await?);
    }
    let status = answer.status();
    let said: Result<ErrorBody, _> = answer.json().await;
    let text = said.map_or_else(|_| "no reason".to_owned(), |body| body.error_description);
    Err(format!("the server refuses ({status}): {text}").into())
}

/// Formats the devices as a table: a line of headings, then a line for each device.
fn devices(account: &OperatorAccount) -> String {
    if account.devices.is_empty() {
        return "no devices\n".to_owned();
    }
    let headings = ["DEVICE", "ALGORITHM", "ENROLLED", "LAST USED", "NAME"];
    let rows = account.devices.iter().map(|device| {
        let last = device.last_verified_at.as_deref().unwrap_or("never");
        let name = device.name.as_deref().unwrap_or("-");
        [&*device.user_authenticator_id, &*device.algorithm, &*device.created_at, last, name]
    });
    let mut text = String::new();
    for [device, algorithm, enrolled, last, name] in [headings].into_iter().chain(rows) {
        // Writing to a `String` never fails. Ids have 36 characters, times have 24.
        let _ = writeln!(text, "{device:<36}  {algorithm:<9}  {enrolled:<24}  {last:<24}  {name}");
    }
    text
}

fn shown(account: &OperatorAccount) -> String {
    let counters = &account.counters;
    let wait = |ms: u64| match ms {
        0 => "at once".to_owned(),
        ms => format!("in {} s", ms.div_ceil(1000)),
    };
    let mut text = format!("user {} of {}\n", account.user_id, account.tenant_id);
    let _ = writeln!(text, "first seen      {}", account.created_at);
    let _ = writeln!(text, "revision        {}", account.revision);
    let _ = writeln!(text, "prompts         {}", counters.prompts);
    let _ = writeln!(text, "denials         {}", counters.denials);
    let reported = counters.reported_at.as_deref().unwrap_or("never");
    let _ = writeln!(text, "reported        {reported}");
    let _ = writeln!(text, "numbers typed   {}", counters.numbers);
    let _ = writeln!(text, "may be asked    {}", wait(counters.prompt_wait_ms));
    let _ = writeln!(text, "may type        {}", wait(counters.number_wait_ms));
    for challenge in &account.open_challenges {
        let (id, code, until) =
            (&challenge.challenge_id, &challenge.action_code, &challenge.expires_at);
        let _ = writeln!(text, "open challenge  {id}  {code}  until {until}");
    }
    text + "\n" + &devices(account)
}
