#!/bin/sh
# `hean` on a device: with the settings and models of the service. Root becomes the user of the service, so
# that what it writes can be read there; only what the owner alone decides stays root: `hean device`, `hean keys`.
export XDG_DATA_HOME=/var/lib XDG_STATE_HOME=/var/lib XDG_CACHE_HOME=/var/lib/hean/cache
export PYTHONDONTWRITEBYTECODE=1
hean="/opt/hean/venv/bin/python -I -m voice --config /etc/hean/hean.toml"
if [ "$1" != device ] && [ "$1" != keys ] && [ "$(id -u)" = 0 ]; then
    hean="setpriv --reuid=hean --regid=hean --init-groups $hean"
fi
exec $hean "$@"
