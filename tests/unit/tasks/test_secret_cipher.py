"""Webhook secrets at rest."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable, read_keys

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = "whsec_c2VjcmV0"


def test_a_secret_comes_back_and_cannot_be_seen() -> None:
    cipher = SecretCipher([NEW])
    stored = cipher.seal(7, 1, SECRET)
    assert stored.startswith(cipher.prefix)
    assert cipher.open(7, 1, stored) == SECRET
    assert "c2VjcmV0" not in stored
    assert stored != cipher.seal(7, 1, SECRET)


def test_older_keys_still_decrypt_and_only_the_first_encrypts() -> None:
    stored = SecretCipher([OLD]).seal(7, 1, SECRET)
    cipher = SecretCipher([NEW, OLD])
    assert cipher.open(7, 1, stored) == SECRET
    assert not stored.startswith(cipher.prefix)
    with pytest.raises(SecretUnreadable):
        SecretCipher([OLD]).open(7, 1, cipher.seal(7, 1, SECRET))


def test_what_cannot_be_decrypted_is_refused() -> None:
    cipher = SecretCipher([NEW])
    stored = cipher.seal(7, 1, SECRET)
    changed = stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:]
    for account_id, webhook_id, text, key_known in (
        (8, 1, stored, True),
        (7, 2, stored, True),
        (7, 1, changed, True),
        (7, 1, cipher.prefix, True),
        (7, 1, "v1.0123456789ab.AAAA", False),
        (7, 1, "v1.", False),
    ):
        with pytest.raises(SecretUnreadable) as refused:
            cipher.open(account_id, webhook_id, text)
        assert refused.value.key_known is key_known


def test_what_an_earlier_version_stored_is_plain() -> None:
    assert SecretCipher([NEW]).open(7, 1, SECRET) == SECRET


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{base64.b64encode(NEW).decode()}\n\n{base64.b64encode(OLD).decode()}\n")
    assert read_keys(file) == [NEW, OLD]
    for text, problem in (("", "must have a line"), ("c2hvcnQ=\n", "line 1"), (f"{base64.b64encode(NEW).decode()}\nno key\n", "line 2")):
        file.write_text(text)
        with pytest.raises(ValueError, match=problem):
            read_keys(file)


def test_keys_for_other_purposes_are_derived_from_each_key_and_are_no_keys_of_it() -> None:
    keys = [b"a" * 32, b"b" * 32]
    derived = SecretCipher(keys).derive_keys(b"one")
    assert [len(key) for key in derived] == [32, 32]
    assert derived == SecretCipher(keys).derive_keys(b"one")
    assert SecretCipher(keys[1:]).derive_keys(b"one") == derived[1:]
    assert not {*derived} & {*keys, *SecretCipher(keys).derive_keys(b"two")}
