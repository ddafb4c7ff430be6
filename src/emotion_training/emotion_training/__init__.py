"""Data sets, training and evaluation of the emotion models."""
