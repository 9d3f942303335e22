#!/usr/bin/env bash
# htmx 4's extension for event streams comes back twice a second, whatever the server says about coming back.
#
# Expected: `hx-sse:connect` goes by the rules of EventSource, by which a server governs its clients: `retry: 60000` in a
#           block of its own means "wait a minute before you come again", 204 means "do not come again", and an answer
#           that is no event stream, such as a sign-in page in its place, ends the stream.
# Happens:  the extension fetches for itself, and hears none of the three. A block without data or event is passed over, and
#           its `retry` with it; of a later answer only the status is looked at, so that a page in HTML is taken for a
#           stream that has ended, and 204 for one, too. Each of them counts as a connection that worked, which sets the
#           pause back: every open page asks about each half second, for ever. (The first answer's type is looked at, and a
#           `retry` in a block with data is heard.)
# Version:  htmx.org 4.0.1 (npm; dist/ext/hx-sse.js), in jsdom 26.1.0 on node 20, and seen in Debian's chromium, too; beside
#           it eventsource 4.1.0 (npm), which follows the standard
# Source:   HTML standard, "Server-sent events" (processing model; "retry" in the interpretation of a stream)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts htmx.org@4.0.1 jsdom@26.1.0 eventsource@4.1.0
cat > probe.cjs <<'NODE'
const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { JSDOM } = require("jsdom");
const { EventSource } = require("eventsource");

const CASES = ["retry", "nothing", "page"];
const SECONDS = 5;
const asked = {};

/* The first answer is always a short stream; what comes then is the case. */
const server = createServer((request, response) => {
  const [, who, name] = request.url.split("/");
  const times = (asked[`${who}: ${name}`] = (asked[`${who}: ${name}`] ?? 0) + 1);
  if (name === "nothing" && times > 1) return response.writeHead(204).end();
  if (name === "page" && times > 1) {
    return response.writeHead(200, { "Content-Type": "text/html" }).end("<title>Sign in</title>");
  }
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.end(`${name === "retry" ? "retry: 60000\n\n" : "retry: 500\n\n"}data: hello\n\n`);
});

server.listen(0, "127.0.0.1", () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  const streams = CASES.map((name) => `<p hx-sse:connect="/htmx/${name}"></p>`).join("");
  const { window } = new JSDOM(streams, { url: base, runScripts: "outside-only", pretendToBeVisual: true });
  /* What browsers have and jsdom has not. */
  const fetched = (path, { method, headers, signal }) => fetch(new URL(path, base), { method, headers, signal });
  Object.assign(window, { fetch: fetched, AbortController, TextDecoder, Headers, Response });
  window.CSS = { escape: (text) => text.replace(/[^\w-]/g, "\\$&") };
  const { evaluate } = window.XPathExpression.prototype;
  window.XPathExpression.prototype.evaluate = function (node) { return evaluate.call(this, node, 0, null); };
  window.console.error = () => {};
  for (const file of ["htmx.js", "ext/hx-sse.js"]) window.eval(readFileSync(`node_modules/htmx.org/dist/${file}`, "utf8"));
  for (const name of CASES) new EventSource(`${base}/standard/${name}`);

  setTimeout(() => {
    for (const name of CASES) {
      console.log(`${name}: asked ${asked[`htmx: ${name}`]} times in ${SECONDS} seconds by htmx, ` +
        `${asked[`standard: ${name}`]} by an EventSource`);
    }
    const often = CASES.every((name) => asked[`htmx: ${name}`] >= 5);
    const seldom = CASES.every((name) => asked[`standard: ${name}`] <= 2);
    process.exit(often && seldom ? 0 : 1);
  }, SECONDS * 1000);
});
NODE
node probe.cjs
