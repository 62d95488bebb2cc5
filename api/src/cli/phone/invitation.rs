//! Invitation to enroll a key: a link, as the code of a website has it, or a bare token.

use std::io::BufRead;

use countersign_client::{EnrollmentLink, Http, open_ticket, token_tenant};
use countersign_core::ticket::is_ticket;

use super::CliError;

/// Server of an enrollment, if it is known, and bearer.
pub(super) struct Invitation {
    /// The server of a link.
    pub(super) url: Option<String>,
    /// A token, or the ticket of a link.
    bearer: String,
}

impl Invitation {
    /// Reads the argument of the command line, or with `-` the first line of the input.
    pub(super) fn read(
        link: Option<&str>,
        token: Option<&str>,
        input: &mut impl BufRead,
    ) -> Result<Self, CliError> {
        let said = link.or(token).unwrap_or_default();
        let text = if said == "-" { read_line(input)? } else { said.to_owned() };
        match EnrollmentLink::parse(&text) {
            Some(EnrollmentLink { url, bearer }) => {
                Ok(Self { url: Some(url), bearer: bearer.into_string() })
            }
            None if link.is_some() => Err(CliError::NoLink),
            None => Ok(Self { url: None, bearer: text }),
        }
    }

    /// Gives the bearer to send.
    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    /// The tenant that it is of: a token says it, and of a ticket the server at `url` does.
    pub(super) async fn tenant(&self, url: &str) -> Result<Option<String>, CliError> {
        if !is_ticket(&self.bearer) {
            return Ok(token_tenant(&self.bearer));
        }
        let opened = open_ticket(Http::new()?, url, &self.bearer).await?;
        Ok(Some(opened.tenant_id))
    }
}

fn read_line(input: &mut impl BufRead) -> Result<String, CliError> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let line = line.trim();
    if line.is_empty() { Err(CliError::NoToken) } else { Ok(line.to_owned()) }
}
