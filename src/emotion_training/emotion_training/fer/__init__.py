"""Facial expression recognition: data sets, recipes, training, export and evaluation."""
