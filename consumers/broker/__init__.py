"""The development broker: the Kafka protocol over one process and one folder.

For development, demonstrations and tests, on this machine only: no replication, TLS, authentication, access control or
quotas, and one event loop serves everything. What clients can rely on (order, idempotence, transactions, groups) is
held against Apache Kafka by one behaviour suite, `tests/broker/`.
"""
