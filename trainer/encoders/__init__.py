"""Media files -> feature stores: encoding.py says what an encoder is, `extract` runs some over many files."""

from __future__ import annotations

from trainer.encoders.encoding import EncoderError

__all__ = ["EncoderError"]
