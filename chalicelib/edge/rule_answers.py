"""What is answered about rules, as models."""

from __future__ import annotations
