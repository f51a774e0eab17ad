"""Documents made of pictures, a page each."""
