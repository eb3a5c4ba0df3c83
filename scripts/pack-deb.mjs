#!/usr/bin/env node
// Makes build/noos_VERSION_amd64.deb: `apt install ./noos_….deb && systemctl start noos`.
// Usage: npm run pack:deb [-- --no-build]   Needs dpkg-deb (Debian) and, once, the network for Node.js from npm.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeDeb } from './pack/deb.mjs';
import { stage } from './pack/stage.mjs';

const { values } = parseArgs({ options: { build: { type: 'boolean', default: true } }, allowNegative: true });
if (values.build)
  for (const script of ['build', 'build:native'])
    if (spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' }).status !== 0) process.exit(1);
const staged = stage('build/stage-deb');
const path = makeDeb(staged, staged[0].manifest.version);
console.log(`${path} ${(statSync(path).size / 1e6).toFixed(1)} MB`);
