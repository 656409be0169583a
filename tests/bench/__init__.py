"""Figures of reliability, measured on real processes; `bin/bench` runs them."""
