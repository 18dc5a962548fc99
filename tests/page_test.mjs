#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The page in a real browser, on the real server: page_test.mjs ORFEAS SOURCE_ROOT [WORD]. Prints TAP;
// WORD picks the sentences that contain it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const orfeas = resolve(process.argv[2]);
const root = resolve(process.argv[3]);
const need = createRequire(join(root, 'package.json'));
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path => existsSync(path));
const patience = 120000; // ms, for a busy machine; nothing is measured here
const tests = [];
const sentence = (name, test, options = {}) => {
    if (name.includes(process.argv[4] ?? ''))
        tests.push({ name, test, options });
};
const picture = name => ({ name, mimeType: name.endsWith('svg') ? 'image/svg+xml' : name.endsWith('png') ? 'image/png' : 'image/jpeg',
    buffer: readFileSync(join(root, 'tests/data', name)) });
const house = ['house-front.png', 'house-right.png', 'house-back.png', 'house-left.png'].map(picture);

// --- Server and browser ------------------------------------------------------------------------------------

class Server {
    constructor(data) {
        this.data = data;
    }

    async start(port = 0) {
        this.child = spawn(orfeas, ['serve', '--port', String(port), '--data', this.data], { stdio: ['ignore', 'pipe', 'pipe'] });
        this.log = '';
        this.url = await new Promise((found, lost) => {
            const hear = chunk => {
                this.log += chunk;
                const url = /http:\/\/[\w.:[\]-]+:\d+/.exec(this.log);
                if (url)
                    found(url[0]);
            };
            this.child.stdout.on('data', hear);
            this.child.stderr.on('data', hear);
            this.child.on('exit', code => lost(new Error(`orfeas serve ended with ${code}: ${this.log}`)));
        });
    }

    get runs() {
        return this.child.exitCode === null && this.child.signalCode === null;
    }

    async end(signal = 'SIGTERM') {
        if (!this.runs)
            return;
        const gone = new Promise(done => this.child.on('exit', done));
        this.child.kill(signal);
        await gone;
    }
}

/** One visit: a page of its own, what it complained of, whom it asked. */
async function visit(browser, server, options) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, acceptDownloads: true, ...options });
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    const complaints = [];
    page.on('console', message => {
        // A refused request is a line in the console by the browser's own doing; the page shows the problem.
        if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text()) && !/GPU stall/.test(message.text()))
            complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(String(error)));
    page.on('request', request => {
        const url = new URL(request.url());
        if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== server.url)
            complaints.push(`asked ${url.origin}`);
    });
    await page.goto(server.url);
    await page.locator('#fields .field').first().waitFor();
    return { page, context, complaints };
}

const status = (page, ...words) => page.waitForFunction(wanted => wanted.includes(document.getElementById('status').textContent), words);
const jobId = page => new URLSearchParams(new URL(page.url()).hash.slice(1)).get('job');
const jobOf = async (page, server) => await (await fetch(`${server.url}/api/v1/jobs/${jobId(page)}`)).json();

async function drop(page, ...files) {
    const transfer = await page.evaluateHandle(list => {
        const data = new DataTransfer();
        for (const { name, type, bytes } of list)
            data.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], name, { type }));
        return data;
    }, files.map(file => ({ name: file.name, type: file.mimeType, bytes: file.buffer.toString('base64') })));
    await page.dispatchEvent('#stage', 'dragenter', { dataTransfer: transfer });
    await page.dispatchEvent('#stage', 'drop', { dataTransfer: transfer });
}

let wishes = 0;

/** A job that takes seconds, so that there is a middle to act in; each of another size, so that none is known before. */
async function startSlow(page) {
    await page.selectOption('#method', 'hull');
    await page.locator('label', { hasText: 'High' }).click();
    await page.fill('#p-size', String(100 + ++wishes));
    await page.locator('summary').click();
    await page.fill('#p-resolution', '512');
    await drop(page, ...house);
    await page.waitForURL(/#job=/);
}

/** Notes every stage shown with its triangles, and every value of the progress bar. */
async function watch(page) {
    await page.evaluate(() => {
        const seen = window.seen = { stages: [], progress: [] };
        const look = () => {
            const { stage, triangles } = document.getElementById('canvas').dataset;
            if (stage && seen.stages.at(-1)?.stage !== stage)
                seen.stages.push({ stage, triangles: Number(triangles) });
            seen.progress.push(Number(document.getElementById('bar').getAttribute('aria-valuenow')));
        };
        new MutationObserver(look).observe(document.getElementById('model'), { attributes: true, subtree: true });
    });
}

async function download(page, format) {
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator(`.downloads a[href$="format=${format}"]`).click()]);
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

