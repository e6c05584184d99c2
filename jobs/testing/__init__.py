"""Stand-ins that ship: they speak the real protocols of the outside world on loopback."""
