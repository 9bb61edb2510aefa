"""The protocol side of the broker: one module for each family of requests, and the table of all requests.

A handler takes the broker and a call, and returns the response or, if it has to wait, a coroutine. kafka-python encodes
and decodes: its protocol classes work in both directions and in every version.
"""
