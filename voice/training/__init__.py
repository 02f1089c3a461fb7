"""What `hean train` does: a run from data to a model that is proven better, and its exports."""
