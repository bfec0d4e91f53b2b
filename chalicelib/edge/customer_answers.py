"""What is answered about customers, as models."""

from __future__ import annotations
