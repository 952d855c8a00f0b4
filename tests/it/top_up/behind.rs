//! An opt-out behind a backlog that takes more calls than a window has.

use futures_util::future::{join, join_all};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// Lets a copy take messages until this time has passed.
async fn work(world: &World, copy: &apply::Context, time: Duration) {
    let end = world.clock.now() + time;
    while world.clock.now() < end {
        match world.queue.receive(10) {
            Some(batch) => {
                world.hand_over(copy, &batch, TIME).await;
            }
            None => world.pass(Duration::from_millis(100)).await,
        }
    }
}

/// Opts somebody out, and returns how long that took.
async fn opt_out(world: &World, key: &str) -> Duration {
    world.put(key, 1, "");
    world.send([change(key, 2).callable(false)]);
    let began = world.clock.now();
    let waited = || world.clock.now().duration_since(began).unsigned_abs();
    while world.genesys.contact(CAMPAIGN, key).unwrap().callable && waited() < MINUTE {
        world.pass(Duration::from_millis(100)).await;
    }
    waited()
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_behind_a_backlog_with_many_opt_outs_finds_calls() {
    let world = World::of_lists(Options {
        calls_per_minute: Some(300),
        ..Options::default()
    });
    let key = |n: usize| format!("c{n}");
    for n in 0..20_000 {
        world.put(&key(n), 1, "");
    }
    world.send((0..20_000).map(|n| change(&key(n), 2).callable(n % 8 != 7)));
    let copies = [world.copy_that_tops_up(990), world.copy_that_tops_up(990)];
    let work = join_all(copies.iter().map(|copy| work(&world, copy, MINUTE)));
    let late = (1..5).map(|n| {
        let world = &world;
        async move {
            world.pass(Duration::from_millis(n * 2_000)).await;
            opt_out(world, &format!("late{n}")).await
        }
    });
    let (_, waits) = join(work, join_all(late)).await;
    assert!(world.queue.len() > 100, "there was enough for all");
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= Duration::from_secs(1), "{waits:?}");
}
