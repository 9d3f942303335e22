// Atlassian's own parser, as a process: each line of the input is a JSON string with markup, each line of the output the
// JSON of the document that it makes. The folder that node runs in has the packages.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const installed = createRequire(`${process.cwd()}/`);
const { WikiMarkupTransformer } = installed("@atlaskit/editor-wikimarkup-transformer");
const parser = new WikiMarkupTransformer();

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(parser.parse(JSON.parse(line)).toJSON())}\n`);
}
