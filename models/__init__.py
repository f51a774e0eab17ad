"""The neural models that Triton serves: where their weights come from, how they are converted, and how they are served."""
