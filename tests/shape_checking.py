"""The run-time checker behind our annotations: beartype, with an int accepted where a float is meant (PEP 484)."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
