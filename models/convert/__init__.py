"""Converters: from what registries hold to the files the engines read."""
