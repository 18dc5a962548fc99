// SPDX-License-Identifier: Apache-2.0
// Jobs of late. The server keeps the jobs; this browser keeps a stamp-sized copy of the pictures it sent.
import { deleteJob, jobPath, newestModel, recentJobs, type Job, type Problem } from './api.js';
import { at, h, icon } from './dom.js';
import { ago } from './words.js';

const shelf = 'orfeas.stamps';
const stampSide = 72;
const kept = 30;
const shown = 8;

const statusWords: Record<Job['status'], string> = {
    queued: 'waiting', running: 'running', succeeded: 'done', failed: 'failed', canceled: 'cancelled', expired: 'expired',
};

function stamps(): Record<string, string> {
    try {
        return JSON.parse(localStorage.getItem(shelf) ?? '{}') as Record<string, string>;
    } catch {
        return {}; // storage is off or spoilt: no stamps
    }
}

/** Keeps a small copy of the picture for the list. */
export async function keepStamp(id: string, url: string): Promise<void> {
    const image = new Image();
    image.src = url;
    try {
        await image.decode();
        const canvas = h('canvas', { width: stampSide, height: stampSide });
        const scale = Math.max(stampSide / (image.naturalWidth || stampSide), stampSide / (image.naturalHeight || stampSide));
        const [width, height] = [(image.naturalWidth || stampSide) * scale, (image.naturalHeight || stampSide) * scale];
        const pen = canvas.getContext('2d');
        if (!pen)
            return;
        pen.fillStyle = '#fff';
        pen.fillRect(0, 0, stampSide, stampSide);
        pen.drawImage(image, (stampSide - width) / 2, (stampSide - height) / 2, width, height);
        const entries = Object.entries(stamps()).slice(-kept + 1);
        const data = canvas.toDataURL('image/jpeg', 0.7).split(',')[1] ?? '';
        localStorage.setItem(shelf, JSON.stringify({ ...Object.fromEntries(entries), [id]: data }));
    } catch { /* a format the browser cannot show, or no storage: the list does without */ }
}

/** The picture that this browser sent; of other jobs the model as the server draws it. */
function stampOf(job: Job, base64: string | undefined): HTMLElement {
    if (!base64 && (job.status !== 'succeeded' || !newestModel(job)))
        return h('span', { class: 'stamp' });
    if (!base64)
        return h('img', { class: 'stamp', alt: '', loading: 'lazy', src: jobPath(job.id, '/view?width=256') });
    const blob = new Blob([Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))], { type: 'image/jpeg' });
    const url = URL.createObjectURL(blob);
    const image = h('img', { class: 'stamp', alt: '', src: url });
    image.addEventListener('load', () => URL.revokeObjectURL(url));
    return image;
}

const nameOf = (job: Job): string => job.name ?? 'Model';

export interface RecentHooks {
    titleOf: (generator: string) => string;
    deleted: (id: string) => void;
    problem: (problem: Problem) => void;
}

function remover(job: Job, name: string, hooks: RecentHooks): HTMLElement {
    const button = h('button', {
        type: 'button', class: 'remove', 'aria-label': `Delete ${name}`, title: 'Delete the model and its files',
        onclick: () => {
            button.disabled = true;
            deleteJob(job.id).then(() => hooks.deleted(job.id), (error: unknown) => hooks.problem(error as Problem));
        },
    }, icon('M7 7l10 10M17 7 7 17'));
    return button;
}

/** Reads the list anew; `current` is marked. */
export async function showRecent(current: string | null, hooks: RecentHooks): Promise<void> {
    const { titleOf } = hooks;
    const jobs = await recentJobs(shown);
    const known = stamps();
    at('recent').hidden = !jobs.length;
    at('jobs').replaceChildren(...jobs.map(job => h('li', {},
        h('a', { href: `#job=${encodeURIComponent(job.id)}`, 'aria-current': job.id === current && 'true' },
            stampOf(job, known[job.id]),
            h('span', { class: 'what' }, nameOf(job),
                h('small', {}, [titleOf(job.generator ?? job.operation ?? ''), statusWords[job.status], ago(job.created_at)]
                    .filter(Boolean).join(' · ')))),
        remover(job, nameOf(job), hooks))));
}
