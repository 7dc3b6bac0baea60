"""The keys that sign for the deployment: a twin for the log, another for packages."""

from __future__ import annotations

from enum import Enum

from sqlalchemy.orm import Session

from gateway.keys.model import DEPLOYMENT, KeyMissing, KeyRole
from gateway.keys.service import Keyring
from gateway.seal import mldsa, signature
from gateway.seal.twin import SigningTwin


class Signer(Enum):
    """What a twin signs for: the roles of its Ed25519 and its ML-DSA-44 seed."""

    LOG = (KeyRole.LOG_SIGNING, KeyRole.LOG_SIGNING_MLDSA)
    PACKAGE = (KeyRole.PACKAGE_SIGNING, KeyRole.PACKAGE_SIGNING_MLDSA)


def create_twin(keyring: Keyring, session: Session, signer: Signer) -> None:
    """Make both keys, where there are none yet."""
    for role in signer.value:
        keyring.ensure(session, role=role, owner=DEPLOYMENT)


def check_twin(keyring: Keyring, session: Session, signer: Signer) -> None:
    """Raise `KeyMissing` unless both keys are there."""
    for role in signer.value:
        _find(keyring, session, role)


def renew_twin(keyring: Keyring, session: Session, signer: Signer) -> tuple[SigningTwin, SigningTwin]:
    """New keys in place of both, and the old ones destroyed; the old twin, for its last signature, and the new."""
    old = signing_twin(keyring, session, signer)
    for role in signer.value:
        gone, _new = keyring.renew(session, role=role, owner=DEPLOYMENT)
        keyring.shred(session, gone)
    return old, signing_twin(keyring, session, signer)


def signing_twin(keyring: Keyring, session: Session, signer: Signer) -> SigningTwin:
    """Both secret keys; raises `KeyMissing`."""
    ed25519, post_quantum = (keyring.unwrap(session, _find(keyring, session, role)) for role in signer.value)
    return SigningTwin(signature.SigningKey(ed25519), mldsa.SigningKey(post_quantum))


def _find(keyring: Keyring, session: Session, role: KeyRole) -> str:
    try:
        return keyring.find(session, role=role, owner=DEPLOYMENT)
    except KeyMissing as error:
        if role in (KeyRole.LOG_SIGNING, KeyRole.PACKAGE_SIGNING):
            raise
        raise KeyMissing(
            f"There is no {role.value} key: restore the key backup or, where this data folder is from before "
            "everything was signed with ML-DSA-44 too, start a new one with `gateway init`."
        ) from error
