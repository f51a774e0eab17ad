"""Facts about pictures, formats and operations that several services need, as the protos and the standards give them."""