// --- From a picture to a model --------------------------------------------------------------------------------

sentence('/page/a-dropped-picture-becomes-stages-in-order', async ({ page, server }) => {
    await watch(page);
    await startSlow(page);
    await status(page, 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'finished');
    const { stages, progress } = await page.evaluate(() => window.seen);
    const order = ['preview', 'medium', 'final', 'finished'];
    const places = stages.map(({ stage }) => order.indexOf(stage));
    assert.deepEqual(places, [...places].sort(), `shown in order: ${JSON.stringify(stages)}`);
    assert.ok(stages.length >= 2, `at least two stages were seen: ${JSON.stringify(stages)}`);
    assert.ok(stages.at(-1).triangles > stages[0].triangles, `triangles rise: ${JSON.stringify(stages)}`);
    assert.ok(progress.every((value, i) => i === 0 || value >= progress[i - 1]), `progress falls: ${progress}`);
    assert.equal(progress.at(-1), 100);
    const job = await jobOf(page, server);
    assert.equal(job.status, 'succeeded');
    assert.equal(await page.locator('.stages .ready').count(), 4);
    assert.equal(stages.at(-1).triangles, job.measures.triangles);
    await page.getByText('Watertight').waitFor();
});

sentence('/page/the-model-downloads-in-every-format', async ({ page }) => {
    await page.locator('#samples button', { hasText: 'Gears' }).click();
    await status(page, 'Ready');
    const glb = await download(page, 'glb');
    assert.match(glb.name, /\.glb$/);
    const report = await need('gltf-validator').validateBytes(new Uint8Array(glb.bytes));
    assert.equal(report.issues.numErrors, 0, JSON.stringify(report.issues));
    const starts = { '3mf': 'PK', obj: 'PK', ply: 'ply' };
    for (const format of ['stl', 'obj', 'ply', '3mf']) {
        const file = await download(page, format);
        assert.ok(file.bytes.length > 1000, `${format}: ${file.bytes.length} bytes`);
        assert.ok(file.name.endsWith(format === 'obj' ? '.zip' : `.${format}`), file.name);
        assert.equal(file.bytes.subarray(0, starts[format]?.length ?? 0).toString(), starts[format] ?? '');
    }
});

sentence('/page/a-reload-in-mid-job-goes-on-and-ends', async ({ page, server }) => {
    await startSlow(page);
    await page.locator('.stages .ready').first().waitFor();
    const id = jobId(page);
    assert.equal((await jobOf(page, server)).status, 'running');
    await page.reload();
    await status(page, 'Working', 'Waiting', 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage !== undefined);
    await status(page, 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'finished');
    assert.equal(jobId(page), id);
    assert.equal((await jobOf(page, server)).attempt, 1);
});

sentence('/page/a-server-that-comes-back-is-found-again', async ({ page, server }) => {
    await startSlow(page);
    await page.locator('.stages .ready').first().waitFor();
    const port = new URL(server.url).port;
    await server.end('SIGKILL');
    await page.getByText('connection lost').waitFor();
    await server.start(port);
    await status(page, 'Ready');
    assert.equal((await jobOf(page, server)).status, 'succeeded');
});

sentence('/page/cancel-stops-the-job', async ({ page, server }) => {
    await startSlow(page);
    await page.locator('#cancel').click();
    await status(page, 'Cancelled');
    assert.equal((await jobOf(page, server)).status, 'canceled');
    assert.equal(await page.locator('#cancel').isVisible(), false);
    await page.locator('#start').click(); // and it can be made after all
    await status(page, 'Working', 'Ready');
    await page.locator('#cancel').click();
});

// --- Wrong and right input --------------------------------------------------------------------------------------

sentence('/page/a-bad-file-shows-what-is-wrong-and-what-to-do', async ({ page }) => {
    await drop(page, { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('these are words') });
    const box = page.getByRole('alert');
    await box.waitFor();
    assert.match(await box.innerText(), /notes\.jpg/);
    assert.ok((await box.locator('.hint').innerText()).length > 10, 'a hint');
    await drop(page, picture('cat.jpg'));
    await status(page, 'Ready');
    assert.equal(await box.isVisible(), false);
});

