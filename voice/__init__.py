"""He'an: the assistant itself. The only package with devices, threads and queues."""

import os

__version__ = "0.1.0"

# onnxruntime, on Linux too since 1.31 or somewhat before, would give this device an id, keep it in
# the user's cache and send what it did to its maker, unless told otherwise before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
