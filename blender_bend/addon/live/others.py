"""Others that ask for drafts: Live leaves the idle moments to them."""

from __future__ import annotations

#: Whether the explorer has cells to make.
waiting = False
