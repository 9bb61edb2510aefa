"""The development broker: the Kafka protocol over one process and one folder.

For development, demonstrations and tests, on this machine only: no replication, TLS, authentication, access control or
quotas, and one event loop serves everything. What clients can rely on (order, idempotence, transactions, groups) is
tested against this broker and against Apache Kafka by one suite, `tests/broker/`.

Kafka's own tools work with it, and so does every client that works with Apache Kafka 4 (kafka-python, librdkafka, the
Java client). Tested with Apache Kafka 4.3.1 are kafka-topics, kafka-configs, kafka-console-producer,
kafka-console-consumer, kafka-consumer-groups, kafka-get-offsets, kafka-delete-records and kafka-transactions.
`tests/broker/senders.py` lists who sends which request; a request that nobody there sends is not answered.

What does not work:

- kafka-log-dirs, kafka-acls, kafka-leader-election, kafka-reassign-partitions, kafka-metadata-quorum and delegation
  tokens: there is one broker, without access control
- settings other than those of topics: kafka-configs describes the broker's, and changes none of them
- share groups, Kafka Streams groups, and the consumer group protocol of KIP-848 (`group.protocol=consumer`)
"""
