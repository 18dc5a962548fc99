// SPDX-License-Identifier: Apache-2.0
// Bundles the page: build.mjs OUTPUT_FOLDER. Two bundles, so that the page stands before the 3D view is read:
// app.js is the page, viewer.js holds three.js and is loaded when there is something to see. Each also comes packed.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = name => fileURLToPath(new URL(name, import.meta.url));

let esbuild;
try {
    esbuild = await import('esbuild');
    createRequire(import.meta.url).resolve('three');
} catch {
    console.error('web: node_modules is missing; run "make", which fetches it, or "npm ci". '
        + 'To build without the page: meson configure -Dpage=false');
    process.exit(1);
}

const common = {
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    outdir: process.argv[2],
    logLevel: 'warning',
    legalComments: 'inline',
};
await esbuild.build({ ...common, entryPoints: [here('app.ts')], external: ['./viewer.js'] });
await esbuild.build({ ...common, entryPoints: [here('viewer.ts')] });
await esbuild.build({ ...common, entryPoints: [here('app.css')] });
for (const name of ['app.js', 'app.css', 'viewer.js']) {
    const path = `${common.outdir}/${name}`;
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
}
