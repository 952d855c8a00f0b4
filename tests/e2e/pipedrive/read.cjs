// Pipedrive's official client reads the persons that `campaign-sync local --serve` emulates. Arguments: the base URL and the token.
"use strict";

const assert = require("node:assert");
const { Configuration, PersonsApi } = require("pipedrive/v2");

const [base, token] = process.argv.slice(2);

const client = (apiKey) => new PersonsApi(new Configuration({ apiKey, basePath: `${base}/crm/pipedrive/api/v2` }));

/** Reads all persons, page after page. */
async function every(limit, more) {
  const [persons, found] = [client(token), []];
  for (let cursor; ; ) {
    const page = await persons.getPersons({ sort_by: "id", sort_direction: "asc", limit, cursor, ...more });
    assert.strictEqual(page.success, true);
    found.push(...page.data);
    cursor = page.additional_data.next_cursor;
    if (!cursor) return found;
  }
}

async function main() {
  const all = await every(50);
  const ids = all.map((person) => person.id);
  assert(ids.length > 50, `${ids.length} persons`);
  assert.deepStrictEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
  assert.deepStrictEqual((await every(500)).map((person) => person.id), ids);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  // A person who was never changed has no update_time.
  assert(all.every((person) => time.test(person.add_time) && (person.update_time === null || time.test(person.update_time))));
  assert(all.some((person) => person.update_time === null));
  assert(all.some((person) => person.phones.length > 0 && typeof person.phones[0].value === "string"));

  const changedAt = (person) => person.update_time ?? person.add_time;
  const since = all.map(changedAt).sort()[Math.floor((all.length * 3) / 4)];
  const expected = all.filter((person) => changedAt(person) >= since).map((person) => person.id);
  const changed = (await every(50, { updated_since: since })).map((person) => person.id);
  assert.deepStrictEqual(changed, expected);
  assert(expected.length > 0 && expected.length < ids.length);

  await assert.rejects(client("another").getPersons({ limit: 1 }), (error) => error.errorCode === 401);
  console.log(ids.length);
}

main();
