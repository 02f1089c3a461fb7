"""Converters: from files of registry packages to the files that an engine opens.

Each module has `convert(sources, target, progress)`: it reads the paths of `sources`, writes into
the folder `target`, tells `progress` the part done from 0 to 1, and returns file names by role.
"""
