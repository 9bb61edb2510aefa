"""The protocol side of the broker: one module for each family of requests, and the table that lists them all.

A handler takes the broker and a call and returns the response, or a coroutine where it has to wait. Encoding and
decoding are kafka-python's: its protocol classes work in both directions and in every version.
"""
