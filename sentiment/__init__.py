"""Real-time sentiment of customer feedback: the core that consumers and training build on."""

__version__ = "0.1.0"
