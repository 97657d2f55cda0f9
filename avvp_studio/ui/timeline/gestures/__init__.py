"""What a press, a drag and a release on the timeline mean."""
