"""Instruments: knobs, actions, and samples on request."""

from __future__ import annotations

from timbrespace.instruments.base import Action, Dial, Instrument

__all__ = ["Action", "Dial", "Instrument"]
