"""The settings for everybody: settings, the logo, disabled tools, and bundles of models."""
