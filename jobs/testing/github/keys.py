"""RSA keys for Apps of the local GitHub."""

from __future__ import annotations


def new_private_key() -> str:
    """Make a private key and return its PEM, in the form in which GitHub hands it over."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - slow to import

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
