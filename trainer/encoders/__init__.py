"""From media to features: encoders, and the job that runs one over many files."""

from trainer.encoders.errors import EncoderError
from trainer.encoders.extract import ExtractReport, extract

__all__ = ["EncoderError", "ExtractReport", "extract"]
