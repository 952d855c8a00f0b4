//! The few calls of EventBridge Scheduler that the command makes
//! (docs.aws.amazon.com/scheduler/latest/APIReference), and the runs that its schedules bring into the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use io::Clock;
use io::queue::Message;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Fifo;

/// What the path of each of its calls begins with.
pub const PREFIX: &str = "/schedules";
/// What a schedule's input names where the time belongs at which it is due.
const TIME: &str = "<aws.scheduler.scheduled-time>";

/// Schedules by name, which all bring runs into one queue.
pub struct Schedules {
    clock: Clock,
    runs: Arc<Fifo>,
    state: Mutex<BTreeMap<String, Schedule>>,
}

struct Schedule {
    /// As it was put.
    body: Value,
    /// When it brings the next run; none: it brings none.
    due: Option<Timestamp>,
}

type Fault = (StatusCode, &'static str);

impl Schedules {
    pub fn new(clock: Clock, runs: Arc<Fifo>) -> Schedules {
        Schedules {
            clock,
            runs,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<String, Schedule>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let (path, query) = (request.uri().path(), request.uri().query());
        let name = path.strip_prefix("/schedules/").unwrap_or_default();
        let answer = match (request.method(), name) {
            (&Method::GET, "") => Ok(self.list(query.unwrap_or_default())),
            (&Method::GET, name) => self.get(name),
            (&Method::POST, name) => self.put(name, request.body(), false),
            (&Method::PUT, name) => self.put(name, request.body(), true),
            (&Method::DELETE, name) => self.delete(name),
            _ => Err((StatusCode::BAD_REQUEST, "ValidationException")),
        };
        let (status, body) = match &answer {
            Ok(body) => (StatusCode::OK, body.to_string()),
            Err((status, code)) => (*status, json!({ "Message": code }).to_string()),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        if let Err((_, code)) = answer {
            let code = HeaderValue::from_static(code);
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        response
    }

    fn list(&self, query: &str) -> Value {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let prefix = pairs.find(|(name, _)| *name == "NamePrefix");
        let prefix = prefix.map_or("", |(_, prefix)| prefix);
        let state = self.state();
        let names = state.keys().filter(|name| name.starts_with(prefix));
        json!({ "Schedules": names.map(|name| json!({ "Name": name })).collect::<Vec<_>>() })
    }

    fn get(&self, name: &str) -> Result<Value, Fault> {
        let state = self.state();
        let schedule = state.get(name).ok_or(MISSING)?;
        let mut body = schedule.body.clone();
        body["Name"] = name.into();
        Ok(body)
    }

    fn put(&self, name: &str, body: &[u8], is_there: bool) -> Result<Value, Fault> {
        const INVALID: Fault = (StatusCode::BAD_REQUEST, "ValidationException");
        let body: Value = serde_json::from_slice(body).map_err(|_| INVALID)?;
        let expression = body["ScheduleExpression"].as_str().ok_or(INVALID)?;
        let target = &body["Target"];
        let is_whole = target["Arn"].is_string() && target["RoleArn"].is_string();
        let is_rate = rate(expression).is_some();
        if !is_whole || !(is_rate || expression.starts_with("cron(")) {
            return Err(INVALID);
        }
        // One by a rate begins at once. By a cron expression none comes here.
        let is_on = is_rate && body["State"] != "DISABLED";
        let due = is_on.then(|| self.clock.now());
        let mut state = self.state();
        match (state.contains_key(name), is_there) {
            (false, true) => Err(MISSING),
            (true, false) => Err((StatusCode::CONFLICT, "ConflictException")),
            _ => {
                let arn =
                    format!("arn:aws:scheduler:us-east-1:000000000000:schedule/default/{name}");
                state.insert(name.to_owned(), Schedule { body, due });
                Ok(json!({ "ScheduleArn": arn }))
            }
        }
    }

    fn delete(&self, name: &str) -> Result<Value, Fault> {
        let removed = self.state().remove(name);
        removed.map(|_| json!({})).ok_or(MISSING)
    }

    /// Brings each run into the queue when it is due, for ever.
    pub async fn run(&self) {
        loop {
            for message in self.take_due() {
                // Another one is due later.
                let _ = self.runs.send(message);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn take_due(&self) -> Vec<Message> {
        let now = self.clock.now();
        let mut state = self.state();
        let due = state.iter_mut().filter_map(|(name, schedule)| {
            let due = schedule.due.filter(|due| *due <= now)?;
            let every = rate(schedule.body["ScheduleExpression"].as_str()?)?;
            // What was missed while nobody ran it does not come.
            schedule.due = Some(now + every);
            let target = &schedule.body["Target"];
            let input = target["Input"].as_str().unwrap_or("{}");
            let body = input.replace(TIME, &format!("{due:.0}"));
            let group = target["SqsParameters"]["MessageGroupId"].as_str()?;
            Some(Message {
                deduplication_id: format!("{name}-{}", due.as_millisecond()),
                group: group.to_owned(),
                body,
                attributes: Vec::new(),
            })
        });
        due.collect()
    }
}

const MISSING: Fault = (StatusCode::NOT_FOUND, "ResourceNotFoundException");

/// How often, of `rate(15 minutes)` and the like.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0)?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}
