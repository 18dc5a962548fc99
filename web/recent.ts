// SPDX-License-Identifier: Apache-2.0
// Jobs of late. The server keeps the jobs; this browser keeps a stamp-sized copy of the pictures it sent.
import { recentJobs, type Job } from './api.js';
import { at, h } from './dom.js';
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

function stampOf(base64: string | undefined): HTMLElement {
    if (!base64)
        return h('span', { class: 'stamp' });
    const blob = new Blob([Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))], { type: 'image/jpeg' });
    const url = URL.createObjectURL(blob);
    const image = h('img', { class: 'stamp', alt: '', src: url });
    image.addEventListener('load', () => URL.revokeObjectURL(url));
    return image;
}

/** Reads the list anew; `current` is marked. */
export async function showRecent(current: string | null, titleOf: (generator: string) => string): Promise<void> {
    const jobs = await recentJobs(shown);
    const known = stamps();
    at('recent').hidden = !jobs.length;
    at('jobs').replaceChildren(...jobs.map(job => h('li', {},
        h('a', { href: `#job=${encodeURIComponent(job.id)}`, 'aria-current': job.id === current && 'true' },
            stampOf(known[job.id]),
            h('span', { class: 'what' }, job.generator ? titleOf(job.generator) : 'Model',
                h('small', {}, `${statusWords[job.status]} · ${ago(job.created_at)}`))))));
}
