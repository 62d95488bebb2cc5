//! A connection to Redis. It is made on demand, dropped after a failure, and classifies errors.

use std::time::Duration;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, Value};
use tokio::sync::Mutex;

use super::reply::{checked, is_read_only, is_unknown_script, unexpected};
use super::script::Call;
use super::trouble::Trouble;

/// Time limit for one connection attempt and for one reply. After it, the result of a call is
/// unknown.
const ANSWER: Duration = Duration::from_secs(1);

/// A connection that all callers share.
pub(super) struct Link {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Link {
    pub(super) fn new(client: Client) -> Self {
        Self { client, connection: Mutex::new(None) }
    }

    /// Makes the connection, if there is none.
    pub(super) async fn connect(&self) -> Result<(), Trouble> {
        self.connection().await.map(|_| ())
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Trouble> {
        let mut place = self.connection.lock().await;
        if let Some(connection) = &*place {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        // Connecting has this time limit, because the library does not limit the first commands.
        let connected = tokio::time::timeout(ANSWER, connecting).await;
        let connection = connected
            .map_err(|_| Trouble::Lost("no connection in time".to_owned()))?
            .map_err(|error| trouble(&error))?;
        *place = Some(connection.clone());
        Ok(connection)
    }

    /// Sends commands together, and returns their replies; a single command may have failed. After
    /// a failure the connection is not used again, so that no later caller gets a late reply.
    pub(super) async fn ask(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let mut connection = self.connection().await?;
        match connection.req_packed_commands(pipeline, 0, pipeline.len()).await {
            Ok(values) => {
                // The server has become a replica. The next connection finds the new primary.
                if values.iter().any(is_read_only) {
                    self.connection.lock().await.take();
                }
                Ok(values)
            }
            Err(error) => {
                self.connection.lock().await.take();
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
        if calls.is_empty() {
            return Ok(Vec::new());
        }
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
