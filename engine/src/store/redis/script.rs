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
    /// Begins a store.
    BEGIN = "begin.lua";
    /// Takes the lock when a server starts.
    ACQUIRE = "acquire.lua";
    /// Extends the lock.
    RENEW = "renew.lua";
    /// Releases the lock.
    RELEASE = "release.lua";
    /// Opens a partition on a new connection.
    OPEN = "open.lua";
    /// Records that a partition lacks acknowledged commits.
    LOSE = "lose.lua";
    /// Ends an import.
    IMPORTED = "imported.lua";
    /// Accepts recorded losses.
    ACCEPT = "accept.lua";
    /// Records a group of units.
    COMMIT = "units.lua" "lifecycles.lua" "account.lua" "commit.lua";
}

/// A call of a script, by its hash or with its text.
#[derive(Clone)]
pub(super) struct Call {
    script: &'static Text,
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
}

impl Call {
    pub(super) const fn new(script: &'static Text) -> Self {
        Self { script, keys: Vec::new(), args: Vec::new() }
    }

    pub(super) fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub(super) fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(super) fn push(&mut self, arg: impl Into<Vec<u8>>) {
        self.args.push(arg.into());
    }

    pub(super) fn push_key(&mut self, key: impl Into<Vec<u8>>) {
        self.keys.push(key.into());
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
