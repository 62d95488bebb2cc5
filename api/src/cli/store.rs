//! `countersign store …`: checks, exports, imports and prunes the store. The server must be
//! stopped, because it locks the store. Opening a SQLite file of an older layout converts it.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_engine::EngineSettings;
use countersign_engine::ports::{Clock as _, Store};
use countersign_engine::store::{Loss, Opening, RedisSettings, RedisStore, transfer};
use countersign_engine::system::{SystemClock, SystemEntropy};
use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigArgs, log};
use crate::config::{Config, Durability, StoreUrl};
use crate::setup;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Commands for the store.
#[derive(Subcommand)]
pub(super) enum StoreCommand {
    /// Check every record's checksum and version, and the files around them. A SQLite file of an
    /// older version is converted first.
    Check(ConfigArgs),
    /// Begin a store in a Redis that holds none. A server never does that by itself.
    Begin(ConfigArgs),
    /// Accept that Redis has lost acknowledged commits, so that servers use it again.
    AcceptLoss(ConfigArgs),
    /// Write all records to a file, as a stream of versioned rows. A SQLite file of an older
    /// version is converted first.
    Export(FileArgs),
    /// Import the records of an exported file into an empty store. In Redis it begins the store.
    Import(FileArgs),
    /// Delete the records whose retention ends within some days.
    Prune(PruneArgs),
}

