"""The whole pipeline on one machine: separate processes around a development broker, watched and counted."""
