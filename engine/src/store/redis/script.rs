//! The Lua scripts, and the commands that call them.
//!
//! A script must change everything or nothing: all its checks come before its first write, and if
//! Redis has no memory, it refuses that first write. A script is called by its hash. If Redis
//! does not know the hash, the call is repeated with the text.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// Text and hash of a script.
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
    /// Records a unit of an account.
    COMMIT = "fence.lua" "lists.lua" "commit.lua";
    /// Records a tenant's secret, if it has none.
    SECRET = "fence.lua" "secret.lua";
    /// Records the highest time that was seen.
    CLOCK = "fence.lua" "clock.lua";
    /// Changes the due time of an event, or removes it.
    EVENT = "fence.lua" "event.lua";
    /// Removes old actions of an account.
    FORGET = "fence.lua" "lists.lua" "forget.lua";
    /// Removes the revision of a removed account.
    BURY = "fence.lua" "bury.lua";
    /// Removes members from an index.
    TRIM = "fence.lua" "trim.lua";
    /// Reads an account.
    SNAPSHOT = "snapshot.lua";
    /// Takes ownership when a server starts.
    ACQUIRE = "acquire.lua";
    /// Extends the owner's lock.
    RENEW = "renew.lua";
    /// Takes ownership again after Redis has lost it.
    RECLAIM = "reclaim.lua";
    /// Releases the lock.
    RELEASE = "release.lua";
}

/// A call of a script, by its hash or with its text.
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

    /// Makes the command. `whole` sends the text of the script instead of its hash.
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
