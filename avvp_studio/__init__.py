"""AVVP Studio: see, correct and retrain audio-visual video parsers."""

__version__ = "0.1.0"
