"""What the peers have in common that take the contacts of a campaign together."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import contract

campaigns = ThreadPoolExecutor(max_workers=6)


def slices(items: list, most: int) -> list[list]:
    return [items[n : n + most] for n in range(0, len(items), most)]


def by_key(changes: list[contract.Change]) -> dict[str, list[contract.Change]]:
    contacts = defaultdict(list)
    for c in changes:
        contacts[c.key].append(c)
    return contacts


def apply(records: list[dict], apply_campaign) -> set[str]:
    """Lets each campaign's changes be applied, and answers the ids of the messages that failed."""
    failed, bad = set(), set()
    work = defaultdict(list)
    for r in records:
        group = r["attributes"]["MessageGroupId"]
        try:
            if group in bad:
                raise ValueError("it is behind a bad one")
            c = contract.parse_message(r["body"])
            work[c.org, c.campaign].append((r["messageId"], c))
        except Exception as e:  # noqa: BLE001
            print(f"failed: {r['messageId']}: {e}")
            bad.add(group)
            failed.add(r["messageId"])

    def one(work) -> list[str]:
        (org, campaign), messages = work
        try:
            apply_campaign(org, campaign, [c for _, c in messages])
            return []
        except Exception as e:  # noqa: BLE001
            print(f"failed: {campaign}: {e}")
            return [message for message, _ in messages]

    for ids in campaigns.map(one, work.items()):
        failed.update(ids)
    return failed


def answer(records: list[dict], failed: set[str]) -> dict:
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in records if r["messageId"] in failed]}
