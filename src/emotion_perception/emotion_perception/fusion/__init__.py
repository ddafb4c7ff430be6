"""One emotion from a face and a voice."""
