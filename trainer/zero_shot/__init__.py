"""Zero-shot tracks: parses of any categories by encoders alone, before anything is trained.

concepts.py says what the offline encoders can name, bridge.py reaches categories through that, joint.py through
CLIP's and CLAP's texts; calibration.py makes probabilities of either, and tracks.py a parse file.
"""
