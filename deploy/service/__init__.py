"""Darkroom as a service of one machine: units of systemd, backups by timer, alarms, upgrades and the way back."""
