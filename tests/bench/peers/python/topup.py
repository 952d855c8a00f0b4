"""Receives more than Lambda hands over, and deletes what of it is done. What failed comes back by itself."""

import os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

import api
import batch

MOST, SIDE_BY_SIDE, HIDDEN_SECONDS = 990, 10, 60
QUEUE = os.environ["QUEUE_URL"]
sqs = boto3.client("sqs", config=Config(max_pool_connections=SIDE_BY_SIDE))
pool = ThreadPoolExecutor(max_workers=SIDE_BY_SIDE)


def receive(_) -> list[dict]:
    got = sqs.receive_message(
        QueueUrl=QUEUE,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_SECONDS,
        MessageSystemAttributeNames=["MessageGroupId"],
    )
    return got.get("Messages", [])


def more() -> list[dict]:
    records = []
    while len(records) < MOST:
        calls = min(SIDE_BY_SIDE, (MOST - len(records)) // 10)
        got = [message for messages in pool.map(receive, range(calls)) for message in messages]
        records += [
            {"messageId": m["MessageId"], "handle": m["ReceiptHandle"], "body": m["Body"], "attributes": m["Attributes"]}
            for m in got
        ]
        if len(got) < calls * 10:
            break
    return records


def delete(records: list[dict]) -> None:
    entries = [{"Id": str(n), "ReceiptHandle": r["handle"]} for n, r in enumerate(records)]
    for failed in sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries).get("Failed", []):
        print(f"not deleted: {failed}")


def handle(event, context, apply_campaign) -> dict:
    api.begin(context)
    records = event["Records"]
    # Five or more say that there may be a backlog.
    own = more() if len(records) >= 5 else []
    failed = batch.apply(records + own, apply_campaign)
    list(pool.map(delete, batch.slices([r for r in own if r["messageId"] not in failed], 10)))
    return batch.answer(records, failed)
