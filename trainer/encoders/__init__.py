"""Media files -> feature stores: encoder.py says what an encoder is, `extract` runs one over many files."""

from __future__ import annotations

from trainer.encoders.encoder import Encoded, Encoder, EncoderError, FeatureSet
from trainer.encoders.extract import ENCODERS, ExtractReport, extract

__all__ = ["ENCODERS", "Encoded", "Encoder", "EncoderError", "ExtractReport", "FeatureSet", "extract"]
