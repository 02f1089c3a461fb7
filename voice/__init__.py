"""He'an: the assistant itself. The only package with devices, threads and queues."""

__version__ = "0.1.0"
