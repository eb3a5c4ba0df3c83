/** Size of the hello image with one native runtime: everything that a machine needs to run it. */
import { statSync } from 'node:fs';
import { buildImage, runtimeProcess } from './hello.js';
import { reportBound } from './report.js';

const image = statSync(buildImage('examples/hello')).size;
const runtime = statSync(runtimeProcess).size;
const mib = 1024 * 1024;
console.log(`hello image ${(image / mib).toFixed(2)} MiB, runtime-process ${(runtime / mib).toFixed(2)} MiB`);
reportBound('image size of hello in MiB, one native runtime included', (image + runtime) / mib, 2.5);
