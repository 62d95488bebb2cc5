//! The scripts, and how one becomes a command.
//!
//! Redis runs a script whole or not at all: its checks come before its first write, and that write
//! is the one that is refused where there is no memory. A script is named by its hash; where Redis
//! does not know it, it is sent whole.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// A script and its hash.
pub(super) struct Text {
    code: &'static str,
    script: LazyLock<Script>,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+;)+) => {$(
        $(#[$doc])*
        pub(super) static $name: Text = {
            const CODE: &str = concat!($(include_str!(concat!("scripts/", $file))),+);
            Text { code: CODE, script: LazyLock::new(|| Script::new(CODE)) }
        };
    )+};
}

scripts! {
    /// Records one unit of an account.
    COMMIT = "fence.lua" "lists.lua" "commit.lua";
    /// Keeps a tenant's first secret.
    SECRET = "fence.lua" "secret.lua";
    /// Keeps the highest time that was seen.
    CLOCK = "fence.lua" "clock.lua";
    /// Puts an event off, or takes it out.
    EVENT = "fence.lua" "event.lua";
    /// Forgets old actions of an account.
    FORGET = "fence.lua" "lists.lua" "forget.lua";
    /// Forgets the revision of a removed account.
    BURY = "fence.lua" "bury.lua";
    /// Takes members out of an index.
    TRIM = "fence.lua" "trim.lua";
    /// Reads an account.
    SNAPSHOT = "snapshot.lua";
    /// Makes a server that starts the owner.
    ACQUIRE = "acquire.lua";
    /// Makes the owner the owner for longer.
    RENEW = "renew.lua";
    /// Makes the owner the owner again after a loss.
    RECLAIM = "reclaim.lua";
    /// Ends ownership.
    RELEASE = "release.lua";
}

/// A call of a script, to be sent by its hash or whole.
#[derive(Clone)]
pub(super) struct Call {
    script: &'static Text,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(script: &'static Text) -> Self {
        Self { script, keys: Vec::new(), args: Vec::new() }
    }

    pub(super) fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub(super) fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    pub(super) fn push(&mut self, arg: impl AsRef<[u8]>) {
        self.args.push(arg.as_ref().to_vec());
    }

    pub(super) fn push_key(&mut self, key: String) {
        self.keys.push(key);
    }

    /// The command; `whole` where Redis does not know the script.
    pub(super) fn command(&self, whole: bool) -> Cmd {
        let mut cmd = redis::cmd(if whole { "EVAL" } else { "EVALSHA" });
        if whole {
            cmd.arg(self.script.code);
        } else {
            cmd.arg(self.script.script.get_hash());
        }
        cmd.arg(self.keys.len()).arg(&self.keys).arg(&self.args);
        cmd
    }
}
