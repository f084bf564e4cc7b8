"""Other people's readers as judges of our records: in-toto-attestation of the statement, securesystemslib of the envelope.

Reads lines `ENVELOPE PAE` (base64) from standard input. Fails if either disagrees with us, and also if either would accept
what it must not: a judge that accepts everything is none.
"""

import base64
import json
import sys

from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope


def statement_of(payload: dict) -> Statement:
    predicate_type, predicate = payload["predicateType"], payload["predicate"]
    statement = Statement([], predicate_type, predicate)
    json_format.Parse(json.dumps(payload), statement.pb)
    statement.validate()
    return statement


def refused(payload: dict) -> bool:
    try:
        statement_of(payload)
    except (ValueError, KeyError, json_format.ParseError):
        return True
    return False


count = 0
for line in sys.stdin:
    envelope_text, pae = (base64.b64decode(word) for word in line.split())
    envelope = Envelope.from_dict(json.loads(envelope_text))
    assert envelope.pae() == pae, "securesystemslib encodes something else for signing"
    assert len(envelope.signatures) == 1
    payload = json.loads(envelope.payload)
    statement = statement_of(payload)
    subject = statement.pb.subject[0]
    assert subject.digest["gitCommit"] == payload["predicate"]["head"]["commit"]
    # What in-toto made of the predicate is what we wrote: no number became a double on the way.
    assert json_format.MessageToDict(statement.pb.predicate) == payload["predicate"]
    for change in ({"_type": "https://in-toto.io/Statement/v0.1"}, {"subject": []}, {"predicateType": ""}):
        assert refused(payload | change), f"in-toto accepts {change}"
    count += 1
assert count > 0, "nothing was asked"
print(f"{count} records, in-toto-attestation and securesystemslib agree")
