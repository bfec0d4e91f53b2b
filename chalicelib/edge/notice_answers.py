"""What is answered about notices, as models."""

from __future__ import annotations
