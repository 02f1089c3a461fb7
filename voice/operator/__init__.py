"""The operator area: what the person who looks after a device does at its screen, behind a PIN.

`pin` and `sessions` let one in, `guard` keeps everybody else out; `sign_in`, `overview`, `updates`,
`knowledge` and `care` are the routes below /v1/operator/. What takes long is a `work`, one at a
time. `diary`, `log_ring` and `microphone` follow the assistant; `announcer` tells the public screen
what must be seen there. `area` puts all of it together.
"""
