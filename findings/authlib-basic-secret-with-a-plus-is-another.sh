#!/usr/bin/env bash
# Authlib's client and a provider that keeps to the standard take one client secret for two, if it has a `+` or a `%`.
#
# Expected: both speak `client_secret_basic`, the default of OpenID Connect, so that any secret works: RFC 6749 says that id
#           and secret are encoded as in a form before they are put into the header.
# Happens:  Authlib puts them in as they are. oidc-provider, which is certified, decodes what came: `+` becomes a space, and
#           `%2F` a slash, and answers "invalid_client", as for a wrong secret. Every other secret of 32 bytes in base64 has
#           a `+`. One without such characters works, and with `client_secret_post`, in the body, each one does. Authlib's
#           own server decodes, too, but `%` alone: there its client fails with a `%`, and a test with a `+` sees nothing.
# Version:  Authlib 1.9.10 (encode_client_secret_basic in authlib/oauth2/auth.py), requests 2.34.2, Python 3.11;
#           oidc-provider 9.5.2 (npm) on node 20
# Source:   RFC 6749, section 2.3.1 and appendix B; authlib/authlib#594, where the encoding was added and taken back
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${provider:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check authlib==1.9.10 requests==2.34.2
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts oidc-provider@9.5.2
cat > provider.mjs <<'NODE'
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const secrets = { plain: "test-only-secret", plus: "test+only+secret", percent: "test%2Fonly%2Fsecret" };
const clients = ["client_secret_basic", "client_secret_post"].flatMap((method) =>
  Object.entries(secrets).map(([name, client_secret]) => ({
    client_id: `${name}.${method}`, client_secret, token_endpoint_auth_method: method,
    grant_types: ["client_credentials"], response_types: [], redirect_uris: [],
  })));
const provider = new Provider("http://127.0.0.1", { clients, features: { clientCredentials: { enabled: true } } });
const server = createServer(provider.callback()).listen(0, "127.0.0.1", () => {
  writeFileSync("port", String(server.address().port));
});
NODE
node provider.mjs > /dev/null 2>&1 &
provider=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
"$folder/venv/bin/python" - "$(cat port)" <<'PYTHON'
import os
import sys

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.util import extract_basic_authorization

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
address = f"http://127.0.0.1:{sys.argv[1]}/token"
secrets = {"plain": "test-only-secret", "plus": "test+only+secret", "percent": "test%2Fonly%2Fsecret"}
seen = {}
for method in ("client_secret_basic", "client_secret_post"):
    for name, secret in secrets.items():
        with OAuth2Session(f"{name}.{method}", secret, token_endpoint_auth_method=method) as client:
            client.trust_env = False
            try:
                said = client.fetch_token(address, grant_type="client_credentials")["token_type"]
            except OAuthError as error:
                said = error.error
        seen[method, name] = said
        print(f"{method}, {secret}: {said}")
own = {}
for name, secret in secrets.items():
    _, headers, _ = OAuth2Session("client", secret).client_auth("client_secret_basic").prepare("POST", address, {}, "")
    own[name] = extract_basic_authorization(headers)[1] == secret
print("Authlib's server reads what its client wrote:", own)
refused = [each for each, said in seen.items() if said == "invalid_client"]
same = own == {"plain": True, "plus": True, "percent": False}
basic = [("client_secret_basic", "plus"), ("client_secret_basic", "percent")]
sys.exit(0 if same and refused == basic else "this has changed")
PYTHON
