//! What breaks in each scenario, and how all of it is healed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{
    fleet::mixed,
    lab::{Lab, local},
    process::signal,
};
use crate::{
    backends::Redis,
    client::{Target, fetch},
    proxy::Faults,
};

/// Revocations that are timed in F-20.
const REVOCATIONS: usize = 50;
/// Kills in F-30.
const KILLS: u64 = 30;

/// Breaks what the scenario breaks, for about `time`; what was measured goes to `notes`.
pub(super) async fn play(id: &str, lab: &mut Lab, time: Duration, seed: u64, notes: &mut Vec<String>) -> Result<()> {
    let third = time / 3;
    match id {
        "F-01" => {
            tokio::time::sleep(third).await;
            lab.redis.crash();
            tokio::time::sleep(third).await;
            lab.redis.resume()
        }
        "F-02" => {
            lab.to_redis.set(Faults { delay_ms: 500, delay_per_mille: 300, ..Faults::default() });
            tokio::time::sleep(third).await;
            lab.to_redis.set(Faults::default());
            stop_redis(&lab.redis, third).await
        }
        "F-03" => {
            tokio::time::sleep(third).await;
            fail_over(lab, Duration::from_secs(5)).await
        }
        "F-04" => {
            for turn in 0..5 {
                tokio::time::sleep(time.mul_f64(0.1 + 0.1 * (mixed(seed + turn) % 10) as f64 / 10.0)).await;
                lab.redis.cli(&["FLUSHALL"])?;
            }
            Ok(())
        }
        "F-05" => {
            let end = Instant::now() + time;
            while Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(250)).await;
                lab.redis.cli(&["SCRIPT", "FLUSH"])?;
            }
            Ok(())
        }
        "F-10" => {
            tokio::time::sleep(third / 2).await;
            lab.postgres.crash()?;
            let gateway = lab.gateways.first_mut().context("there is a gateway")?;
            gateway.terminate().await?;
            gateway.start()?;
            let start = Instant::now();
            gateway.ready().await?;
            notes.push(format!("a gateway started without Postgres in {} ms", start.elapsed().as_millis()));
            tokio::time::sleep(third).await;
            lab.postgres.resume()
        }
        "F-11" => {
            let held = time.min(Duration::from_secs(30)).as_secs();
            let (postgres, database) = (&lab.postgres, &lab.database);
            let lock = format!("BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({held}); COMMIT");
            // The clients have a thread of their own and the proxies theirs, so that this one may wait.
            postgres.sql(database, &lock).map(drop)
        }
        "F-12" => {
            tokio::time::sleep(third).await;
            read_only(lab, true)?;
            tokio::time::sleep(third).await;
            read_only(lab, false)
        }
        "F-20" => revocations(lab, notes).await,
        "F-22" => lab.admin.kill(false),
        "F-30" => kills(lab, time, KILLS, seed).await,
        "F-30D" => {
            tokio::time::sleep(third).await;
            kill(lab, 0, true)?;
            tokio::time::sleep(third).await;
            revive(lab).await
        }
        "F-31" => {
            for number in 0..lab.gateways.len() {
                let gateway = lab.gateways.get_mut(number).context("there is one")?;
                let status = gateway.terminate().await?;
                notes.push(format!("{} ended with {status}", gateway.name));
                gateway.start()?;
                gateway.ready().await?;
            }
            Ok(())
        }
        "F-42" => {
            for turn in 0..u64::MAX {
                lab.to_vendor.set(Faults { rst_after_bytes: Some(mixed(seed + turn) % 4096), ..Faults::default() });
                tokio::time::sleep(Duration::from_millis(200)).await;
                if Duration::from_millis(200 * turn) > time {
                    break;
                }
            }
            Ok(())
        }
        "F-44" => {
            lab.mock.set(|config| {
                config.status = 429;
                config.retry_after_s = Some(1);
            });
            tokio::time::sleep(time).await;
            Ok(())
        }
        "SOUP" => soup(lab, time, seed).await,
        "F-50" | "STRICT" | "NONE" => Ok(()),
        _ => bail!("nobody has written what breaks in {id}"),
    }
}

/// Everything works again.
pub(super) async fn heal(lab: &mut Lab) -> Result<()> {
    for proxy in [&lab.to_redis, &lab.to_postgres, &lab.to_vendor] {
        proxy.set(Faults::default());
    }
    lab.mock.set(|config| {
        config.status = 200;
        config.retry_after_s = None;
    });
    lab.postgres.resume().or_else(|_| lab.postgres.sql(&lab.database, "SELECT 1").map(drop))?;
    if lab.standby.is_none() {
        lab.redis.resume()?;
    }
    if !lab.admin.is_up() {
        lab.admin.start()?;
        lab.admin.ready().await?;
    }
    revive(lab).await
}

async fn revive(lab: &mut Lab) -> Result<()> {
    for gateway in lab.gateways.iter_mut().filter(|gateway| !gateway.is_up()) {
        gateway.start()?;
        gateway.ready().await?;
    }
    Ok(())
}

async fn stop_redis(redis: &Redis, time: Duration) -> Result<()> {
    let pid = redis.pid().context("redis runs")?;
    signal(pid, "STOP")?;
    tokio::time::sleep(time).await;
    signal(pid, "CONT")
}

