"""Reaching a Kafka cluster: clients, connection checks, topics, transactions, records and readers."""
