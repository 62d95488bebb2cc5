//! Processor time of those parts of a P-256 lifecycle that can run alone. Each part is the server's
//! own code, which runs in a loop on this thread.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use countersign::token::scope::Scopes;
use countersign::token::{Kind, PageWish, Token, Tokens};
use countersign_client::SoftwareKey;
use countersign_core::change::{Change, CommitId, Version};
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::signature::Algorithm;
use countersign_engine::ports::{Entropy, Store as _};
use countersign_engine::store::MemoryStore;
use countersign_engine::system::SystemEntropy;

use crate::challenge::{NOW, decide, issue, sample_of};
use crate::cpu::Used;
use crate::sample::{Enrolled, account, engine, fresh_action};

/// Number of tokens that the server makes in a lifecycle.
const TOKENS_MADE: usize = 2;
/// Number of requests in a lifecycle that bear a token.
const TOKENS_OPENED: usize = 3;
/// Number of signatures that the phone makes in a lifecycle.
const SIGNATURES: u32 = 2;

/// Microseconds of processor time in one lifecycle.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Creation of the tokens, and their verification in each request that bears one.
    pub tokens_us: f64,
    /// Transitions of the core: track, issue, decide.
    pub rules_us: f64,
    /// Commits of these transitions in the store in memory.
    pub store_us: f64,
    /// All calls to the engine, with the rules, the store and the checks of signatures.
    pub engine_us: f64,
}

impl Parts {
    /// Measures each part over this number of lifecycles. It needs a running actix system.
    ///
    /// # Errors
    /// If the store or the engine refuses a step.
    pub async fn measure(lifecycles: u32) -> io::Result<Self> {
        let (rules_us, store_us) = rules_and_store_us(lifecycles).await?;
        let engine_us = engine_us(lifecycles).await?;
        Ok(Self { tokens_us: tokens_us(lifecycles), rules_us, store_us, engine_us })
    }
}

fn tokens_us(lifecycles: u32) -> f64 {
    let (account, track) = fresh_action(&account("usr_1"));
    let tokens = Tokens::new([(account.tenant.clone(), [1; 32])], 600);
    let token = Token {
        kind: Kind::Track,
        account,
        action: track.key,
        born: None,
        scopes: Scopes::all(),
        issued_at: NOW,
        page: PageWish::default(),
    };
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut used = Used::default();
    used.by(|| {
        for _ in 0..lifecycles {
            let made = [(); TOKENS_MADE].map(|()| tokens.make(black_box(&token), entropy.bytes()));
            let text = made[0].as_deref().expect("the tenant has a key");
            for _ in 0..TOKENS_OPENED {
                black_box(tokens.open(black_box(text), NOW)).expect("it is genuine");
            }
        }
    });
    used.us() / f64::from(lifecycles)
}

async fn rules_and_store_us(lifecycles: u32) -> io::Result<(f64, f64)> {
    let (store, limits) = (MemoryStore::default(), Limits::default());
    let (mut rules, mut commits) = (Used::default(), Used::default());
    for number in 0..lifecycles {
        let sample = sample_of(&format!("usr_{number}"));
        let (_, track) = fresh_action(sample.account.key());
        let issue = issue(&sample.challenge.id);
        let decided = rules.by(|| {
            let tracked = sample.account.track(&track, None, Unenrolled::Allow, NOW);
            let issued = sample.account.issue(&issue, &sample.action, NOW, &limits);
            black_box((tracked, issued)).1.expect("issued");
            decide(&sample, &limits)
        });
        let [tracked, enrolled, issued] = sample.changes;
        let mut parent = Version::NONE;
        let changes = [tracked, enrolled, issued, decided.change];
        for (number, change) in (1..).zip(changes) {
            let change = Change { parent, id: CommitId(number), ..change };
            parent = change.version();
            // The second change is the enrollment, which is no part of a lifecycle.
            let mut other = Used::default();
            let used = if number == 2 { &mut other } else { &mut commits };
            used.during(store.commit(change)).await.map_err(io::Error::other)?;
        }
    }
    let each = f64::from(lifecycles);
    Ok((rules.us() / each, commits.us() / each))
}

async fn engine_us(lifecycles: u32) -> io::Result<f64> {
    let engine = engine(Arc::new(MemoryStore::default()));
    let user = Enrolled::new(&engine, "usr_1").await;
    let key = SoftwareKey::generate(Algorithm::Es256);
    let (mut calls, mut signing) = (Used::default(), Used::default());
    for _ in 0..lifecycles {
        calls.during(user.lifecycle()).await;
    }
    // The user's phone signs on this thread, which is no work of a server.
    signing.by(|| {
        for _ in 0..SIGNATURES * lifecycles {
            black_box(key.sign(black_box(b"a message")));
        }
    });
    engine.close().await.map_err(io::Error::other)?;
    Ok((calls.us() - signing.us()) / f64::from(lifecycles))
}
