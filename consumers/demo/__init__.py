"""The whole pipeline on one machine: separate processes around a development broker, with a display and a count."""
