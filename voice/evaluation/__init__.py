"""Asking a file of questions, spoken or written, and counting what is right."""
