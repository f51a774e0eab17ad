"""The common base of every process of the platform: it knows no service and nothing about pictures."""
