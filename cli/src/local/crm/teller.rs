//! Makes up what the CRM does: one change after another, each delivered by webhook or queue.
//!
//! Chance comes from the seed alone, so a seed always gives the same story. The contacts are in
//! [`person`]; the webhooks of vendors are made up in `vendor/book.rs`.

use super::*;

/// The CRM, while its story is made up.
pub(super) struct MadeUpCrm {
    rng: Rng,
    pub(super) people: Vec<Person>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) changes: usize,
    /// The time since [`START`].
    now: Duration,
    /// The place of the person who changed last.
    last: usize,
    pub(super) valid_event_ids: BTreeSet<String>,
    pub(super) latest: BTreeMap<Key, Value>,
}

impl MadeUpCrm {
    pub(super) fn new(seed: u64, api: Api, contacts: usize) -> MadeUpCrm {
        let mut rng = Rng::with_seed(seed);
        let people = (0..contacts)
            .map(|n| Person::new(&mut rng, api, n))
            .collect();
        let (deliveries, valid_event_ids, latest) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        MadeUpCrm {
            rng,
            people,
            deliveries,
            changes: 0,
            now: Duration::ZERO,
            last: 0,
            valid_event_ids,
            latest,
        }
    }

    /// The contacts that are in their campaign before the story: two of five.
    pub(super) fn load(&self) -> BTreeMap<Key, Expected> {
        let loaded = self.people.iter().enumerate().filter(|(n, _)| n % 5 < 2);
        loaded.map(|(_, person)| person.as_loaded()).collect()
    }

    /// Makes one change.
    pub(super) fn step(&mut self) {
        // A rule of the CRM changes one contact several times within moments, a bulk job changes
        // many, or a person works.
        let is_rapid = self.rng.f64() < 0.6;
        let is_bulk = self.changes % 200 >= 150;
        self.now += Duration::from_millis(match (is_rapid, is_bulk) {
            (true, _) => self.rng.u64(2..40),
            (_, true) => self.rng.u64(2..10),
            _ => self.rng.u64(500..6_000),
        });
        if !is_rapid {
            self.last = self.rng.usize(..self.people.len());
        }
        if self.people[self.last].is_removed {
            self.last = self.rng.usize(..self.people.len());
            return;
        }
        match self.rng.f64() {
            _ if self.changes % 100 == 50 => self.poison(),
            _ if self.changes % 100 == 75 => self.change_of_a_stranger(),
            share if share < 0.03 => self.send_again_after_the_queue_forgot(),
            // The last contact is never removed, so that there is one to change.
            share
                if share < 0.04
                    && self
                        .people
                        .iter()
                        .filter(|person| !person.is_removed)
                        .count()
                        > 1 =>
            {
                self.remove()
            }
            _ => self.change(),
        }
    }

    /// Changes a few columns. Every column is sent each time, since a change may arrive late
    /// (docs/contract.md "Meaning of a change").
    fn change(&mut self) {
        let person = &mut self.people[self.last];
        for _ in 0..self.rng.usize(1..4) {
            let column = COLUMNS[self.rng.usize(..COLUMNS.len())];
            person
                .columns
                .insert(column, column_value(&mut self.rng, column));
        }
        // An opt-out is never taken back.
        person.callable &= self.rng.f64() >= 0.03;
        let body = self.snapshot();
        let is_late = self.rng.f64() < 0.06;
        let delay = if is_late {
            self.rng.u64(20_000..480_000)
        } else {
            self.rng.u64(50..120)
        };
        let at = self.now + Duration::from_millis(delay);
        self.deliver(at, &body);
        if self.rng.f64() < 0.03 {
            // A webhook that is sent again within five minutes is dropped by the queue.
            let parcel = self.deliveries[self.deliveries.len() - 1].parcel.clone();
            let at = at + Duration::from_millis(self.rng.u64(500..290_000));
            self.deliveries.push(Delivery::new(at, parcel));
        }
    }

    /// Changes a person who is in no campaign. Such a change must not create a contact.
    fn change_of_a_stranger(&mut self) {
        let mut body = self.snapshot();
        body["contactKey"] = format!("STRANGER-{:05}", self.changes).into();
        body["data"] = json!({ "status": body["data"]["status"] });
        body["ifAbsent"] = "skip".into();
        body.as_object_mut()
            .map(|members| members.remove("callable"));
        let parcel = self.webhook(&body);
        self.deliveries.push(Delivery::new(self.now, parcel));
        self.changes += 1;
    }

