//! From changes to the queue, no deeper than it should be.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Change;
use indicatif::{ProgressBar, ProgressStyle};
use io::Clock;
use io::queue::{Queue, enqueue, room};
use jiff::{SignedDuration, Timestamp};

use crate::table::{are, counted, number};

/// Until a deep queue is asked again.
const WAIT: Duration = Duration::from_secs(5);
/// A queue that drains is worth another look after so long.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// How often a batch that the queue did not take is sent again, and the first wait; each is twice
/// the last.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How often a line tells of progress where there is no terminal.
const LINE: SignedDuration = SignedDuration::from_secs(30);

/// What fills the queue, no deeper than it should be.
pub(super) struct Feeder<'a> {
    queue: &'a dyn Queue,
    queue_url: &'a str,
    calls_per_minute: u32,
    clock: Clock,
    /// Messages that the queue had room for when it was asked, less those that were sent since.
    room: usize,
    asked_at: Option<Timestamp>,
    rows: u64,
    bar: ProgressBar,
    is_asked_to_stop: &'a AtomicBool,
    told_at: Timestamp,
}

impl Drop for Feeder<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl<'a> Feeder<'a> {
    pub(super) fn new(
        queue: &'a dyn Queue,
        queue_url: &'a str,
        calls_per_minute: u32,
        rows: u64,
        is_asked_to_stop: &'a AtomicBool,
    ) -> Feeder<'a> {
        let clock = Clock::system();
        let (told_at, bar) = (clock.now(), progress_bar(rows));
        let (room, asked_at) = (0, None);
        Feeder {
            queue,
            queue_url,
            calls_per_minute,
            clock,
            room,
            asked_at,
            rows,
            bar,
            is_asked_to_stop,
            told_at,
        }
    }

    /// Waits until there is room, and sends one batch whole. `sent`: how many rows of the file are
    /// in the queue.
    ///
    /// # Errors
    /// Why it was not sent, or not all of it.
    pub(super) async fn feed(&mut self, batch: &[Change], sent: u64) -> Result<(), String> {
        self.bar.set_position(sent);
        self.tell(sent);
        while !self.has_room(batch.len()).await? {
            self.bar.set_message("the queue is deep: waiting");
            self.stop()?;
            tokio::time::sleep(WAIT).await;
            self.tell(sent);
        }
        self.stop()?;
        self.bar.set_message("");
        let mut wait = FIRST_WAIT;
        for again in 1.. {
            // What the queue has of it already it drops within five minutes.
            let done = enqueue(self.queue, self.queue_url, batch).await;
            if done.accepted.len() == batch.len() {
                self.room = self.room.saturating_sub(batch.len());
                return Ok(());
            }
            let why = done
                .unavailable
                .unwrap_or_else(|| "SQS does not take a change".to_owned());
            if again == TRIES || !done.faulty.is_empty() {
                return Err(why);
            }
            self.stop()?;
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(())
    }

    async fn has_room(&mut self, messages: usize) -> Result<bool, String> {
        let now = self.clock.now();
        let is_fresh = self
            .asked_at
            .is_some_and(|asked_at| now.duration_since(asked_at) < FRESH);
        if self.room < messages || !is_fresh {
            let room = room(self.queue, self.queue_url, self.calls_per_minute).await;
            (self.room, self.asked_at) = (room.map_err(|error| error.to_string())?, Some(now));
        }
        Ok(self.room >= messages)
    }

    fn stop(&self) -> Result<(), String> {
        if self.is_asked_to_stop.load(Ordering::Relaxed) {
            Err("interrupted".to_owned())
        } else {
            Ok(())
        }
    }

    /// Where there is no bar.
    fn tell(&mut self, sent: u64) {
        let now = self.clock.now();
        if self.bar.is_hidden() && now.duration_since(self.told_at) >= LINE {
            self.told_at = now;
            eprintln!(
                "campaign-sync: {} of {} {} in the queue",
                number(sent),
                counted(self.rows, "row"),
                are(sent)
            );
        }
    }
}

/// On standard error, and only where that is a terminal.
fn progress_bar(rows: u64) -> ProgressBar {
    let bar = ProgressBar::new(rows);
    let template = "{bar:40} rows: {human_pos} of {human_len}, {elapsed}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
