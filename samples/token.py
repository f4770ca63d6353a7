"""Prints a token: python3 token.py SUB ROLE [SECONDS]. Key and issuer are in the environment."""
import base64, hashlib, hmac, json, os, sys, time

sub, role, *seconds = sys.argv[1:]
now = int(time.time())
claims = {"iss": os.environ["NOVA_ISSUER"], "aud": "nova", "sub": sub, "role": role, "iat": now, "exp": now + int((seconds or [300])[0])}

def part(data): return base64.urlsafe_b64encode(data).rstrip(b"=")

signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
key = base64.b64decode(os.environ["NOVA_SIGNING_KEY"])  # The key is the bytes, not their base64 text.
print((signed + b"." + part(hmac.new(key, signed, hashlib.sha256).digest())).decode())
