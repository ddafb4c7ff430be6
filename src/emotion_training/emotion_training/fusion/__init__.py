"""Training and evaluation of the fusion of face and voice."""
