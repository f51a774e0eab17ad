"""What holds for everybody: settings, the logo, tools that are disabled, and bundles of models."""