/// The replica is cut off for `lag`, then takes over without what it missed.
async fn fail_over(lab: &mut Lab, lag: Duration) -> Result<()> {
    let standby = lab.standby.as_ref().context("this scenario has a replica")?;
    // Stands still, so that it misses what comes; the old server is gone before it can catch up.
    let pid = standby.pid().context("the replica runs")?;
    signal(pid, "STOP")?;
    tokio::time::sleep(lag).await;
    let port = standby.port();
    lab.redis.crash();
    signal(pid, "CONT")?;
    let standby = lab.standby.as_ref().context("this scenario has a replica")?;
    standby.cli(&["REPLICAOF", "NO", "ONE"])?;
    lab.to_redis.retarget(local(port));
    Ok(())
}

fn read_only(lab: &Lab, on: bool) -> Result<()> {
    let word = if on { "on" } else { "off" };
    // The setting holds for new connections, so the old ones go.
    let name = lab.database.rsplit_once('/').map(|(_, name)| name).context("a database has a name")?;
    lab.postgres.sql(lab.postgres.url(), &format!("ALTER DATABASE {name} SET default_transaction_read_only = {word}"))?;
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()");
    lab.postgres.sql(lab.postgres.url(), &end).map(drop)
}

fn kill(lab: &mut Lab, number: usize, with_disk: bool) -> Result<()> {
    lab.kills += 1;
    lab.gateways.get_mut(number).context("there is one")?.kill(with_disk)
}

/// One dies, the one that died before comes back, and so on; two of five lose their disks.
async fn kills(lab: &mut Lab, time: Duration, count: u64, seed: u64) -> Result<()> {
    for turn in 0..count {
        let choice = mixed(seed ^ turn);
        tokio::time::sleep((time / u32::try_from(count)?).mul_f64(0.5 + (choice % 100) as f64 / 100.0)).await;
        revive(lab).await?;
        let number = (choice >> 8) as usize % lab.gateways.len().max(1);
        kill(lab, number, (choice >> 16) % 5 < 2)?;
    }
    revive(lab).await
}

/// Revokes keys and asks every gateway until it refuses: with notices, then without.
async fn revocations(lab: &mut Lab, notes: &mut Vec<String>) -> Result<()> {
    for swallow in [false, true] {
        lab.to_redis.set(Faults { swallow_messages: swallow, ..Faults::default() });
        let count = if swallow { REVOCATIONS / 10 } else { REVOCATIONS };
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            times.push(revocation(lab, &format!("short-{swallow}-{number}")).await?);
        }
        times.sort();
        let p99 = times.get(times.len() * 99 / 100).or(times.last()).copied().unwrap_or_default();
        let way = if swallow { "without notices" } else { "with notices" };
        notes.push(format!("{count} revocations {way}: p99 {} ms", p99.as_millis()));
        let bound = if swallow { Duration::from_secs(6) } else { Duration::from_secs(1) };
        if p99 > bound {
            notes.push(format!("MISSED: revocations {way} take longer than {} s", bound.as_secs()));
        }
    }
    Ok(())
}

/// From the answer to a revocation until the last gateway refuses the key.
async fn revocation(lab: &Lab, name: &str) -> Result<Duration> {
    let (status, made) = lab.ask_admin("POST", "/admin/keys", &json!({"name": name})).await?;
    let text = |field: &str| made.get(field).and_then(serde_json::Value::as_str).map(str::to_owned);
    let (Some(secret), Some(id)) = (text("key"), text("id")) else { bail!("no key: {status} {made}") };
    for gateway in &lab.gateways {
        until(gateway.addr, &secret, 200).await?;
    }
    let start = Instant::now();
    lab.ask_admin("DELETE", &format!("/admin/keys/{id}"), &json!({})).await?;
    for gateway in &lab.gateways {
        until(gateway.addr, &secret, 401).await?;
    }
    Ok(start.elapsed())
}

/// Asks for the models until the answer has this status.
async fn until(addr: std::net::SocketAddr, secret: &str, wanted: u16) -> Result<()> {
    let target = Target { addr, host: addr.to_string(), path: "/v1/models".to_owned() };
    let request = format!("GET /v1/models HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {secret}\r\n\r\n", target.host);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, _) = fetch(addr, request.as_bytes()).await?;
        if status == wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{addr} answers {status}, not {wanted}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One fault after the other, whichever comes.
async fn soup(lab: &mut Lab, time: Duration, seed: u64) -> Result<()> {
    let end = Instant::now() + time;
    let mut turn = 0;
    while Instant::now() < end {
        turn += 1;
        let choice = mixed(seed ^ (turn << 20));
        let some = Duration::from_millis(500 + (choice >> 8) % 4_000);
        let number = (choice >> 24) as usize % lab.gateways.len().max(1);
        match choice % 9 {
            0 => lab.to_redis.set(Faults { delay_ms: 500, delay_per_mille: 300, ..Faults::default() }),
            1 => lab.to_redis.set(Faults { refuse: true, ..Faults::default() }),
            2 => lab.to_redis.cut(),
            3 => lab.to_postgres.set(Faults { stall: true, ..Faults::default() }),
            4 => lab.to_postgres.cut(),
            5 => lab.to_vendor.set(Faults { rst_after_bytes: Some(choice % 4096), ..Faults::default() }),
            6 => kill(lab, number, (choice >> 40) % 5 < 2)?,
            7 => lab.live_redis().cli(&["FLUSHALL"]).map(drop)?,
            _ if lab.redis.pid().is_some() => fail_over(lab, Duration::from_secs(2)).await?,
            _ => {}
        }
        tokio::time::sleep(some).await;
        for proxy in [&lab.to_redis, &lab.to_postgres, &lab.to_vendor] {
            proxy.set(Faults::default());
        }
        revive(lab).await?;
    }
    Ok(())
}
