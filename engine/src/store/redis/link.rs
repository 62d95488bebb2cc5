//! A connection to Redis. It is made on demand, dropped after a failure, and classifies errors.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, Value};
use tokio::sync::Mutex;

use super::reply::{checked, info_field, is_read_only, is_unknown_script, text, unexpected};
use super::script::Call;
use super::trouble::Trouble;

/// Time limit for one connection attempt and for one reply. After it, the result of a call is
/// unknown.
const ANSWER: Duration = Duration::from_secs(1);

/// A connection that all callers share.
pub(super) struct Link {
    client: Client,
    made: Mutex<Made>,
}

/// The present connection.
#[derive(Default)]
struct Made {
    connection: Option<MultiplexedConnection>,
    /// Number of connections that were made so far.
    number: u64,
    /// The process at the other end, which it stays for the life of the connection: its `run_id`
    /// and `master_replid`. A primary that was demoted and promoted again is another one.
    server: Arc<str>,
}

/// The number of a connection, and the process at its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) number: u64,
    pub(super) server: Arc<str>,
}

impl Link {
    pub(super) fn new(client: Client) -> Self {
        Self { client, made: Mutex::default() }
    }

    /// Makes the connection, if there is none.
    pub(super) async fn connect(&self) -> Result<Peer, Trouble> {
        let mut made = self.made.lock().await;
        self.connection(&mut made).await?;
        Ok(Peer { number: made.number, server: Arc::clone(&made.server) })
    }

    /// Ends the connection, because the process at its other end may be the wrong one.
    pub(super) async fn disconnect(&self) {
        self.made.lock().await.connection.take();
    }

    async fn connection(&self, made: &mut Made) -> Result<MultiplexedConnection, Trouble> {
        if let Some(connection) = &made.connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        // Connecting has this time limit, because the library does not limit the first commands.
        let connected = tokio::time::timeout(ANSWER, connecting).await;
        let mut connection = connected
            .map_err(|_| Trouble::Lost("no connection in time".to_owned()))?
            .map_err(|error| trouble(&error))?;
        made.server = server(&mut connection).await?.into();
        made.number += 1;
        made.connection = Some(connection.clone());
        Ok(connection)
    }

    /// Sends commands together, and returns their replies; a single command may have failed. After
    /// a failure the connection is not used again, so that no later caller gets a late reply.
    pub(super) async fn ask(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Trouble> {
        self.ask_process(pipeline).await.map(|(values, _)| values)
    }

    /// Sends commands as [`Self::ask`] does. Returns the process that replied too.
    pub(super) async fn ask_process(
        &self,
        pipeline: &Pipeline,
    ) -> Result<(Vec<Value>, Arc<str>), Trouble> {
        let (mut connection, server) = {
            let mut made = self.made.lock().await;
            (self.connection(&mut made).await?, Arc::clone(&made.server))
        };
        match connection.req_packed_commands(pipeline, 0, pipeline.len()).await {
            Ok(values) => {
                // The server has become a replica. The next connection finds the new primary.
                if values.iter().any(is_read_only) {
                    self.disconnect().await;
                }
                Ok((values, server))
            }
            Err(error) => {
                self.disconnect().await;
                Err(trouble(&error))
            }
        }
    }

    /// Sends commands together. Fails if one of them fails.
    pub(super) async fn all(&self, commands: &[Cmd]) -> Result<Vec<Value>, Trouble> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.ask(&pipeline(commands)).await?;
        values.into_iter().map(checked).collect()
    }

    pub(super) async fn one(&self, command: Cmd) -> Result<Value, Trouble> {
        let mut values = self.all(std::slice::from_ref(&command)).await?;
        values.pop().ok_or_else(|| unexpected("no answer"))
    }

    /// Runs scripts in this order, and returns their replies. If Redis does not know a script, all
    /// are sent again with their text.
    pub(super) async fn calls(&self, calls: &[Call]) -> Result<Vec<Value>, Trouble> {
        let commands = |whole| calls.iter().map(|c| c.command(whole)).collect::<Vec<_>>();
        let values = self.ask(&pipeline(&commands(false))).await?;
        if values.iter().any(is_unknown_script) {
            return self.ask(&pipeline(&commands(true))).await;
        }
        Ok(values)
    }

    /// Runs one script.
    pub(super) async fn call(&self, call: &Call) -> Result<Value, Trouble> {
        let mut values = self.calls(std::slice::from_ref(call)).await?;
        checked(values.pop().ok_or_else(|| unexpected("no answer"))?)
    }
}

/// Asks for the process at the other end of a connection.
///
/// # Errors
/// [`Trouble::Lost`] if it is a replica.
async fn server(connection: &mut MultiplexedConnection) -> Result<String, Trouble> {
    let asked = ["server", "replication"].map(|section| {
        let mut info = redis::cmd("INFO");
        info.arg(section).clone()
    });
    let values = connection.req_packed_commands(&pipeline(&asked), 0, asked.len()).await;
    let mut told = String::new();
    for value in values.map_err(|error| trouble(&error))? {
        told += &text(value)?.unwrap_or_default();
    }
    if info_field(&told, "role").is_some_and(|role| role != "master") {
        return Err(Trouble::Lost("this Redis is a replica".to_owned()));
    }
    let field = |name| info_field(&told, name).unwrap_or_default();
    Ok(format!("{} {}", field("run_id"), field("master_replid")))
}

pub(super) fn pipeline(commands: &[Cmd]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(command.clone());
    }
    pipeline
}

fn trouble(error: &redis::RedisError) -> Trouble {
    match error.code() {
        Some("LOADING" | "READONLY" | "MASTERDOWN" | "BUSY") | None => {
            Trouble::Lost(error.to_string())
        }
        Some(_) => Trouble::Refused(format!("Redis refuses: {error}")),
    }
}
