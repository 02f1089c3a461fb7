"""Training of a small wake word model from the text of the words alone.

A library: folders and callables are given. Only the modules that need torch import it, and only
inside their functions, since it is part of the `train` extra.
"""
