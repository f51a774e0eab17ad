"""The manifests of Kubernetes, and what is made for them from elsewhere in the repository."""
