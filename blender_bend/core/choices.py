"""Choices by name: enumerations whose members are the texts that jobs, presets and .blend files have for them."""

from __future__ import annotations

from enum import StrEnum


class Name(StrEnum):
    """A choice that is its text in every way, also in ``repr``, from which digests are made."""

    __repr__ = str.__repr__
