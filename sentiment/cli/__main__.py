"""`python -m sentiment.cli`, the same as `sentiment`."""

from sentiment.cli.main import main

main()
