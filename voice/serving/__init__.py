"""What the running assistant offers beside its voice: screen, interfaces, operator area."""
