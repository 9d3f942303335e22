#!/usr/bin/env bash
# `request_body { max_size 256KB }` in a Caddyfile reads as "a body of more than 262,144 bytes is answered 413". Debian
# 12's Caddy does neither. KB is 1,000 bytes (KiB is 1,024), unlike nginx's `256k`: a body of 256,001 bytes is refused.
# And behind `reverse_proxy` the answer is 502 for a body that is announced by Content-Length, and 413 only for the same
# body in chunks: 502 is what webhook senders (and alerts) take for a dead backend, and repeat for ever.
# caddy 2.6.2-5 (Debian 12). Needs apt-get and curl, or that version of caddy on the machine.
set -euo pipefail
folder=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
caddy=$(command -v caddy || true)
if [ -z "$caddy" ] || [ "$("$caddy" version)" != 2.6.2 ]; then
  (cd "$folder" && apt-get download --quiet caddy=2.6.2-5 >/dev/null && dpkg -x caddy_*.deb .)
  caddy=$folder/usr/bin/caddy
fi
cat >"$folder/backend.py" <<'PY'
import http.server
import sys


class Takes(http.server.BaseHTTPRequestHandler):
    """Answers 202 to every body that it gets whole."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if length := self.headers.get("content-length"):
            self.rfile.read(int(length))
        else:
            while size := int(self.rfile.readline() or b"0", 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Takes).serve_forever()
PY
cat >"$folder/Caddyfile" <<'CADDY'
{
	admin off
	auto_https off
}
http://127.0.0.1:17881 {
	request_body {
		max_size 256KB
	}
	reverse_proxy 127.0.0.1:17882
}
CADDY
python3 "$folder/backend.py" 17882 &
started+=($!)
HOME=$folder XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder "$caddy" run --adapter caddyfile --config "$folder/Caddyfile" \
  >/dev/null 2>&1 &
started+=($!)
for _ in $(seq 100); do
  curl --silent --fail --output /dev/null --data x http://127.0.0.1:17881/ && break
  sleep 0.1
done

# asked BYTES [curl's options]: the status that a body of so many bytes gets.
asked() {
  head -c "$1" /dev/zero | curl --silent --output /dev/null --write-out '%{http_code}' --data-binary @- "${@:2}" \
    http://127.0.0.1:17881/
}
seen="$(asked 256000) $(asked 256001) $(asked 256001 --header 'Transfer-Encoding: chunked')"
echo "caddy $("$caddy" version), max_size 256KB: 256,000 bytes, 256,001 bytes, 256,001 bytes in chunks: $seen"
[ "$seen" = "202 502 413" ]
