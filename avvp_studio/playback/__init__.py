"""What the player is made of: the clock, and a thread each for picture and sound."""
