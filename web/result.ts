// SPDX-License-Identifier: Apache-2.0
// What is told about a job: its way through the stages, who made it and why, measures, downloads.
import { call, isOver, jobPath, newestModel, stageNames, type FileKind, type Job, type Measures, type Problem, type StageName } from './api.js';
import { at, h, icon } from './dom.js';
import { area, bytes, count, eta, number, seconds, size, title, volume } from './words.js';

const statusWords: Record<Job['status'], string> = {
    queued: 'Waiting', running: 'Working', succeeded: 'Ready', failed: 'Failed', canceled: 'Cancelled', expired: 'Expired',
};

const arrow = 'M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 19.5h14';

export interface ResultHooks {
    /** Of a generator or an operation. */
    titleOf: (name: string) => string;
    files: () => readonly FileKind[];
    /** Whether it is made in stages. */
    staged: (job: Job) => boolean;
    /** What else can be done to it. */
    tools: (job: Job) => HTMLElement | null;
    show: (stage: StageName) => void;
    /** The same pictures by another generator. */
    instead: (generator: string) => void;
    problem: (problem: Problem) => void;
}

// --- The track: stages, progress, time left -----------------------------------------------------------------

export function renderTrack(job: Job, step: string, shown: StageName | null, hooks: ResultHooks): void {
    const percent = Math.round(job.progress * 100);
    at('status').textContent = statusWords[job.status];
    at('step').textContent = stepWords(job, step);
    at('cancel').hidden = isOver(job);
    at('bar').setAttribute('aria-valuenow', String(percent));
    at('bar').dataset['status'] = job.status;
    at('bar').querySelector('i')?.style.setProperty('width', `${percent}%`);
    const known = new Map((job.stages ?? []).map(stage => [stage.name, stage]));
    const names: readonly StageName[] = hooks.staged(job) ? stageNames : ['finished'];
    at('stages').replaceChildren(...names.map(name => {
        const stage = known.get(name);
        const next = !isOver(job) && !stage && names.find(other => !known.has(other)) === name;
        return h('li', { class: stage ? 'ready' : next && job.status === 'running' ? 'working' : 'waiting' },
            h('button', { type: 'button', disabled: !stage, 'aria-pressed': String(name === shown), onclick: () => hooks.show(name) },
                h('span', {}, title(name)), h('small', {}, stage?.took_s === undefined || stage.took_s < 0.005 ? '' : seconds(stage.took_s))));
    }));
}

function stepWords(job: Job, step: string): string {
    if (job.status === 'queued')
        return (job.queue_position ?? 0) > 0 ? `${job.queue_position} ahead in the queue` : 'next in the queue';
    if (job.status === 'running')
        return step.replace(/^make: /, '').replaceAll(': ', ' · ');
    return job.cached && job.status === 'succeeded' ? 'made before' : '';
}

/** Time left by the server's measure, less what went by since it was told. */
export function renderLeft(job: Job, since: number): void {
    const gone = (performance.now() - since) / 1000;
    const left = !isOver(job) && job.eta_s ? eta(job.eta_s.p50 - gone, job.eta_s.p90 - gone) : null;
    at('left').textContent = left ?? '';
}

// --- The panel -----------------------------------------------------------------------------------------------

export function renderResult(job: Job, hooks: ResultHooks): void {
    const panel = at('result');
    const parts = [who(job, hooks), others(job, hooks), job.status === 'succeeded' && downloads(job, hooks), job.facts && factList(job.facts),
        job.measures && facts(job.measures), notes(job), job.status === 'succeeded' && hooks.tools(job)]
        .filter(part => part instanceof HTMLElement);
    panel.hidden = !parts.length;
    panel.replaceChildren(...parts);
}

function who(job: Job, hooks: ResultHooks): HTMLElement | null {
    if (!job.generator)
        return job.operation && !hooks.staged(job) ? h('div', { class: 'who' }, h('h2', {}, hooks.titleOf(job.operation))) : null;
    const sure = typeof job.confidence === 'number' && job.confidence < 1 ? `${Math.round(job.confidence * 100)} % sure` : null;
    return h('div', { class: 'who' },
        h('h2', {}, hooks.titleOf(job.generator)),
        job.reason ? h('p', {}, `${sure ? 'Chosen' : 'Made'}: ${job.reason}.`) : null,
        h('p', { class: 'tags' }, sure && h('span', {}, sure), job.cached && h('span', {}, 'made before')));
}

/** What else the picture could be: what auto would have taken next, then its usual neighbours. */
const neighbours: [string, string][] = [
    ['inflate', 'as a round body'], ['relief', 'as a relief'], ['extrude', 'cut out, flat'], ['lathe', 'turned on a lathe'],
    ['lithophane', 'to hold against the light'], ['hull', 'from several sides'], ['depth', 'as a body with depth'],
];

