"""Picture operations without a network, as libvips graphs over decoded samples. Each function takes and returns an `Image`."""
