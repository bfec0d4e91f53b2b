"""What is answered about the performance of campaigns, as models."""

from __future__ import annotations
