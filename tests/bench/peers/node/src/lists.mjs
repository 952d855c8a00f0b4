// Peer for contactLists: the contacts of a campaign in one read and one write, campaigns side by side. A batch of ten is
// within the bounds of a call.

import { begin, call } from './api.mjs';
import * as contract from './contract.mjs';

const known = new Map();

async function listOf(org, campaign) {
  if (!known.has(campaign)) {
    const list = (await call(org, 'GET', contract.campaignPath(campaign))).body.contactList.id;
    known.set(campaign, { list, columns: (await call(org, 'GET', contract.listPath(list))).body.columnNames });
  }
  return known.get(campaign);
}

async function applyCampaign(changes) {
  const { org, campaign } = changes[0];
  const { list, columns } = await listOf(org, campaign);
  const path = `${contract.listPath(list)}/contacts`;
  const contacts = new Map();
  for (const c of changes) contacts.set(c.key, [...(contacts.get(c.key) ?? []), c]);
  const found = (await call(org, 'POST', `${path}/bulk`, [...contacts.keys()])).body;
  const stored = new Map(found.map((contact) => [contact.id, contact]));
  const written = [...contacts].map(([key, of]) => contract.listContact(list, columns, stored.get(key), of));
  const r = await call(org, 'POST', `${path}?doNotQueue=true`, written);
  if (r.status !== 200) throw new Error(`the list: ${r.status}`);
}

export const handler = async (event, context) => {
  begin(context);
  const [failed, bad, work] = [new Set(), new Set(), new Map()];
  for (const { messageId, body, attributes } of event.Records) {
    try {
      if (bad.has(attributes.MessageGroupId)) throw new Error('it is behind a bad one');
      const change = contract.parseMessage(body);
      const of = work.get(change.campaign) ?? work.set(change.campaign, []).get(change.campaign);
      of.push({ messageId, change });
    } catch (e) {
      console.error('failed', messageId, e);
      bad.add(attributes.MessageGroupId);
      failed.add(messageId);
    }
  }
  const one = async (messages) => {
    try {
      await applyCampaign(messages.map((m) => m.change));
    } catch (e) {
      console.error('failed', e);
      messages.forEach((m) => failed.add(m.messageId));
    }
  };
  await Promise.all([...work.values()].map(one));
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
};
