"""What is answered about campaigns, as models."""

from __future__ import annotations
