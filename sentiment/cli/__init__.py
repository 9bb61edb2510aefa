"""The command line: the composition root. Nothing imports it, and it imports heavy things inside its commands."""
