#!/usr/bin/env node
// `npm init noos [DIRECTORY]`: the same as `noos init`, without installing Noos first.
import { create, InitError } from '../dist/index.js';

try {
  for (const line of create(process.argv[2])) console.log(line);
} catch (error) {
  if (!(error instanceof InitError)) throw error;
  console.error(`create-noos: ${error.message}`);
  process.exitCode = 2;
}