sentence('/page/a-busy-server-is-asked-again-with-the-same-key', async ({ page, server }) => {
    const keys = [];
    await page.route('**/api/v1/generate-3d', async route => {
        keys.push(await route.request().headerValue('Idempotency-Key'));
        if (keys.length > 1)
            return route.continue();
        return route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({
            type: 'about:blank', title: 'Busy', status: 503, code: 'queue_full', detail: 'The queue is full.', retryable: true, retry_after_s: 1 }) });
    });
    await drop(page, picture('gears.svg'));
    await page.getByText('The queue is full.').waitFor();
    await page.getByRole('button', { name: 'Try again', exact: true }).click();
    await status(page, 'Ready');
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.equal((await jobOf(page, server)).status, 'succeeded');
});

sentence('/page/every-parameter-is-in-the-form-and-travels', async ({ page, server }) => {
    const { generators, common } = await (await fetch(`${server.url}/api/v1/generators`)).json();
    for (const generator of generators) {
        await page.selectOption('#method', generator.name);
        for (const { name } of [...generator.parameters, ...common])
            assert.ok(await page.locator(`#p-${name}, [name="p-${name}"]`).count() > 0, `${generator.name}: ${name}`);
    }
    await page.locator('#eager').uncheck();
    await page.selectOption('#method', 'lithophane');
    await page.fill('#p-thick', '900');
    await drop(page, picture('cat.jpg'));
    await page.locator('#start').click();
    await page.locator('#p-thick-fault').waitFor();
    assert.equal(await page.locator('#p-thick').getAttribute('aria-invalid'), 'true');
    assert.equal(jobId(page), null, 'nothing was sent');
    await page.fill('#p-thick', '4');
    await page.fill('#p-size', '60');
    await page.locator('label', { hasText: 'Draft' }).click();
    await page.locator('#start').click();
    await status(page, 'Ready');
    const job = await jobOf(page, server);
    assert.equal(job.generator, 'lithophane');
    const { size, quality, thick } = job.parameters;
    assert.deepEqual([parseFloat(size), quality, parseFloat(thick)], [60, 'draft', 4]);
});

sentence('/page/sides-of-one-thing-travel-with-their-angles', async ({ page, server }) => {
    await page.locator('label', { hasText: 'Draft' }).click();
    await page.locator('#samples button', { hasText: 'House' }).click();
    await status(page, 'Ready');
    const sides = await page.locator('.card select').evaluateAll(selects => selects.map(select => Number(select.value)));
    assert.deepEqual(sides, [0, 90, 180, 270]);
    assert.equal((await jobOf(page, server)).generator, 'hull');
});

sentence('/page/a-method-without-pictures-needs-none', async ({ page, server }) => {
    await page.selectOption('#method', 'text');
    await page.fill('#p-text', 'Hello');
    await page.locator('label', { hasText: 'Draft' }).click();
    await page.locator('#start').click();
    await status(page, 'Ready');
    assert.equal((await jobOf(page, server)).generator, 'text');
});

// --- The view ------------------------------------------------------------------------------------------------------

const shot = async page => (await page.locator('#view').screenshot()).toString('base64');

/** Share of pixels that differ clearly between two pictures. */
async function differing(browser, a, b) {
    const page = await browser.newPage();
    const share = await page.evaluate(async sources => {
        const [one, other] = await Promise.all(sources.map(async source => {
            const image = new Image();
            image.src = `data:image/png;base64,${source}`;
            await image.decode();
            const pen = new OffscreenCanvas(image.width, image.height).getContext('2d');
            pen.drawImage(image, 0, 0);
            return pen.getImageData(0, 0, image.width, image.height).data;
        }));
        let n = 0;
        for (let i = 0; i < one.length; i += 4)
            n += Math.abs(one[i] - other[i]) + Math.abs(one[i + 1] - other[i + 1]) + Math.abs(one[i + 2] - other[i + 2]) > 40;
        return n / (one.length / 4);
    }, [a, b]);
    await page.close();
    return share;
}

/** Two pictures in a row are the same: nothing moves any more. */
async function still(page) {
    for (let before = await shot(page), n = 0; n < 20; n++) {
        const now = await shot(page);
        if (now === before)
            return now;
        before = now;
    }
    throw new Error('the view never comes to rest');
}

sentence('/page/the-camera-stays-when-another-stage-comes', async ({ page, browser }) => {
    await page.locator('#samples button', { hasText: 'Barrel' }).click();
    await status(page, 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'finished');
    const before = await still(page);
    await page.locator('#canvas').focus();
    for (let i = 0; i < 4; i++)
        await page.keyboard.press('ArrowUp');
    await page.keyboard.press('-');
    const turned = await still(page);
    await page.locator('.stages button', { hasText: 'Preview' }).click();
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'preview');
    const other = await still(page);
    const [moved, kept] = [await differing(browser, before, turned), await differing(browser, turned, other)];
    assert.ok(moved > 0.05 && kept < moved / 2, `turning changed ${moved}, another stage ${kept}`);
    await page.keyboard.press('f');
}, { reducedMotion: 'reduce' });