/// Arguments of `store export` and `store import`.
#[derive(Args)]
pub(super) struct FileArgs {
    /// The file. It holds every secret of the store: protect it as you protect the store.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Arguments of `store prune`.
#[derive(Args)]
pub(super) struct PruneArgs {
    /// The days from now; 0 deletes the records whose retention is over.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3650))]
    within_days: u64,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs one command for the store.
pub(super) async fn run(command: StoreCommand, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (StoreCommand::Check(config)
    | StoreCommand::Begin(config)
    | StoreCommand::AcceptLoss(config)
    | StoreCommand::Export(FileArgs { config, .. })
    | StoreCommand::Import(FileArgs { config, .. })
    | StoreCommand::Prune(PruneArgs { config, .. })) = &command;
    let config = config.load()?;
    // The log shows the progress of a conversion.
    log::start(&config)?;
    match command {
        StoreCommand::Check(_) => check(&config, out).await,
        StoreCommand::Begin(_) => begin(&config, out).await,
        StoreCommand::AcceptLoss(_) => accept_loss(&config, out).await,
        StoreCommand::Export(args) => export(&config, &args.file, out).await,
        StoreCommand::Import(args) => import(&config, &args.file, out).await,
        StoreCommand::Prune(args) => prune(&config, args.within_days, out).await,
    }
}

async fn check(config: &Config, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let store = setup::open_existing_store(&kept(config)?, Arc::new(SystemEntropy)).await?;
    let bar = counter("checked");
    let found = transfer::check(&*store, |records| bar.inc(records)).await;
    bar.finish_and_clear();
    store.close().await?;
    let found = found?;
    let mut kinds: Vec<_> = found.records.iter().collect();
    kinds.sort();
    for (kind, count) in kinds {
        writeln!(out, "{count:>12} {kind}")?;
    }
    for error in &found.damaged {
        writeln!(out, "damaged: {error}")?;
    }
    let unnamed = found.damaged_count - found.damaged.len() as u64;
    if unnamed > 0 {
        writeln!(out, "damaged: {unnamed} more")?;
    }
    match found.damaged_count {
        0 => Ok(writeln!(out, "everything can be read")?),
        count => Err(format!("{count} records cannot be read: restore a backup").into()),
    }
}

async fn begin(config: &Config, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    RedisStore::begin(in_redis(config)?, Arc::new(SystemEntropy)).await?;
    Ok(writeln!(out, "the store has begun")?)
}

async fn accept_loss(config: &Config, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let losses = RedisStore::accept_loss(in_redis(config)?, Arc::new(SystemEntropy)).await?;
    for Loss { partition, commits, since } in &losses {
        let since = since / 1000;
        writeln!(
            out,
            "partition {partition}: up to {commits} commits are lost, noticed at Unix time {since}"
        )?;
    }
    let said = if losses.is_empty() { "no loss is recorded" } else { "the loss is accepted" };
    Ok(writeln!(out, "{said}")?)
}

/// Returns the settings of a store in Redis; only such a store begins by a command, or loses
/// commits.
fn in_redis(config: &Config) -> Result<RedisSettings, Box<dyn Error>> {
    match &config.store.url {
        StoreUrl::Redis(url) => Ok(setup::redis_settings(config, url, Opening::Read)),
        StoreUrl::Memory | StoreUrl::Sqlite(_) => {
            Err("store.url is not a Redis: a server begins any other store itself".into())
        }
    }
}

async fn export(config: &Config, file: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let store = setup::open_existing_store(&kept(config)?, Arc::new(SystemEntropy)).await?;
    let named = |e: io::Error| format!("{}: {e}", file.display());
    let mut options = OpenOptions::new();
    // Only the owner may read the file, and it never replaces an existing file.
    let created = options.write(true).create_new(true).mode(0o600).open(file).map_err(named)?;
    let bar = counter("exported");
    let written = write_all(&*store, &created, &bar).await;
    bar.finish_and_clear();
    store.close().await?;
    match written {
        Ok(count) => {
            writeln!(out, "{count} records are in {}", file.display())?;
            Ok(())
        }
        Err(error) => {
            // We delete the incomplete file, because an import would refuse it.
            let _ = std::fs::remove_file(file);
            Err(error)
        }
    }
}

async fn write_all(
    store: &dyn Store,
    file: &File,
    bar: &ProgressBar,
) -> Result<u64, Box<dyn Error>> {
    let count = transfer::export(store, BufWriter::new(file), |records| bar.inc(records)).await?;
    file.sync_all()?;
    Ok(count)
}

async fn import(config: &Config, file: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let named = |e: io::Error| format!("{}: {e}", file.display());
    let input = File::open(file).map_err(named)?;
    let bytes = input.metadata().map_err(named)?.len();
    let store = setup::open_new_store(&kept(config)?, Arc::new(SystemEntropy)).await?;
    let bar = ProgressBar::new(bytes)
        .with_style(style("imported {bar:40} {bytes} of {total_bytes}, {eta} left"));
    let read = BufReader::with_capacity(1 << 20, bar.wrap_read(input));
    let imported = transfer::import(Arc::clone(&store), read, |_| {}).await;
    bar.finish_and_clear();
    let closed = store.close().await;
    match imported {
        Ok(count) => {
            closed?;
            if let StoreUrl::Redis(url) = &config.store.url {
                let settings = setup::redis_settings(config, url, Opening::Import);
                RedisStore::end_import(settings, Arc::new(SystemEntropy)).await?;
            }
            writeln!(out, "{count} records are imported")?;
            Ok(())
        }
        Err(transfer::TransferError::NotEmpty) => Err(transfer::TransferError::NotEmpty.into()),
        Err(error) => Err(format!("{error}: the import is incomplete, delete its store").into()),
    }
}

async fn prune(config: &Config, days: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let config = kept(config)?;
    let store = setup::open_store_to_change(&config, Arc::new(SystemEntropy)).await?;
    let then = SystemClock.now().plus_ms(days * DAY_MS);
    let EngineSettings { action_retention_ms, challenge_retention_ms, .. } = config.engine;
    let (actions, challenges) =
        (then.minus_ms(action_retention_ms), then.minus_ms(challenge_retention_ms));
    let pruned = store.prune(actions, challenges).await;
    store.close().await?;
    writeln!(out, "{} records are deleted", pruned?)?;
    if let StoreUrl::Redis(_) = config.store.url {
        writeln!(
            out,
            "Redis removes finished actions itself, up to 17 days after their retention"
        )?;
    }
    Ok(())
}

/// Returns the configuration with synchronous durability, so that an import is on disk when the
/// command ends. Refuses the store `memory:`, because it does not outlive the process.
fn kept(config: &Config) -> Result<Config, Box<dyn Error>> {
    if config.store.url == StoreUrl::Memory {
        return Err("store.url is memory:, which keeps nothing beyond a server".into());
    }
    let mut config = config.clone();
    config.store.durability = Durability::Sync;
    Ok(config)
}

/// Shows the progress of a command whose length is unknown. Prints nothing if there is no terminal.
fn counter(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length()
        .with_style(style(&format!("{{spinner}} {what} {{human_pos}} records, {{per_sec}}")));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template without mistakes")
}
