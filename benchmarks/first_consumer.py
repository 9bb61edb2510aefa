"""The consumer that a user writes first: kafka-python and `transformers.pipeline`, in fp32.

`first_consumer.py BOOTSTRAP SOURCE TARGET MODEL BATCH` answers at most BATCH records at once, until it is killed.
"""

from __future__ import annotations

import json
import sys

from kafka import KafkaConsumer, KafkaProducer
from transformers import pipeline

MAX_TOKENS = 128


def main(bootstrap: str, source: str, target: str, model: str, batch: int) -> None:
    """Classify the texts of SOURCE into TARGET."""
    classify = pipeline("text-classification", model=model, dtype="float32", device="cpu")
    consumer = KafkaConsumer(source, bootstrap_servers=bootstrap, group_id=source, auto_offset_reset="earliest")
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    while True:
        polled = consumer.poll(timeout_ms=1_000, max_records=batch)
        events = [json.loads(record.value) for records in polled.values() for record in records]
        texts = [event["text"] for event in events]
        found = classify(texts, batch_size=batch, truncation=True, max_length=MAX_TOKENS) if texts else []
        for event, answer in zip(events, found, strict=True):
            producer.send(target, json.dumps({"event_id": event["id"], "label": answer["label"]}).encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
