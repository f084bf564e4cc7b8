"""Other people's readers as judges of the gate's summary: in-toto-attestation of statement and predicate, securesystemslib of
the envelope and its signature.

Reads lines `ENVELOPE PUBLIC-PEM` (base64) from standard input. Fails if a judge disagrees with us, and also if one would accept
what it must not: a judge that accepts everything is none.
"""

import base64
import copy
import hashlib
import json
import sys

from google.protobuf import json_format
from in_toto_attestation.predicates.vsa.v1.vsa_pb2 import VerificationSummary
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

# RFC 8410: what comes before the 32 bytes of an ed25519 key in its SubjectPublicKeyInfo.
SPKI = bytes.fromhex("302a300506032b6570032100")


def raw_key(pem: str) -> bytes:
    begin, text, end = pem.splitlines()
    assert (begin, end) == ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
    der = base64.b64decode(text, validate=True)
    assert der[:12] == SPKI and len(der) == 44
    return der[12:]


def key_id(raw: bytes) -> str:
    """As `ssh-keygen -l` and DSSE for Go make it."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + raw
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def key_of(raw: bytes, keyid: str) -> SSlibKey:
    return SSlibKey(keyid, "ed25519", "ed25519", {"public": raw.hex()})


def statement_of(payload: dict) -> Statement:
    statement = Statement([], payload["predicateType"], payload["predicate"])
    json_format.Parse(json.dumps(payload), statement.pb)
    statement.validate()
    return statement


def summaries_of(predicate: dict) -> list:
    """The predicate through its protobuf, which refuses members that it does not know.

    Up to 0.9.3 verified_levels is one string there, against the specification: each level is then read by itself.
    """
    field = VerificationSummary.DESCRIPTOR.fields_by_name["verified_levels"]
    repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
    each = [predicate["verifiedLevels"]] if repeated else predicate["verifiedLevels"]
    readings = [predicate | {"verifiedLevels": level} for level in each]
    parsed = [json_format.ParseDict(reading, VerificationSummary()) for reading in readings]
    assert [json_format.MessageToDict(summary) for summary in parsed] == readings, "in-toto reads something else"
    return parsed


def verifies(document: dict, key: SSlibKey) -> bool:
    try:
        # It changes what it is given.
        accepted = Envelope.from_dict(copy.deepcopy(document)).verify([key], 1)
    except VerificationError:
        return False
    assert list(accepted) == [key.keyid]
    return True


def refused(read, data: dict) -> bool:
    try:
        read(data)
    except (ValueError, KeyError, json_format.ParseError):
        return True
    return False


count = 0
for line in sys.stdin:
    envelope_text, pem = (base64.b64decode(word) for word in line.split())
    document = json.loads(envelope_text)
    raw = raw_key(pem.decode())
    key = key_of(raw, key_id(raw))
    assert len(document["signatures"]) == 1
    assert verifies(document, key), "securesystemslib does not verify it"

    altered = copy.deepcopy(document)
    altered["payload"] = base64.b64encode(base64.b64decode(document["payload"]) + b" ").decode()
    assert not verifies(altered, key), "securesystemslib verifies an altered payload"
    retyped = document | {"payloadType": "application/json"}
    assert not verifies(retyped, key), "securesystemslib verifies another payload type"
    assert not verifies(document, key_of(raw[:-1] + bytes([raw[-1] ^ 1]), key.keyid)), "and another key"

    payload = json.loads(base64.b64decode(document["payload"]))
    statement = statement_of(payload)
    subject = statement.pb.subject[0]
    assert len(subject.digest["gitCommit"]) == len(subject.digest["gitTree"]) == 40
    references = json_format.MessageToDict(subject.annotations)
    assert references["sourceRefs"] == references["source_refs"] and len(references["sourceRefs"]) == 1
    predicate = payload["predicate"]
    assert json_format.MessageToDict(statement.pb.predicate) == predicate
    for summary in summaries_of(predicate):
        assert summary.verification_result == "PASSED" and summary.policy.digest["sha256"]
        assert summary.resource_uri == subject.name and summary.time_verified.seconds > 0
    for change in ({"_type": "https://in-toto.io/Statement/v0.1"}, {"subject": []}, {"predicateType": ""}):
        assert refused(statement_of, payload | change), f"in-toto accepts {change}"
    for change in ({"timeVerified": "yesterday"}, {"resourceURI": ""}, {"policy": "x"}, {"verificationResult": 1}):
        assert refused(summaries_of, predicate | change), f"in-toto accepts {change}"
    count += 1
assert count > 0, "nothing was asked"
print(f"{count} summaries, in-toto-attestation and securesystemslib agree")
