"""Engines that the assistant lends to others, who wait while it talks with somebody."""
