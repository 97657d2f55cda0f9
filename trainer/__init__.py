"""The bundled trainer: audio-visual video parsing models, as a program of its own (`python -m trainer`)."""
