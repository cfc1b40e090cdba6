"""Rigs for the tests of storage."""

from tests.operator.conftest import make_rig, rig, scene

__all__ = ["make_rig", "rig", "scene"]