sentence('/page/each-look-is-another-picture', async ({ page, browser }) => {
    await page.locator('#samples button', { hasText: 'Gears' }).click();
    await status(page, 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'finished');
    const shots = [];
    for (const name of ['Picture', 'Clay', 'Wires']) {
        const button = page.getByRole('button', { name, exact: true });
        await button.click();
        assert.equal(await button.getAttribute('aria-pressed'), 'true');
        shots.push(await still(page));
    }
    for (const [a, b] of [[0, 1], [1, 2], [0, 2]])
        assert.ok(await differing(browser, shots[a], shots[b]) > 0.005, `looks ${a} and ${b}`);
}, { reducedMotion: 'reduce' });

sentence('/page/a-lithophane-is-seen-against-light', async ({ page, browser }) => {
    const button = page.getByRole('button', { name: 'Against light', exact: true });
    await page.locator('label', { hasText: 'Draft' }).click();
    await page.selectOption('#method', 'inflate');
    await drop(page, picture('portrait.jpg'));
    await status(page, 'Ready');
    assert.ok(!await button.isVisible());
    await page.selectOption('#method', 'lithophane');
    await drop(page, picture('portrait.jpg'));
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage !== 'finished');
    await status(page, 'Ready');
    await page.waitForFunction(() => document.getElementById('canvas').dataset.stage === 'finished');
    await button.waitFor();
    await page.locator('#canvas').focus();
    assert.equal(await button.getAttribute('aria-pressed'), 'true');
    const lit = await still(page);
    if (process.env.LOOK) { const { writeFileSync } = await import('node:fs'); writeFileSync(process.env.LOOK, await page.screenshot()); }
    await page.getByRole('button', { name: 'Clay', exact: true }).click();
    assert.ok(await differing(browser, lit, await still(page)) > 0.1);
}, { reducedMotion: 'reduce' });

// --- For everybody ---------------------------------------------------------------------------------------------------

