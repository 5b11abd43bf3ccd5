//! Intents accepted in a second over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use meshwright::boot::{Server, Stores};
use meshwright::journal::MemoryJournal;

use crate::connection::Connection;
use crate::plan::{Plan, inbound};
use crate::report::{milliseconds, target};
use crate::store::{clock, config, seeded};
use crate::{Outcome, Setting, journal};

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let span = Duration::from_secs(if setting.quick { 2 } else { 6 });
    println!("new inbound intents posted over {CONNECTIONS} connections for {} s each;", span.as_secs());
    println!("the client runs in the same process and takes its share of the cores");
    let syncs = journal::sync_rate(&setting.folder.join("intake-sync"))?;
    println!("  disk: {syncs:.0} syncs/s (4 KiB and fdatasync each), {CONNECTIONS} x that: {:.0}/s", syncs * 64.0);
    let mut rates = [0.0, 0.0];
    // In turns, as other work on the machine comes and goes.
    for turn in 0..2 {
        for (rate, durable) in rates.iter_mut().zip([false, true]) {
            let name = format!("intake-{}-{turn}", if durable { "sqlite" } else { "memory" });
            let mut stores = seeded(&setting.folder.join(&name), setting.plan)?;
            if !durable {
                stores.journal = Box::new(MemoryJournal::new());
            }
            let measured = serve(&setting.folder.join(&name), stores, setting.plan, span)?;
            println!("  {name}: {:.0}/s, {} each", measured.rate, milliseconds(measured.latency));
            *rate = f64::max(*rate, measured.rate);
        }
    }
    let [memory, durable] = rates;
    let yardstick = memory.min(syncs * 64.0);
    let times = durable / yardstick;
    target(&format!("{durable:.0}/s durable = {times:.2} x of {yardstick:.0}/s, at least 0.5 x"), times >= 0.5);
    Ok(())
}

struct Measured {
    rate: f64,
    /// From sending a request until its answer, on average.
    latency: Duration,
}

fn serve(data: &std::path::Path, stores: Stores, plan: Plan, span: Duration) -> Outcome<Measured> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(Server::over(&config(data), stores, clock()))?;
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(server.serve(async { drop(stopped.await) }));
    // The client has a thread of its own, so that it does not wait in the server's queues.
    let client = std::thread::spawn(move || call(address, plan, span));
    let measured = client.join().map_err(|_| "the client panicked")?;
    let _ = stop.send(());
    drop(runtime.block_on(serving));
    runtime.shutdown_timeout(Duration::from_secs(5));
    measured
}

fn call(address: SocketAddr, plan: Plan, span: Duration) -> Outcome<Measured> {
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut calling = tokio::task::JoinSet::new();
        for number in 0..CONNECTIONS {
            let (stop, accepted) = (stop.clone(), accepted.clone());
            calling.spawn(async move {
                let mut connection = Connection::open(address).await?;
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let group = Plan::group((number + count * CONNECTIONS) % plan.namespaces);
                    let body = inbound(&format!("new-{number}-{count}")).to_string();
                    connection.post(&format!("/v2/{group}/inbound-intents"), &body).await?;
                    accepted.fetch_add(1, Ordering::Relaxed);
                    count += 1;
                }
                Outcome::Ok(())
            });
        }
        tokio::time::sleep(WARM_UP).await;
        let (before, start) = (accepted.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(span).await;
        let (count, took) = (accepted.load(Ordering::Relaxed) - before, start.elapsed());
        stop.store(true, Ordering::Relaxed);
        while let Some(done) = calling.join_next().await {
            done??;
        }
        let rate = count as f64 / took.as_secs_f64();
        Ok(Measured { rate, latency: Duration::from_secs_f64(CONNECTIONS as f64 / rate.max(1.0)) })
    })
}
