"""Images of the services, of the model server, and how they are built."""
