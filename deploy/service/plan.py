"""The operator's choices for the service, kept in `service.json` of the stack's folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.installation.private_file import write_private
from deploy.service.errors import ServiceError

_FILE = "service.json"


class Plan(BaseModel):
    """How backups are made and who is notified of problems."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backups: Path | None = Field(None, description="Absolute path of the folder for backups; if unset, no backups are made.")
    recipients: tuple[str, ...] = Field((), description="Public keys, of age or SSH, that backups are encrypted for.")
    keep: int = Field(14, ge=1, description="Number of backups to keep.")
    alarm: str = Field(
        "", description="Shell command that gets the text of an alarm on its standard input; the journal contains it in any case."
    )

    @classmethod
    def read(cls, stack: Path) -> Plan:
        """The plan of a stack's folder; the defaults without one. Raises ServiceError for one that cannot be read."""
        try:
            return cls.model_validate_json((stack / _FILE).read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise ServiceError(f"{stack / _FILE} is not valid: {error}") from error

    def write(self, stack: Path) -> None:
        """Keep it."""
        stack.mkdir(parents=True, exist_ok=True)
        write_private(stack / _FILE, self.model_dump_json(indent=2) + "\n")
