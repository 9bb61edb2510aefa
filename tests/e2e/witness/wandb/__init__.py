"""Stands for a tracker that is installed and that nobody asked for: any use of it is written to the file $WITNESS."""

import os


def __getattr__(name: str) -> object:
    if not name.startswith("__"):
        with open(os.environ["WITNESS"], "a") as file:  # noqa: PTH123 as in sitecustomize.py
            file.write(f"wandb.{name}\n")
    raise AttributeError(name)