    fn remove(&mut self) {
        let mut body = self.snapshot();
        body["operation"] = "remove".into();
        for name in ["data", "callable"] {
            body.as_object_mut().map(|members| members.remove(name));
        }
        let person = &mut self.people[self.last];
        person.is_removed = true;
        let at = person.last_delivery.max(self.now) + Duration::from_millis(300);
        self.deliver(at, &body);
    }

    /// Sends an earlier webhook again, later than the five minutes in which the queue drops copies.
    fn send_again_after_the_queue_forgot(&mut self) {
        let Some(earlier) = self
            .deliveries
            .iter()
            .rfind(|earlier| earlier.at + Duration::from_mins(1) < self.now)
        else {
            return;
        };
        let parcel = earlier.parcel.clone();
        let first = self
            .deliveries
            .iter()
            .filter(|other| other.parcel == parcel)
            .map(|other| other.at);
        let (first, last) = (
            first.clone().min().unwrap_or_default(),
            first.max().unwrap_or_default(),
        );
        let forgotten = first.max(last) + Duration::from_secs(self.rng.u64(301..900));
        self.deliveries.push(Delivery::new(forgotten, parcel));
        self.changes += 1;
    }

    /// Sends a change that ingest must refuse or apply must park. No other change may suffer from
    /// it.
    fn poison(&mut self) {
        let mut body = self.snapshot();
        // A parked change would still set `callable` and the rank of that decision, and older
        // changes of the contact would then be stale.
        body.as_object_mut()
            .map(|members| members.remove("callable"));
        match self.rng.u8(..6) {
            0 => body["calable"] = false.into(),
            1 => body["schema"] = 2.into(),
            2 => body["data"]["shoeSize"] = "44".into(),
            3 => body["data"][VERSION_FIELD] = "1".into(),
            kind => {
                let mut message = self.message(&body);
                if kind == 4 {
                    message.body = r#"{"schema": 1, "eventId": "#.to_owned();
                } else {
                    "acme-us/elsewhere/00000000000000000000000000000000"
                        .clone_into(&mut message.group);
                }
                self.deliveries
                    .push(Delivery::new(self.now, Parcel::Message(message)));
                self.changes += 1;
                return;
            }
        }
        let parcel = self.webhook(&body);
        self.deliveries.push(Delivery::new(self.now, parcel));
        self.changes += 1;
    }

    /// Delivers a valid change, and lists it in the feed.
    fn deliver(&mut self, at: Duration, body: &Value) {
        let parcel = self.webhook(body);
        self.deliveries.push(Delivery::new(at, parcel));
        self.valid_event_ids
            .extend(body["eventId"].as_str().map(str::to_owned));
        let mut listed = body.clone();
        listed
            .as_object_mut()
            .map(|members| members.remove("eventId"));
        let key = self.people[self.last].key.clone();
        // The CRM's feed still lists the columns of a removed contact: the webhooks that changed
        // them may be dropped too.
        if let Some(known) = self
            .latest
            .get(&key)
            .filter(|_| body["operation"] == "remove")
        {
            listed["operation"] = "upsert".into();
            listed["data"] = known["data"].clone();
            listed["callable"] = false.into();
        }
        self.latest.insert(key, listed);
        let person = &mut self.people[self.last];
        person.last_delivery = person.last_delivery.max(at);
        self.changes += 1;
    }

    /// A change that holds the whole contact as it is now.
    fn snapshot(&mut self) -> Value {
        let person = &self.people[self.last];
        let (org, campaign, key) = &person.key;
        let at = start() + self.now;
        json!({
            "schema": 1,
            "eventId": format!("evt_{:016x}", self.rng.u64(..)),
            "org": org,
            "campaignId": campaign,
            "contactKey": key,
            "operation": "upsert",
            "version": at.as_millisecond(),
            "occurredAt": at.to_string(),
            "source": source_of(org),
            "data": person.columns,
            "callable": person.callable,
        })
    }

    fn webhook(&self, body: &Value) -> Parcel {
        let (org, _, _) = &self.people[self.last].key;
        Parcel::Webhook {
            source: source_of(org),
            body: body.to_string(),
        }
    }

    /// The message that ingest would send to the queue.
    fn message(&self, body: &Value) -> Message {
        let change = Change::parse(&body.to_string());
        let ids = change.map(|change| {
            (
                change.message_group().as_str().to_owned(),
                change.deduplication_id(),
            )
        });
        let (group, deduplication_id) = ids.unwrap_or_default();
        Message {
            body: body.to_string(),
            group,
            deduplication_id,
            attributes: Vec::new(),
        }
    }
}
