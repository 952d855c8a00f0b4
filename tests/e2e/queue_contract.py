"""One contract for two queues: the embedded one and the SQS emulation of MiniStack must keep the same rules of SQS FIFO.

    queue_contract.py NAME ENDPOINT QUEUE_URL [--unchecked-ids]
"""

import sys
import time
import uuid

import boto3
import botocore.exceptions
from botocore.config import Config

name, endpoint, queue = sys.argv[1:4]
config = Config(retries={"max_attempts": 1})
sqs = boto3.client(
    "sqs", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s", config=config
)


def send(group, body, deduplication=None, **more):
    return sqs.send_message(
        QueueUrl=queue, MessageBody=body, MessageGroupId=group,
        MessageDeduplicationId=deduplication or uuid.uuid4().hex, **more,
    )


def receive(most=10, visibility=30):
    answer = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=most, VisibilityTimeout=visibility, WaitTimeSeconds=0,
        MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"],
    )
    return answer.get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(messages):
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def refused(call):
    try:
        call()
    except (botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError):
        return True
    return False


def order_is_kept_within_a_group():
    for n in range(5):
        send("a", str(n))
    messages = receive()
    assert bodies(messages) == ["0", "1", "2", "3", "4"], bodies(messages)
    delete(messages)


def a_group_in_flight_is_given_to_no_other_consumer():
    send("a", "1")
    send("a", "2")
    send("b", "3")
    first = receive(most=1)
    assert bodies(first) == ["1"]
    second = receive()
    assert bodies(second) == ["3"], bodies(second)
    delete(first)
    rest = receive()
    assert bodies(rest) == ["2"], bodies(rest)
    delete(second + rest)


def deduplication_is_by_group_and_id_even_after_a_delete():
    send("a", "1", "same")
    send("a", "1 again", "same")
    send("b", "2", "same")
    messages = receive()
    assert sorted(bodies(messages)) == ["1", "2"], bodies(messages)
    delete(messages)
    send("a", "1 once more", "same")
    assert receive() == []


def a_message_that_is_visible_again_comes_first_and_counts_its_receives():
    send("a", "1")
    send("a", "2")
    first = receive(most=1)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first[0]["ReceiptHandle"], VisibilityTimeout=0)
    again = receive()
    assert bodies(again) == ["1", "2"], bodies(again)
    assert again[0]["Attributes"]["ApproximateReceiveCount"] == "2"
    delete(again)


def a_visibility_timeout_ends():
    send("a", "1")
    assert bodies(receive(visibility=1)) == ["1"]
    assert receive() == []
    time.sleep(1.3)
    again = receive()
    assert bodies(again) == ["1"]
    delete(again)


def a_batch_answers_for_each_entry():
    entries = [
        {"Id": str(n), "MessageBody": f"{n}", "MessageGroupId": f"g{n}", "MessageDeduplicationId": uuid.uuid4().hex}
        for n in range(10)
    ]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert sorted(entry["Id"] for entry in answer["Successful"]) == sorted(str(n) for n in range(10))
    assert answer.get("Failed", []) == []
    messages = receive()
    assert len(messages) == 10
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60}
               for n, message in enumerate(messages)]
    handles[3]["ReceiptHandle"] = "no-such-handle"
    answer = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=handles)
    assert [entry["Id"] for entry in answer["Failed"]] == ["3"], answer
    assert len(answer["Successful"]) == 9
    delete(messages)


def a_batch_is_bounded():
    entry = lambda n: {"Id": str(n), "MessageBody": "x", "MessageGroupId": f"g{n}", "MessageDeduplicationId": uuid.uuid4().hex}
    assert refused(lambda: sqs.send_message_batch(QueueUrl=queue, Entries=[entry(n) for n in range(11)]))
    assert receive() == []


def message_attributes_arrive():
    send("a", "1", MessageAttributes={"reason": {"DataType": "String", "StringValue": "rejected"}})
    messages = receive()
    assert messages[0]["MessageAttributes"]["reason"]["StringValue"] == "rejected", messages
    delete(messages)


def ids_are_bounded():
    for bad in ["a b", "é", "x" * 129]:
        assert refused(lambda: send(bad, "1")), bad
        assert refused(lambda: send("g", "1", bad)), bad
    assert receive() == []


rules = [
    order_is_kept_within_a_group,
    a_group_in_flight_is_given_to_no_other_consumer,
    deduplication_is_by_group_and_id_even_after_a_delete,
    a_message_that_is_visible_again_comes_first_and_counts_its_receives,
    a_visibility_timeout_ends,
    a_batch_answers_for_each_entry,
    a_batch_is_bounded,
    message_attributes_arrive,
]
if "--unchecked-ids" in sys.argv:
    print(f"queue contract, {name}: it does not check ids as AWS and the embedded queue do, so that rule is left out")
else:
    rules.append(ids_are_bounded)

for rule in rules:
    rule()
print(f"queue contract, {name}: {len(rules)} passed, 0 failed")
