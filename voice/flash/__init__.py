"""Flashing, as a person does it: health checks, this machine, other machines, USB sticks.

`llm.flash` keeps the slots; here are the processes and links around them.
"""
