//! Invitation to enroll a key: an enrollment link, which a website shows as a QR code, or a token.

use std::io::BufRead;

use countersign_client::{EnrollmentLink, Http, open_ticket};
use countersign_core::ticket::is_ticket;
use countersign_wire::token;

use super::CliError;

/// Invitation: the credential for an enrollment, and the server if the invitation names it.
pub(super) struct Invitation {
    /// Server that the link names; `None` for a token.
    pub(super) url: Option<String>,
    /// Token, or the ticket of a link.
    bearer: String,
}

impl Invitation {
    /// Reads the invitation from the command line, or from the first line of the input if the
    /// argument is `-`.
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

    /// Returns the token or ticket, to be sent to the server.
    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    /// Returns the tenant of the invitation. A token contains it; for a ticket the server at `url`
    /// returns it.
    pub(super) async fn tenant(&self, url: &str) -> Result<Option<String>, CliError> {
        if !is_ticket(&self.bearer) {
            return Ok(token::named(&self.bearer).map(|(tenant, _)| tenant));
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