async function axe(page) {
    await page.evaluate(readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 120)).join(' | ')}`), []);
}

for (const colorScheme of ['light', 'dark'])
    sentence(`/page/axe-finds-nothing-in-the-${colorScheme}`, async ({ page }) => {
        await axe(page);
        await page.locator('summary').click();
        await axe(page);
        await page.locator('label', { hasText: 'Draft' }).click();
        await page.locator('#samples button', { hasText: 'House' }).click();
        await status(page, 'Ready');
        await page.locator('.downloads').waitFor();
        await axe(page);
    }, { colorScheme });

sentence('/page/the-keyboard-alone-goes-from-picture-to-download', async ({ page }) => {
    const reach = async wanted => {
        for (let i = 0; i < 80; i++) {
            await page.keyboard.press('Tab');
            if (await page.evaluate(selector => document.activeElement?.matches(selector) ?? false, wanted))
                return;
        }
        throw new Error(`Tab never reaches ${wanted}`);
    };
    await reach('.samples button');
    await page.keyboard.press('Enter');
    await status(page, 'Ready');
    await page.locator('.downloads').waitFor();
    await reach('#canvas');
    await page.keyboard.press('ArrowRight');
    await reach('.downloads a');
    const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.match(file.suggestedFilename(), /\.glb$/);
});

sentence('/page/a-narrow-screen-shows-all-without-scrolling-sideways', async ({ page }) => {
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await wide(), 360);
    await page.locator('summary').click();
    assert.equal(await wide(), 360);
    await page.locator('#samples button', { hasText: 'House' }).click();
    await status(page, 'Ready');
    await page.locator('.downloads').waitFor();
    assert.equal(await wide(), 360);
}, { viewport: { width: 360, height: 640 } });

sentence('/page/recent-jobs-are-found-again', async ({ page }) => {
    await page.locator('#samples button', { hasText: 'Gears' }).click();
    await status(page, 'Ready');
    const id = jobId(page);
    await page.getByRole('button', { name: 'New picture' }).click();
    await page.getByRole('heading', { name: 'Drop a picture' }).waitFor();
    assert.equal(jobId(page), null);
    await page.locator(`.recent a[href$="${id}"]`).click();
    await page.locator('.downloads').waitFor();
    assert.equal(jobId(page), id);
    await page.goBack();
    await page.getByRole('heading', { name: 'Drop a picture' }).waitFor();
});

sentence('/page/recent-jobs-have-picture-and-name-and-go-when-deleted', async ({ page }) => {
    await drop(page, picture('barrel.png'));
    await status(page, 'Ready');
    const id = jobId(page);
    const row = page.locator('.recent li').filter({ has: page.locator(`a[href$="${id}"]`) });
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await row.getByText('barrel').waitFor();
    await page.waitForFunction(job => document.querySelector(`.recent a[href$="${job}"] img`)?.naturalWidth > 0, id);
    await row.getByRole('button', { name: 'Delete barrel' }).click();
    await page.getByRole('heading', { name: 'Drop a picture' }).waitFor();
    await row.waitFor({ state: 'detached' });
});

sentence('/page/a-refused-picture-leaves-no-old-model-in-sight', async ({ page }) => {
    await drop(page, picture('gears.svg'));
    await status(page, 'Ready');
    await drop(page, { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('these are words') });
    await page.getByRole('alert').waitFor();
    assert.equal(await page.locator('#model').isVisible(), false);
    assert.equal(await page.locator('#result').isVisible(), false);
    assert.equal(jobId(page), null);
});

sentence('/page/what-auto-would-have-taken-next-is-one-click-away', async ({ page, server }) => {
    await drop(page, picture('cup.jpg'));
    await status(page, 'Ready');
    const first = await jobOf(page, server);
    assert.ok(first.runner_up.generator !== first.generator);
    await page.locator('.others button').first().click();
    await page.waitForFunction(id => !location.hash.includes(id) && document.getElementById('status').textContent === 'Ready', first.id);
    assert.equal((await jobOf(page, server)).generator, first.runner_up.generator);
});

sentence('/page/tools-follow-the-table-and-work-on-the-model', async ({ page, server }) => {
    await drop(page, picture('gears.svg'));
    await status(page, 'Ready');
    const first = jobId(page);
    const { operations } = await (await fetch(`${server.url}/api/v1/operations`)).json();
    const usable = operations.filter(operation => operation.takes === 'assets' && operation.least <= 1).map(operation => operation.name);
    await page.locator('.work summary').click();
    assert.deepEqual(await page.locator('#tool option').evaluateAll(options => options.map(option => option.value)), usable);
    await page.selectOption('#tool', 'measure');
    await page.locator('.work button').click();
    await page.locator('.told dt', { hasText: 'Triangles' }).waitFor();
    await page.selectOption('#tool', 'simplify');
    await page.fill('#tool-triangles', '100');
    await page.locator('.work button').click();
    await page.waitForFunction(id => !location.hash.includes(id), first);
    await status(page, 'Ready');
    const job = await jobOf(page, server);
    assert.equal(job.operation, 'simplify');
    assert.equal(job.parameters.triangles, 100);
    assert.ok(job.measures.triangles > 0 && job.facts.before > 0);
    assert.equal(await page.locator('#result .who h2').textContent(), 'Simplify');
    assert.equal(await page.locator('#stages li').count(), 1);
});

sentence('/page/the-desk-is-as-high-as-the-window-whatever-is-open', async ({ page }) => {
    await page.locator('summary').click();
    const [document, window] = await page.evaluate(() => [document.documentElement.scrollHeight, window.innerHeight]);
    assert.equal(document, window);
}, { viewport: { width: 1280, height: 800 } });

// --- TAP ---------------------------------------------------------------------------------------------------------------

async function runOne({ test, options }, browser, server) {
    const { page, context, complaints } = await visit(browser, server, options);
    try {
        await test({ page, browser, server });
        assert.deepEqual(complaints, [], 'the console is quiet and nobody else is asked');
    } finally {
        await context.close();
    }
}

async function main() {
    if (!chromium || !existsSync(join(root, 'node_modules/playwright-core'))) {
        console.log('1..0 # SKIP needs Chromium and node_modules/playwright-core');
        return;
    }
    console.log(`1..${tests.length}`);
    const data = mkdtempSync(join(tmpdir(), 'orfeas-page-'));
    const server = new Server(data);
    await server.start();
    const browser = await need('playwright-core').chromium.launch({ executablePath: chromium,
        args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'] });
    let failed = 0;
    for (const [i, each] of tests.entries())
        try {
            if (!server.runs)
                await server.start();
            await runOne(each, browser, server);
            console.log(`ok ${i + 1} ${each.name}`);
        } catch (error) {
            failed++;
            console.log(`not ok ${i + 1} ${each.name}\n${String(error?.stack ?? error).replace(/^/gm, '# ')}`);
        }
    await browser.close();
    await server.end();
    rmSync(data, { recursive: true, force: true });
    process.exitCode = failed ? 1 : 0;
}

await main();
