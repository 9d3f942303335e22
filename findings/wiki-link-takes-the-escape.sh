#!/usr/bin/env bash
# Jira's text formatting help says that a backslash before a mark takes its meaning away: `\{color:red}` is text.
# Directly behind an address it is not so on Cloud: Atlassian's parser lets an address go on through a backslash, so that
# the link takes the escape, and what follows is a real colour (or panel, or quotation). A zero-width space between the
# two ends the address. Where the host is none that a URL may have (`https://1.2.3.999`), there is no link, and the
# escapes hold again: how to escape depends on what comes before.
# @atlaskit/editor-wikimarkup-transformer 12.2.2 (npm, Apache-2.0) with @atlaskit/adf-schema 57.7.22, run on node 20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund --save-exact \
  @atlaskit/editor-wikimarkup-transformer@12.2.2 @atlaskit/adf-schema@57.7.22
cat >look.cjs <<'JS'
const { WikiMarkupTransformer } = require("@atlaskit/editor-wikimarkup-transformer");
const parser = new WikiMarkupTransformer();
const coloured = (markup) => JSON.stringify(parser.parse(markup).toJSON()).includes("textColor");
const seen = {
  "escaped, alone": coloured("\\{color:red}x\\{color}"),
  "escaped, behind an address": coloured("https://a.example/x\\{color:red}x\\{color}"),
  "the same, set apart": coloured("https://a.example/x\u200b\\{color:red}x\\{color}"),
  "behind an address that is none": coloured("https://1.2.3.999/x\\{color:red}x\\{color}"),
};
console.log(seen);
process.exit(JSON.stringify(Object.values(seen)) === "[false,true,false,false]" ? 0 : 1);
JS
node look.cjs
