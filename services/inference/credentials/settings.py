"""The settings of content credentials."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from services.inference.credentials.signer import Signer, UnusableCertificateError
from services.platform.environment import EnvironmentSettings

_Pem = Annotated[str, BeforeValidator(lambda value: value.strip() + "\n" if isinstance(value, str) and value.strip() else value or "")]


class CredentialSettings(EnvironmentSettings):
    """In whose name results are signed, and whose signatures are trusted. See docs/how-to/content-credentials.md."""

    content_credentials_certificates: _Pem = Field(
        "",
        description="Certificates for content credentials in PEM: the one that signs, then those that lead from it to a root. Every worker "
        "needs them that serves the lanes of pictures. If empty, tasks that ask for content credentials are refused.",
    )
    content_credentials_key: SecretStr | None = Field(
        None, validate_default=True, description="Private key of the first of these certificates, in PEM, without a password."
    )
    content_credentials_algorithm: Literal["", "es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = Field(
        "", validate_default=True, description="Algorithm of the signatures. If empty, the usual one for the key; ps256 for RSA."
    )
    content_credentials_trusted: _Pem = Field(
        "",
        description="Root certificates in PEM. inspect_metadata calls trusted who has a certificate under one, such as C2PA's trust "
        "list. If empty, nobody is.",
    )

    @field_validator("content_credentials_key")
    @classmethod
    def _belongs_to_a_certificate(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        certificates = info.data.get("content_credentials_certificates")
        if certificates is not None and bool(certificates) != (key is not None and bool(key.get_secret_value().strip())):
            raise ValueError("DARKROOM_CONTENT_CREDENTIALS_CERTIFICATES and DARKROOM_CONTENT_CREDENTIALS_KEY need each other")
        return key

    @field_validator("content_credentials_algorithm")
    @classmethod
    def _can_sign(cls, algorithm: str, info: ValidationInfo) -> str:
        certificates, key = info.data.get("content_credentials_certificates"), info.data.get("content_credentials_key")
        if certificates and key is not None:
            try:
                Signer(certificates, key.get_secret_value(), algorithm)
            except UnusableCertificateError as error:
                raise ValueError(str(error)) from error
        return algorithm

    @property
    def signer(self) -> Signer | None:
        """Signs content credentials; None if nobody does."""
        key = self.content_credentials_key
        if not self.content_credentials_certificates or key is None:
            return None
        return Signer(self.content_credentials_certificates, key.get_secret_value(), self.content_credentials_algorithm)
