"""Background removal: from a picture and a matting model to a cut-out."""