function others(job: Job, hooks: ResultHooks): HTMLElement | null {
    if (job.status !== 'succeeded' || !job.runner_up)
        return null;
    const next = job.runner_up.generator;
    const rest = neighbours.slice(0, 3).map(([name]) => name).filter(name => name !== next && name !== job.generator);
    return h('div', { class: 'others' }, h('h3', {}, 'Not what you meant?'),
        h('p', {}, ...[next, ...rest.slice(0, 2)].map(name => h('button', {
            type: 'button', class: 'quiet', title: name === next && job.runner_up?.reason ? job.runner_up.reason : null,
            onclick: () => hooks.instead(name),
        }, neighbours.find(([known]) => known === name)?.[1] ?? `as ${hooks.titleOf(name).toLowerCase()}`))));
}

function facts(measures: Measures): HTMLElement {
    const { size_mm, volume_mm3, area_mm2, triangles, shells, closed, solid } = measures;
    const rows: [string, string | null | undefined, string?][] = [
        ['Size', size_mm && size(size_mm)],
        ['Volume', volume_mm3 === undefined ? null : volume(volume_mm3)],
        ['Surface', area_mm2 === undefined ? null : area(area_mm2)],
        ['Triangles', triangles === undefined ? null : count(triangles)],
        ['Pieces', shells === undefined ? null : count(shells)],
        ['Watertight', closed === undefined ? null : closed ? 'yes' : 'no', closed ? 'good' : 'bad'],
        ['Printable solid', solid === undefined ? null : solid ? 'yes' : 'no', solid ? 'good' : 'bad'],
    ];
    return h('dl', { class: 'facts' }, ...rows.flatMap(([name, value, mark]) =>
        value ? [h('div', {}, h('dt', {}, name), h('dd', { class: mark }, value))] : []));
}

/** What an operation found out: what is nought or has parts of its own is left out. */
export function factList(found: Record<string, unknown>): HTMLElement {
    const rows = Object.entries(found).flatMap(([name, value]): [string, string][] =>
        typeof value === 'boolean' ? [[name, value ? 'yes' : 'no']]
            : typeof value === 'number' ? value ? [[name, number(value)]] : []
                : typeof value === 'string' && value ? [[name, value]]
                    : Array.isArray(value) && value.length && value.every(each => typeof each === 'number') ? [[name, value.map(number).join(' × ')]] : []);
    return h('dl', { class: 'facts' }, ...rows.map(([name, value]) =>
        h('div', {}, h('dt', {}, title(name.replaceAll('_', ' '))), h('dd', {}, value))));
}

function notes(job: Job): HTMLElement | null {
    if (!job.warnings?.length)
        return null;
    return h('div', { class: 'notes' }, h('h3', {}, 'Worth knowing'), h('ul', {}, ...job.warnings.map(note => h('li', {}, note))));
}

function downloads(job: Job, hooks: ResultHooks): HTMLElement {
    const glb = job.stages?.find(stage => stage.name === 'finished')?.bytes;
    const type = job.stages?.at(-1)?.type ?? '';
    const asItIs: FileKind = { format: 'glb', title: type, use: type, extension: type.split('/').at(-1) ?? '' }; // what is no model
    const offered = newestModel(job) ? hooks.files().filter(file => file.use) : [asItIs];
    return h('div', { class: 'downloads' }, h('h3', {}, 'Download'), h('ul', {}, ...offered.map(file => {
        const { format, title: about, use, extension } = file;
        const link = h('a', {
            href: jobPath(job.id, `/result?format=${format}`), download: '', title: about,
            onclick: event => {
                event.preventDefault();
                void download(link, `orfeas-${job.id.slice(-6).toLowerCase()}.${extension}`, hooks);
            },
        }, icon(arrow), h('span', {}, file === asItIs ? 'The file' : format.toUpperCase(), h('small', {}, format === 'glb' && glb ? `${use} · ${bytes(glb)}` : use)));
        return h('li', {}, link);
    })));
}

/** Fetched here and not by the browser alone: a conversion may take a moment, and a failure has something to say. */
async function download(link: HTMLAnchorElement, fallback: string, hooks: ResultHooks): Promise<void> {
    if (link.getAttribute('aria-busy') === 'true')
        return;
    link.setAttribute('aria-busy', 'true');
    try {
        await keep(await call(link.href), fallback);
    } catch (error) {
        hooks.problem(error as Problem);
    } finally {
        link.removeAttribute('aria-busy');
    }
}

/** Hands what came to the browser as a download. */
export async function keep(answer: Response, fallback: string): Promise<void> {
    const told = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1];
    const url = URL.createObjectURL(await answer.blob());
    h('a', { href: url, download: told ?? fallback }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
}
