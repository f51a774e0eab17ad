"""Settings of the Model Context Protocol at `/mcp`."""

from __future__ import annotations

from pydantic import Field

from services.platform.environment import EnvironmentSettings


class McpSettings(EnvironmentSettings):
    """Settings of `/mcp`, read from `DARKROOM_…`."""

    mcp_origins: str = Field(
        "",
        description="Comma-separated list of the origins whose web pages may call /mcp, such as https://app.example.com; empty for none. "
        "Programs send no Origin, and need not be listed. Pages of other origins also need DARKROOM_EDGE_CORS_ORIGINS.",
    )
    mcp_body_bytes: int = Field(1 << 20, ge=1024, le=16 << 20, description="Largest message that /mcp takes, in bytes.")
    mcp_calls_max: int = Field(64, ge=1, description="Maximum number of messages of /mcp that a process answers at the same time.")
    mcp_calls_per_account: int = Field(
        16, ge=1, description="Maximum number of messages of one account that a process answers at the same time."
    )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins."""
        return frozenset(origin.strip().rstrip("/") for origin in self.mcp_origins.split(",") if origin.strip())
