"""What is answered about segments, as models."""

from __future__ import annotations
