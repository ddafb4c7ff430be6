"""What the training pipelines share: safe files, metrics, plots, reproducibility."""
