"""The shared files of an installation's parts over several machines: certificates, keys, passwords and settings, in one folder."""

from deploy.installation.creation import create
from deploy.installation.errors import InstallationError
from deploy.installation.folder import Installation

__all__ = ["Installation", "InstallationError", "create"]
